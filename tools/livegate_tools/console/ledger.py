"""What the console holds of one stream: a place in the chain up to which nothing is missing or altered."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from livegate.events.cloudevents import ChainHead, StoredEvent, genesis, kind_of
from livegate.events.opened import follows

# A terminal that went back this often and still did not send what was asked for has it no more.
_ANSWERS = 5


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

    ``resumed`` is the event after them. ``accounted``: a gap event of the same stream owned up to them, and the hashes
    it names fit both sides.
    """

    first: int
    last: int
    before: str
    resumed: StoredEvent
    accounted: bool = False


@dataclass(slots=True)
class Ledger:
    """One stream, as far as it is held.

    ``head``: everything up to here is held or a known hole. ``known``: the highest sequence anybody spoke of.
    ``altered``: the first sequence that arrived and did not fit, None while all fits. ``repeated`` counts events held
    already that came again. ``skipping``: an event arrived that leaves a hole before it, and nothing has filled it.
    """

    stream: str
    head: ChainHead
    known: int = 0
    altered: int | None = None
    repeated: int = 0
    skipping: bool = False
    holes: list[Hole] = field(default_factory=list)
    _latest: int = 0
    _answers: int = 0

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

    def claim(self, sequence: int) -> None:
        """Note that the terminal says it has sent everything up to ``sequence``."""
        self.known = max(self.known, sequence)

    def take(self, event: StoredEvent, members: Mapping[str, Any], *, asking: bool) -> Taken:
        """Judge ``event``, whose parsed form is ``members``, and move on when it is the next.

        ``asking`` says whether the console can ask for what is missing; one that cannot takes a hole at once.
        """
        went_back = event.sequence <= self._latest
        self._latest = event.sequence
        self.claim(event.sequence)
        if event.sequence <= self.head.sequence:
            return self._judge_held(event)
        if event.sequence > self.want:
            self._answers += 1 if went_back else 0
            if asking and self._answers < _ANSWERS:
                self.skipping = True
                return Taken.AHEAD
            return self._cross_hole(event)
        if not follows(event, self.head):
            self.altered = self.altered or event.sequence
            return Taken.ALTERED
        self._advance(event)
        self._account(members)
        return Taken.NEW

    def _judge_held(self, event: StoredEvent) -> Taken:
        if event.sequence == self.head.sequence and event.chainhash != self.head.chainhash:
            self.altered = self.altered or event.sequence
            return Taken.ALTERED
        self.repeated += 1
        return Taken.AGAIN

    def _cross_hole(self, event: StoredEvent) -> Taken:
        """Go on behind a hole; ``event`` is believed until the gap event proves or refutes it."""
        self.holes.append(Hole(self.want, event.sequence - 1, self.head.chainhash, event))
        self._advance(event)
        return Taken.NEW

    def _advance(self, event: StoredEvent) -> None:
        self.head = ChainHead(event.sequence, event.chainhash)
        self.altered = None
        self.skipping = False
        self._answers = 0

    def _account(self, members: Mapping[str, Any]) -> None:
        """Close the holes that ``members``, if they are a gap event, own up to."""
        if kind_of(members.get("type")) != "gap":
            return
        try:
            gap = members["data"]["what"]
            first, last = int(gap["from"]), int(gap["to"])
            before, after = gap["chainhash_before"], ChainHead(last, gap["chainhash_after"])
        except (KeyError, TypeError, ValueError):
            return
        for hole in self.holes:
            inside = first <= hole.first and hole.last <= last
            fits_before = first != hole.first or before == hole.before
            fits_after = last != hole.last or follows(hole.resumed, after)
            hole.accounted = hole.accounted or (inside and fits_before and fits_after)
