"""Whether the dates of a camera's frames can be true."""

from __future__ import annotations

import enum
from collections import deque

# Clocks of a driver and ours are the same; a frame from later than this is damaged, not fresh.
MAX_AHEAD_MS = 20.0
# What comes this long after its date says nothing of who stands there now; a busy machine is late once, a clock that
# jumped back always.
MAX_LATE_MS = 500.0
_LATE_IN_A_ROW = 5

# The camera's own rate is the median of so many distances, and nothing is said before half of them are known.
_DISTANCES = 16
# A camera may go from long exposures back to short ones and double its rate. Frames four times as dense are not its
# own, unless they queued behind a gap: as many as are missing there may come at once.
_DENSE = 0.25
_GAP = 1.5
_MOST_QUEUED = 4


class Misdate(enum.StrEnum):
    """What cannot be about a frame's date."""

    BACKWARDS = "is dated before its predecessor"
    FUTURE = "is dated in the future"
    PACE = "follows its predecessor more closely than this camera can"
    LATE = "came long after its date, as did those before it: the camera's clock has jumped or lags"

    @property
    def usable(self) -> bool:
        """Whether the frame may be paired all the same: one that is late is stale by its date."""
        return self is Misdate.LATE


class Dates:
    """Judges the dates of one camera's frames as they come; one thread's, but for ``period_ns``, which any may read.

    ``period_ns`` is the camera's usual distance between frames, None until it is known.
    """

    def __init__(self) -> None:
        self.period_ns: int | None = None
        self._last_ns: int | None = None
        self._distances_ns: deque[int] = deque(maxlen=_DISTANCES)
        self._queued = 0
        self._late = 0

    def reopened(self) -> None:
        """Forget the pace: another device may stand there. What was captured before remains before."""
        self._distances_ns.clear()
        self.period_ns = None
        self._queued = self._late = 0

    def judge(self, captured_ns: int, now_ns: int) -> Misdate | None:
        """Return what is wrong with the date of the frame that came at ``now_ns``, None for a date that can be true."""
        if captured_ns > now_ns + MAX_AHEAD_MS * 1e6:
            return Misdate.FUTURE
        if self._last_ns is None:
            self._last_ns = captured_ns
            return None
        distance_ns = captured_ns - self._last_ns
        if distance_ns <= 0:
            return Misdate.BACKWARDS
        if not self._in_pace(distance_ns):
            return Misdate.PACE
        self._last_ns = captured_ns
        self._distances_ns.append(distance_ns)
        if 2 * len(self._distances_ns) >= _DISTANCES:
            self.period_ns = sorted(self._distances_ns)[len(self._distances_ns) // 2]
        self._late = self._late + 1 if now_ns - captured_ns > MAX_LATE_MS * 1e6 else 0
        return Misdate.LATE if self._late >= _LATE_IN_A_ROW else None

    def _in_pace(self, distance_ns: int) -> bool:
        period_ns = self.period_ns
        if period_ns is None:
            return True
        if distance_ns >= _GAP * period_ns:
            self._queued = min(round(distance_ns / period_ns) - 1, _MOST_QUEUED)
        if distance_ns >= _DENSE * period_ns:
            return True
        self._queued -= 1
        return self._queued >= 0
