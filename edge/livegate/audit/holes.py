"""Events that are missing, and the gap events that own up to them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from livegate.audit.verdict import Fault, Finding, Gap
from livegate.events.cloudevents import ChainHead
from livegate.events.dropped import Dropped
from livegate.events.opened import OpenedEvent

# Bounds what a hostile file can make us remember.
MAX_HOLES = 256


@dataclass(slots=True)
class Hole:
    """Events ``first`` to ``last``, missing after the hash ``before``: None where the proof begins behind them.

    What it ends with must lead to ``resumed``, the event behind it, or be ``after`` where a gap event said so. Where
    several gap events tell of adjoining parts, in any order, it shrinks with each; it ``began`` somewhere. A checkpoint
    behind it makes it ``covered``: what was left of it then, only gap events tell that this checkpoint does not sign.
    """

    first: int
    last: int
    before: str | None
    resumed: OpenedEvent
    began: int
    after: str | None = None
    covered: tuple[int, int] | None = None
    told: deque[Dropped] = field(default_factory=lambda: deque(maxlen=MAX_HOLES))

    def explain(self, gap: Dropped) -> bool:
        """Take away what ``gap`` and those before it account for, at either end; return whether nothing is left."""
        if gap.last < self.first - 1 or self.last < gap.first:
            return False
        self.told.append(gap)
        size = None
        while size != self.last - self.first:
            size = self.last - self.first
            if any(self._take_away(gap) for gap in self.told):
                return True
        return False

    def cover(self) -> None:
        """Take note that a good checkpoint stands behind it."""
        self.covered = (self.first, self.last)

    def finding(self) -> Finding:
        """Return what is wrong as long as nothing explains it."""
        if self.before is None:
            why = "nothing before it is here to check it against: neither the stream's beginning nor a checkpoint"
            return Finding(self.first, Fault.UNANCHORED, why)
        through = "" if self.first == self.last else f" to {self.last}"
        return Finding(self.first, Fault.MISSING, f"{self.first}{through} missing, and no gap event accounts for it")

    def unproven(self, gap: Gap) -> Finding:
        """Return what is wrong when only ``gap``, which nobody signed, explains it in a stream that is signed."""
        first, last = self.covered or (self.began, gap.last)
        if last < first:
            first, last = gap.first, gap.last
        through = "" if first == last else f"–{last}"
        why = (
            f"missing {first}{through}, explained only by an unsigned event ({gap.told_by}), which whoever "
            "removed them could have written; take an export that goes on to the next checkpoint"
        )
        return Finding(first, Fault.UNPROVEN, why)

    def _take_away(self, gap: Dropped) -> bool:
        begins = gap.first < self.first or (gap.first == self.first and self.before in (None, gap.before))
        ends = gap.last == self.last and self._ends_with(gap.after)
        if begins and not ends and self.first <= gap.last < self.last:
            self.first, self.before = gap.last + 1, gap.after
        elif ends and not begins and self.first < gap.first:
            self.last, self.after = gap.first - 1, gap.before
        return begins and ends

    def _ends_with(self, chainhash: str) -> bool:
        if self.after is not None:
            return chainhash == self.after
        return self.resumed.fits(ChainHead(self.last, chainhash))
