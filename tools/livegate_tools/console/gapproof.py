"""What proves a gap event that comes ahead of its place: the terminal's own signature, and nothing else.

A gap event says that events were dropped, and whoever may publish in a terminal's name can make one up, hashes and all:
the chain has no key. A checkpoint has. So the gap event counts once a checkpoint, signed by the terminal's device key,
names the place that the gap event leads to: its own hash, or one that events in between lead to from it. A chain hash
is made of the one before and the event, so that no other event than the terminal's can stand at a signed place.
"""

from __future__ import annotations

from dataclasses import dataclass

from livegate.events.cloudevents import ChainHead
from livegate.events.dropped import Dropped
from livegate.events.opened import OpenedEvent


@dataclass(frozen=True, slots=True)
class _Announced:
    """A gap event at ``place``, and the place ``reach`` up to where events in their order followed it."""

    gap: Dropped
    place: ChainHead
    reach: ChainHead


@dataclass(slots=True)
class GapProof:
    """Puts together what comes ahead: the event before a gap event, the gap event, and on to a signed checkpoint.

    ``proven`` is the newest gap event the device signed for, ``waits`` whether one came since then that nobody signed
    for. Only the newest unproven one is remembered.
    """

    proven: Dropped | None = None
    waits: bool = False
    _place: ChainHead | None = None
    _candidate: _Announced | None = None
    _previous: ChainHead | None = None

    def take(self, event: OpenedEvent, signed: ChainHead | None) -> None:
        """Take an event that came ahead; ``signed`` is the place it vouches for when it is the device's checkpoint."""
        here, known = ChainHead(event.sequence, event.chainhash), self._candidate
        if known is not None and event.fits(known.reach):
            if signed == known.reach:
                self.proven, self._place, self._candidate, self.waits = known.gap, known.place, None, False
            else:
                self._candidate = _Announced(known.gap, known.place, here)
        gap = Dropped.by(event)
        if gap is not None and here != self._place:
            self.waits = True
            if gap.last < event.sequence and self._is_whole(event, gap):
                self._candidate = _Announced(gap, here, here)
        self._previous = here

    def denies(self, event: OpenedEvent) -> bool:
        """Return whether the device signed for another event at this one's place."""
        place = self._place
        return place is not None and place.sequence == event.sequence and place.chainhash != event.chainhash

    def _is_whole(self, event: OpenedEvent, gap: Dropped) -> bool:
        """Return whether its hash is made of what it says; a hash that was signed then vouches for every word."""
        before = self._previous
        return event.fits(ChainHead(gap.last, gap.after)) or (before is not None and event.fits(before))
