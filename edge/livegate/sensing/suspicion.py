"""From doubtful votes to a fault, with hysteresis: named soon, sure late, cleared by the first good presentation.

Whoever stands before the terminal can make a sensor look faulty, and a role that leaves is one hurdle fewer. So one
presentation counts once, however many frames it had, a good one clears everything, and what is a matter of how the
device was opened (its unit, its colours) is believed for good once it was right often enough.
"""

from __future__ import annotations

from dataclasses import dataclass

from livegate.sensing.seen import Level

# Of the votes of one presentation so many must agree.
_AGAINST_SHARE = 0.8
_GOOD_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Pace:
    """After how many bad presentations in a row, over how long, a fault is named and is sure.

    ``proves``: after so many good ones the fault is not believed again of this opening; None where it may always come.
    A presentation is bad after ``bad_votes``, good after ``good_votes``.
    """

    names: int
    sure: int
    sure_ns: int
    proves: int | None = None
    bad_votes: int = 5
    good_votes: int = 3


class Suspicion:
    """Counts presentations for and against."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._presentation = -1
        self._against = self._good = 0
        self._counted = self._cleared = False
        self._row = 0
        self._first_ns = self._last_ns = 0
        self._good_ones = 0

    @property
    def level(self) -> Level:
        """How sure it is now."""
        if self._row < self._pace.names:
            return Level.NONE
        lasted = self._last_ns - self._first_ns >= self._pace.sure_ns
        return Level.SURE if self._row >= self._pace.sure and lasted else Level.NAMED

    @property
    def proven(self) -> bool:
        """Whether enough good presentations were seen to believe nothing else any more."""
        return self._pace.proves is not None and self._good_ones >= self._pace.proves

    def vote(self, *, against: bool, presentation: int, at_ns: int) -> None:
        """Count one frame of a presentation."""
        if self.proven:
            return
        if presentation != self._presentation:
            self._presentation, self._against, self._good = presentation, 0, 0
            self._counted = self._cleared = False
        self._against += against
        self._good += not against
        votes = self._against + self._good
        if not self._cleared and self._good >= self._pace.good_votes and self._good >= _GOOD_SHARE * votes:
            self._cleared, self._row, self._good_ones = True, 0, self._good_ones + 1
        elif not self._cleared and votes >= self._pace.bad_votes and self._against >= _AGAINST_SHARE * votes:
            self._count(at_ns)

    def _count(self, at_ns: int) -> None:
        if not self._counted:
            self._counted = True
            self._first_ns = at_ns if self._row == 0 else self._first_ns
            self._row += 1
        self._last_ns = at_ns
