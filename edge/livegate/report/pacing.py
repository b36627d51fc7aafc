"""How often something may be asked of us: a few times at once, and then at a steady pace."""

from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass(slots=True)
class Pace:
    """A token bucket: ``burst`` at once, and one more every ``every_s``; 0 is no bound.

    Times are monotonic seconds given by the caller; nothing here reads a clock.
    """

    burst: int
    every_s: float
    _left: float = field(init=False)
    _at_s: float = field(init=False, default=-math.inf)

    def __post_init__(self) -> None:
        self._left = float(self.burst)

    def take(self, now_s: float) -> bool:
        """Return whether one more is in time; if so, it is counted."""
        if self.every_s <= 0:
            return True
        self._left = min(float(self.burst), self._left + (now_s - self._at_s) / self.every_s)
        self._at_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True
