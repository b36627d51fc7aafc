"""What a gap event says of the events it stands for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from livegate.events.cloudevents import type_of
from livegate.events.kinds import GAP
from livegate.events.opened import OpenedEvent, read_sequence

_GAP = type_of(GAP)
_HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class Dropped:
    """Events ``first`` to ``last`` were dropped, after the chain hash ``before`` and with ``after`` at their end."""

    first: int
    last: int
    before: str
    after: str

    @classmethod
    def by(cls, event: OpenedEvent) -> Self | None:
        """Return what ``event`` says was dropped; None when it is no gap event, or makes no sense. Judges nothing."""
        if event.members.get("type") != _GAP:
            return None
        what = event.what
        try:
            told = cls(
                read_sequence(what["from"]),
                read_sequence(what["to"]),
                what["chainhash_before"],
                what["chainhash_after"],
            )
            hashes = (len(bytes.fromhex(told.before)), len(bytes.fromhex(told.after)))
        except (KeyError, TypeError, ValueError):
            return None
        return told if 0 < told.first <= told.last and hashes == (_HASH_BYTES, _HASH_BYTES) else None
