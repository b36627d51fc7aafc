"""A reader without hardware: presents what its options or a test tell it to."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from types import TracebackType
from typing import Annotated, Self

from livegate.errors import DeviceLost, DeviceTimeout, DriverError
from livegate.options import Between, Matches
from livegate.types import CredentialRead

# A real reader forgets, too: it keeps a few reads for a terminal that is busy, and drops the oldest.
KEPT = 8


@dataclass(frozen=True, slots=True)
class Presentation:
    """A credential presented ``after_ms`` after the reader was first entered."""

    value: str = field(repr=False)
    after_ms: Annotated[float, Between(0, None)] = 0.0
    kind: Annotated[str, Matches("[a-z]+")] = "card"


@dataclass(frozen=True, slots=True)
class Options:
    """The credentials to come."""

    present: tuple[Presentation, ...] = ()


class ScriptedReader:
    """Delivers credentials in the order presented, each once. Safe between threads."""

    def __init__(self, options: Options) -> None:
        self._script = deque(sorted(options.present, key=lambda presentation: presentation.after_ms))
        self._waiting: deque[CredentialRead] = deque(maxlen=KEPT)
        self._changed = threading.Condition()
        self._entered_ns: int | None = None
        self._open = False
        self._plugged = True

    def present(self, value: str, kind: str = "card") -> None:
        """Hold a credential to the reader now; without effect while it is closed or unplugged."""
        with self._changed:
            if self._open and self._plugged:
                self._waiting.append(CredentialRead(kind, value, time.monotonic_ns()))
                self._changed.notify_all()

    def unplug(self) -> None:
        """Pull the plug; a waiting read notices at once."""
        with self._changed:
            self._plugged = False
            self._waiting.clear()
            self._changed.notify_all()

    def plug(self) -> None:
        """Put the plug in again; the reader must be entered again, too."""
        with self._changed:
            self._plugged = True

    def __enter__(self) -> Self:
        """Connect; raise DriverError while unplugged."""
        with self._changed:
            if not self._plugged:
                raise DriverError("scripted reader: is unplugged; plug it in")
            if self._entered_ns is None:
                self._entered_ns = time.monotonic_ns()
            self._open = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        with self._changed:
            self._open = False
            self._waiting.clear()

    def read(self, timeout_s: float) -> CredentialRead:
        """Return the next credential; DeviceTimeout after ``timeout_s``, DeviceLost when closed or unplugged."""
        deadline_ns = time.monotonic_ns() + round(timeout_s * 1e9)
        with self._changed:
            while True:
                if not self._plugged or not self._open or self._entered_ns is None:
                    self._open = False
                    raise DeviceLost("scripted reader: is closed or unplugged; enter it again")
                self._play(self._entered_ns)
                if self._waiting:
                    return self._waiting.popleft()
                left_s = (deadline_ns - time.monotonic_ns()) / 1e9
                if left_s <= 0:
                    raise DeviceTimeout(f"scripted reader: no credential within {timeout_s:g} s")
                self._changed.wait(min(left_s, self._until_next_s(self._entered_ns)))

    def _play(self, entered_ns: int) -> None:
        while self._script and self._until_next_s(entered_ns) <= 0:
            next_ = self._script.popleft()
            self._waiting.append(CredentialRead(next_.kind, next_.value, entered_ns + round(next_.after_ms * 1e6)))

    def _until_next_s(self, entered_ns: int) -> float:
        if not self._script:
            return threading.TIMEOUT_MAX
        return (entered_ns + self._script[0].after_ms * 1e6 - time.monotonic_ns()) / 1e9


def open_reader(options: Options) -> ScriptedReader:
    """Return a scripted reader."""
    return ScriptedReader(options)
