"""Credential readers: one thread a reader, and what was read waits in one bounded place."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import zip_longest
from typing import Self

from livegate.config import ReaderConfig
from livegate.drivers import open_reader
from livegate.errors import DeviceLost, DeviceTimeout, DriverError
from livegate.gate.reader import Reader
from livegate.types import CredentialRead, Direction

log = logging.getLogger(__name__)

READ_TIMEOUT_S = 0.2
RETRY_S = 1.0
# More cards than this between two pictures is a machine, not people; the oldest are the ones to forget.
MAX_WAITING = 8


class Readers:
    """All readers of a terminal, running between ``__enter__`` and ``__exit__``.

    A reader that cannot be opened or is lost does not stop the others; it is tried again every second, and told of once
    until it has read something again.
    """

    def __init__(self, readers: Sequence[Reader], directions: Sequence[Direction] = ()) -> None:
        """``directions`` says which way each reader stands for, in their order; none given, all lead in."""
        self._waiting: deque[CredentialRead] = deque(maxlen=MAX_WAITING)
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(reader, way), name=f"reader-{number}", daemon=True)
            for number, (reader, way) in enumerate(zip_longest(readers, directions, fillvalue=Direction.IN), 1)
        ]

    def __enter__(self) -> Self:
        """Start a thread a reader."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop all threads and close the readers."""
        self._stop.set()
        for thread in self._threads:
            thread.join(2 * (READ_TIMEOUT_S + RETRY_S))

    def ended(self) -> str | None:
        """Return the name of a reader's thread that has ended by itself, which only a defect does, or None."""
        return next((thread.name for thread in self._threads if not thread.is_alive()), None)

    def take(self) -> tuple[CredentialRead, ...]:
        """Return what was read since the last call, oldest first; never waits."""
        reads = []
        while True:
            try:
                reads.append(self._waiting.popleft())
            except IndexError:
                return tuple(reads)

    def _run(self, reader: Reader, way: Direction) -> None:
        reported = ""
        while not self._stop.is_set():
            try:
                with reader:
                    for read in self._reads(reader):
                        self._waiting.append(replace(read, direction=way))
                        reported = ""
            except (DriverError, DeviceLost) as exc:
                if str(exc) != reported:
                    log.warning("reader lost", extra={"error": str(exc)})
                    reported = str(exc)
                self._stop.wait(RETRY_S)

    def _reads(self, reader: Reader) -> Iterator[CredentialRead]:
        while not self._stop.is_set():
            with suppress(DeviceTimeout):
                yield reader.read(READ_TIMEOUT_S)


def open_readers(readers: Sequence[ReaderConfig]) -> Readers:
    """Return the configured readers, not yet entered; errors as for :func:`livegate.drivers.open_reader`."""
    return Readers([open_reader(reader) for reader in readers], [reader.direction for reader in readers])
