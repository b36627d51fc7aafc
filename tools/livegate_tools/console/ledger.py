"""What the console holds of one stream: a place in the chain up to which nothing is missing or altered.

A hole is never crossed on the word of silence: a broker that swallows one event for ever looks just like a terminal
that has it no more, and to acknowledge what follows would release what nobody holds. It is crossed only when

* a ``gap`` event names it, begins where we are with our chain hash, what follows fits the hash it ends with, and the
  terminal's device key signed for that gap event (livegate_tools.console.gapproof); or
* nothing of the stream is held, and the terminal says that just this was acknowledged before (its health,
  ``outbox_acknowledged_through``): then we begin there. Nobody signs that word, so it counts only once, at the
  beginning, for exactly what is missing, and is kept as what was before our time, which is not held.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from livegate.events.cloudevents import ChainHead, genesis
from livegate.events.dropped import Dropped
from livegate.events.opened import OpenedEvent
from livegate_tools.console.gapproof import GapProof

MAX_HOLES = 64
_MAX_KEPT_BYTES = 32_768


class Taken(enum.Enum):
    """What became of an event that arrived."""

    NEW = "new"
    """The next one, and it fits the chain."""
    AGAIN = "again"
    """Held already."""
    AHEAD = "ahead"
    """Something before it is missing."""
    ALTERED = "altered"
    """In its place, and does not fit the chain."""


@dataclass(slots=True)
class Hole:
    """Events ``first`` to ``last`` that the terminal could not send any more, missing after the chain hash ``before``.

    ``after`` is the hash at ``last`` that a gap event named and what follows fitted; ``resumed`` the event behind the
    hole, kept while neither is known, in the newest hole only and unless it is very long. ``accounted``: a gap event in
    its place in the chain owned up to them, and the hashes it names fit both sides.
    """

    first: int
    last: int
    before: str
    after: str | None = None
    resumed: OpenedEvent | None = None
    accounted: bool = False

    def account(self, gap: Dropped) -> None:
        """Take the word of ``gap``, an event of the chain, where it fits."""
        inside = gap.first <= self.first and self.last <= gap.last
        fits_before = gap.first != self.first or gap.before == self.before
        self.accounted = self.accounted or (inside and fits_before and (gap.last != self.last or self._resumes(gap)))

    def _resumes(self, gap: Dropped) -> bool:
        if self.resumed is None:
            return self.after == gap.after
        return self.resumed.fits(ChainHead(gap.last, gap.after))


@dataclass(slots=True)
class Ledger:
    """One stream, as far as it is held.

    ``head``: everything up to here is held or a known hole. ``known``: the highest sequence anybody spoke of.
    ``released``: up to here the terminal says it was acknowledged, which nobody signed. ``begins_after``: we took its
    word that everything up to here was acknowledged before our time; it is not held. ``signed``: the newest place that
    the terminal's device key vouched for. ``follows``: its first event names a stream like that as the one it succeeds.
    ``altered``: the first sequence that arrived and did not fit, None while all fits. ``repeated`` counts events held
    already that came again. ``skipping``: an event arrived that leaves a hole before it, and nothing has filled it. Of
    ``holes`` the newest 64 are kept, ``holes_forgotten`` counts the others.
    """

    stream: str
    head: ChainHead
    known: int = 0
    released: int = 0
    begins_after: int = 0
    signed: int = 0
    follows: bool = False
    altered: int | None = None
    repeated: int = 0
    skipping: bool = False
    holes: list[Hole] = field(default_factory=list)
    holes_forgotten: int = 0
    _gap: Dropped | None = None
    _proof: GapProof = field(default_factory=GapProof)
    _hole: Hole | None = None
    _begins_after: int = 0

    @classmethod
    def begin(cls, stream: str) -> Ledger:
        """Return the ledger of a stream nothing is held of."""
        return cls(stream, genesis(stream))

    @property
    def behind(self) -> bool:
        """Whether something is known to exist that is not held."""
        return self.known > self.head.sequence

    @property
    def want(self) -> int:
        """The sequence to ask for."""
        return self.head.sequence + 1

    @property
    def told_unsigned(self) -> bool:
        """Whether a gap event came ahead of its place that no checkpoint of the device covers so far."""
        return self._proof.waits

    def claim(self, sequence: int) -> None:
        """Note that the terminal says it has sent everything up to ``sequence``."""
        self.known = max(self.known, sequence)

    def claim_released(self, sequence: int) -> None:
        """Note that the terminal says everything up to ``sequence`` was acknowledged to it; the newest word counts."""
        self.released = sequence

    def take(self, event: OpenedEvent, *, asking: bool, signed: ChainHead | None = None) -> Taken:
        """Judge ``event``, and hold it when it is the next."""
        taken = self.judge(event, asking=asking, signed=signed)
        if taken is Taken.NEW:
            self.hold(event)
        return taken

    def judge(self, event: OpenedEvent, *, asking: bool, signed: ChainHead | None = None) -> Taken:
        """Return what to make of ``event``; when it is new, :meth:`hold` it once it is kept.

        ``asking`` says whether the console can ask for what is missing; one that cannot takes a hole at once.
        ``signed`` is the place that ``event`` vouches for when it is a checkpoint that the terminal's device signed.
        """
        self.claim(event.sequence)
        if event.sequence <= self.head.sequence:
            return self._judge_held(event)
        if event.sequence > self.want:
            self._proof.take(event, signed)
            return self._take_ahead(event, asking=asking)
        if not event.fits(self.head) or self._proof.denies(event):
            self.altered = self.altered or event.sequence
            return Taken.ALTERED
        self._hole = None
        return Taken.NEW

    def hold(self, event: OpenedEvent) -> None:
        """Move on to ``event``, which was judged new right before."""
        if self._hole is not None:
            self._remember(self._hole)
            self.begins_after = max(self.begins_after, self._begins_after)
        self.head = ChainHead(event.sequence, event.chainhash)
        self.altered = self._gap = self._hole = None
        self.skipping = False
        gap = Dropped.by(event) if self.holes else None
        if gap is not None:
            for hole in self.holes:
                hole.account(gap)

    def _judge_held(self, event: OpenedEvent) -> Taken:
        if event.sequence == self.head.sequence and event.chainhash != self.head.chainhash:
            self.altered = self.altered or event.sequence
            return Taken.ALTERED
        self.repeated += 1
        return Taken.AGAIN

    def _take_ahead(self, event: OpenedEvent, *, asking: bool) -> Taken:
        # The newest gap event tells of all earlier drops too.
        gap = self._proof.proven
        if gap is not None and self._begins_here(gap):
            self._gap = gap
        hole = Hole(self.want, event.sequence - 1, self.head.chainhash)
        before_us = self._before_us
        self._begins_after = 0
        if not asking or before_us == hole.last:
            hole.resumed = event if len(event.unsealed) <= _MAX_KEPT_BYTES else None
            self._begins_after = before_us if asking else 0
        elif not self._explains(hole, event):
            self.skipping = True
            return Taken.AHEAD
        self._hole = hole
        return Taken.NEW

    def _begins_here(self, gap: Dropped) -> bool:
        if gap.first == self.want:
            return gap.before == self.head.chainhash
        return gap.first <= max(self.want, self._before_us + 1) and self.want <= gap.last

    @property
    def _before_us(self) -> int:
        """Up to where the terminal's word is taken that it was acknowledged: while nothing is held, and never after."""
        return 0 if self.head.sequence else self.released

    def _explains(self, hole: Hole, event: OpenedEvent) -> bool:
        """Note in ``hole`` what the gap event says of it; return whether that accounts for it and ``event`` fits."""
        gap = self._gap
        if gap is None or gap.last != hole.last or not event.fits(ChainHead(gap.last, gap.after)):
            return False
        hole.after = gap.after
        self._begins_after = max(0, gap.first - self.want)
        return True

    def _remember(self, hole: Hole) -> None:
        if self.holes:
            self.holes[-1].resumed = None
        self.holes.append(hole)
        if len(self.holes) > MAX_HOLES:
            del self.holes[0]
            self.holes_forgotten += 1
