"""How long what was wrong with a camera is told."""

from __future__ import annotations

import threading

from livegate.types import SensorFault

# Longer than a change of state must last to be an event: a fault of one frame is seen by whoever looks once a second.
HOLD_MS = 1500.0

NO_FAULTS: frozenset[SensorFault] = frozenset()


class FaultHold:
    """The faults of one camera: each is in force from its first sign until HOLD_MS after its last.

    So a fault that comes and goes is one fault and is told as long as it does, and one that has ended is over soon.
    Safe between threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_ns: dict[SensorFault, int] = {}

    def note(self, fault: SensorFault, now_ns: int) -> None:
        """Take a sign of ``fault`` at ``now_ns`` on the monotonic clock."""
        with self._lock:
            self._last_ns[fault] = now_ns

    def in_force(self, now_ns: int) -> frozenset[SensorFault]:
        """Return the faults in force at ``now_ns``; what is over is forgotten."""
        if not self._last_ns:
            return NO_FAULTS
        with self._lock:
            self._last_ns = {
                fault: last_ns for fault, last_ns in self._last_ns.items() if now_ns - last_ns <= HOLD_MS * 1e6
            }
            return frozenset(self._last_ns)
