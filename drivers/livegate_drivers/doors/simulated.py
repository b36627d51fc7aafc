"""A door without hardware that keeps a real door's rules, and a passer-by who may open, force or hold it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Annotated, Self

from livegate.errors import DeviceLost
from livegate.gate.door import DoorState
from livegate.options import Between

HISTORY = 1000


@dataclass(frozen=True, slots=True)
class Options:
    """``open_too_long_ms``: how long the leaf may stay open after the lock has fallen in again before it alarms."""

    open_too_long_ms: Annotated[int, Between(0, 3_600_000)] = 10_000


class SimulatedDoor:
    """A lock and a leaf.

    The lock falls in again by itself on the monotonic clock. The leaf opens only while unlocked, or by force: then the
    door is FORCED_OPEN until it is closed. An open leaf is UNLOCKED, and OPEN_TOO_LONG when it stays open.
    ``clock`` gives monotonic nanoseconds, so that tests can move time by hand. Safe between threads.
    """

    def __init__(self, options: Options, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._open_too_long_ns = options.open_too_long_ms * 1_000_000
        self._clock = clock
        self._lock = threading.Lock()
        self._connected = False
        self._reachable = True
        self._unlocked_until_ns: int | None = None
        self._relocked_ns = 0
        self._leaf_open = False
        self._forced = False
        self._history: deque[tuple[int, DoorState]] = deque(maxlen=HISTORY)

    def __enter__(self) -> Self:
        """Connect; the door is locked afterwards."""
        with self._lock:
            self._connected = True
            self._fall_in()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Lock and disconnect."""
        with self._lock:
            self._fall_in()
            self._connected = False

    def pulse(self, duration_ms: int) -> None:
        """Unlock for ``duration_ms``, or for what is left of the pulse before if that is longer."""
        if duration_ms <= 0:
            raise ValueError(f"a pulse lasts more than 0 ms, not {duration_ms}")
        with self._lock:
            if not self._connected or not self._reachable:
                raise DeviceLost("simulated door: cannot be reached; it stayed as it was")
            now_ns = self._settle()
            self._unlocked_until_ns = max(self._unlocked_until_ns or 0, now_ns + duration_ms * 1_000_000)
            self._record(now_ns)

    def state(self) -> DoorState:
        """Return the state of now; UNKNOWN when not connected or out of reach."""
        with self._lock:
            if not self._connected or not self._reachable:
                return DoorState.UNKNOWN
            return self._state_at(self._settle())

    def history(self) -> tuple[tuple[int, DoorState], ...]:
        """Return the last changes, oldest first: monotonic nanoseconds and the state from then on."""
        with self._lock:
            self._settle()
            return tuple(self._history)

    def open_leaf(self) -> bool:
        """Let a person push the door; return whether it gave way, which only an unlocked one does."""
        with self._lock:
            now_ns = self._settle()
            self._leaf_open = self._leaf_open or self._unlocked_until_ns is not None
            self._record(now_ns)
            return self._leaf_open

    def force_leaf(self) -> None:
        """Let a person break the door open; an unlocked one just opens."""
        with self._lock:
            now_ns = self._settle()
            if not self._leaf_open:
                self._forced = self._unlocked_until_ns is None
            self._leaf_open = True
            self._record(now_ns)

    def close_leaf(self) -> None:
        """Let a person close the door."""
        with self._lock:
            now_ns = self._settle()
            self._leaf_open = self._forced = False
            self._record(now_ns)

    def cut(self) -> None:
        """Cut the line to the door: the lock falls in when its pulse ends, as a real one would."""
        with self._lock:
            self._reachable = False

    def mend(self) -> None:
        """Mend the line."""
        with self._lock:
            self._reachable = True

    def _fall_in(self) -> None:
        """Lock at once."""
        now_ns = self._settle()
        if self._unlocked_until_ns is not None:
            self._unlocked_until_ns, self._relocked_ns = None, now_ns
        self._record(now_ns)

    def _settle(self) -> int:
        """Let happen what happened by itself since the last call, at the times it did; return the time of now."""
        now_ns = self._clock()
        until_ns = self._unlocked_until_ns
        if until_ns is not None and now_ns >= until_ns:
            self._unlocked_until_ns = None
            self._relocked_ns = until_ns
            self._record(until_ns)
        if self._leaf_open and self._unlocked_until_ns is None and not self._forced:
            alarm_ns = self._relocked_ns + self._open_too_long_ns
            if now_ns >= alarm_ns:
                self._record(alarm_ns)
        return now_ns

    def _state_at(self, now_ns: int) -> DoorState:
        if self._forced:
            return DoorState.FORCED_OPEN
        if self._unlocked_until_ns is not None:
            return DoorState.UNLOCKED
        if not self._leaf_open:
            return DoorState.LOCKED
        too_long = now_ns >= self._relocked_ns + self._open_too_long_ns
        return DoorState.OPEN_TOO_LONG if too_long else DoorState.UNLOCKED

    def _record(self, at_ns: int) -> None:
        state = self._state_at(at_ns)
        if not self._history or self._history[-1][1] is not state:
            self._history.append((at_ns, state))


def open_door(options: Options) -> SimulatedDoor:
    """Return a simulated door."""
    return SimulatedDoor(options)
