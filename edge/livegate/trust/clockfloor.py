"""The trusted-time floor: no wall clock, however set back, makes what has expired valid again.

The floor is the latest moment this terminal has good reason to believe in: its own wall clock while that followed a
time server, and the ``issued`` of every versioned document it accepted (keyset, twin, list). It never goes back; the
store keeps it over restarts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from livegate.gate.facts import Clock

SKEW_S = 300.0
"""How far another's good clock may be ahead of ours."""


@dataclass(frozen=True, slots=True)
class TrustedNow:
    """A moment to judge dates by: the wall clock, the floor below which it is not believed, whether it is followed."""

    wall_s: float
    floor_s: float = 0.0
    synchronised: bool = False

    @classmethod
    def of(cls, clock: Clock) -> TrustedNow:
        """Return the moment of a clock that knows its floor."""
        return cls(clock.wall_s, clock.floor_s, clock.synchronised)

    def dates_s(self) -> float:
        """Return Unix seconds to compare dates with: the wall clock, or the floor where that is later."""
        return max(self.wall_s, self.floor_s)

    def is_before(self, moment_s: float) -> bool:
        """Return whether ``moment_s`` certainly lies ahead; an unsynchronised clock may be behind and cannot say."""
        return self.synchronised and moment_s > self.dates_s() + SKEW_S


class FloorKeeper:
    """Reads the clocks and holds the floor for all threads; the store is told of it by who holds a transaction."""

    def __init__(self, read: Callable[[], Clock], floor_s: float = 0.0) -> None:
        """``read`` reads this machine's clocks; ``floor_s`` is the floor the store remembered."""
        self._read = read
        self._lock = threading.Lock()
        self.floor_s = floor_s
        """The floor now, Unix seconds; read from any thread."""

    def clock(self) -> Clock:
        """Return this moment with its floor; a synchronised wall clock raises the floor by it."""
        now = self._read()
        if now.synchronised:
            self.raise_to(now.wall_s)
        return replace(now, floor_s=self.floor_s)

    def now(self) -> TrustedNow:
        """Return this moment for judging dates."""
        return TrustedNow.of(self.clock())

    def raise_to(self, moment_s: float) -> None:
        """Raise the floor to ``moment_s``; a lower one changes nothing."""
        with self._lock:
            self.floor_s = max(self.floor_s, moment_s)
