"""One thread for what takes seconds, so that the MQTT thread never does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

Name = TypeVar("Name")
Result = TypeVar("Result")


class Helper(Generic[Name, Result]):
    """Does one task at a time in a daemon thread; whoever began it asks now and then whether it is finished."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._thread: threading.Thread | None = None
        self._finished: SimpleQueue[tuple[Name, Result]] = SimpleQueue()

    def busy(self) -> bool:
        """Return whether a task runs."""
        return self._thread is not None and self._thread.is_alive()

    def begin(self, name: Name, task: Callable[[], Result]) -> None:
        """Begin ``task``, which bounds its own time and raises nothing; only while not :meth:`busy`."""

        def run() -> None:
            self._finished.put((name, task()))

        self._thread = threading.Thread(target=run, name=self._name, daemon=True)
        self._thread.start()

    def finished(self) -> Iterator[tuple[Name, Result]]:
        """Yield and forget what has been finished."""
        while True:
            try:
                yield self._finished.get_nowait()
            except Empty:
                return
