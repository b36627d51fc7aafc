"""A lamp without hardware that behaves, and remembers how it shone: for tests, trials and demonstrations.

A test that holds the object takes it away with :meth:`SimulatedIlluminator.unplug` and brings it back with ``plug``.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import Annotated, Self

from livegate.errors import DeviceLost, DriverError
from livegate.options import Between

_HISTORY = 1000


@dataclass(frozen=True, slots=True)
class Options:
    """How long the light takes to be as it was told."""

    settle_ms: Annotated[float, Between(0, 450)] = 0.0


class SimulatedIlluminator:
    """Shines with a level, 0..1; ``history`` is of (monotonic ns, level since then), bounded, from any thread."""

    def __init__(self, options: Options | None = None) -> None:
        self._options = options or Options()
        self._lock = threading.Lock()
        self._open = False
        self._plugged = True
        self._history: deque[tuple[int, float]] = deque([(0, 0.0)], maxlen=_HISTORY)

    @property
    def history(self) -> tuple[tuple[int, float], ...]:
        """When it began to shine how, oldest first."""
        with self._lock:
            return tuple(self._history)

    @property
    def level(self) -> float:
        """How it shines now."""
        return self.history[-1][1]

    def unplug(self) -> None:
        """Take it away: it is dark."""
        with self._lock:
            self._plugged = False
            self._history.append((time.monotonic_ns(), 0.0))

    def plug(self) -> None:
        """Bring it back; it is dark until it is entered again and told to shine."""
        with self._lock:
            self._plugged = True

    def __enter__(self) -> Self:
        """Open; raise DriverError while unplugged."""
        with self._lock:
            if not self._plugged:
                raise DriverError("simulated lamp: is unplugged; plug it in")
            self._open = True
            self._history.append((time.monotonic_ns(), 0.0))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Go dark and close."""
        with self._lock:
            self._open = False
            self._history.append((time.monotonic_ns(), 0.0))

    def shine(self, level: float) -> None:
        """Shine so, once it is settled; raise DeviceLost while closed or unplugged."""
        time.sleep(self._options.settle_ms / 1000)
        with self._lock:
            if not self._plugged or not self._open:
                self._open = False
                raise DeviceLost("simulated lamp: was unplugged or is closed; enter it again")
            self._history.append((time.monotonic_ns(), min(max(level, 0.0), 1.0)))


def open_illuminator(options: Options) -> SimulatedIlluminator:
    """Return a simulated lamp."""
    return SimulatedIlluminator(options)
