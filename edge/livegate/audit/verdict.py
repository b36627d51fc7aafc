"""What proving a stream finds: how far it goes, what vouches for it, and the first thing wrong."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from livegate.events.cloudevents import ChainHead


class Fault(enum.StrEnum):
    """What is wrong with a stream."""

    UNREADABLE = "unreadable"
    """Not an event of ours."""
    ALTERED = "altered"
    """Does not fit the chain: it, or the event before it, is not what was recorded."""
    MISSING = "missing"
    """Not there, and no gap event says why."""
    UNPROVEN = "unproven"
    """Not there, and in a signed stream only a gap event that no checkpoint covers says why."""
    MISPLACED = "misplaced"
    """There twice and not the same, or after later ones."""
    FOREIGN = "foreign"
    """Of another stream or terminal, or its attributes contradict each other."""
    UNANCHORED = "unanchored"
    """Nothing before it to check it against: neither the stream's beginning nor a checkpoint."""
    UNSIGNED = "unsigned"
    """A checkpoint whose signature is wrong or by another key, or none by the key that was asked for."""
    BOOT = "boot"
    """Recorded in a boot that had ended before."""
    RECEIPT = "receipt"
    """Not what the console signed for: altered, or cut off."""
    STORE = "store"
    """The store contradicts itself: what stands beside an event is not what stands in it."""


class Start(enum.StrEnum):
    """What the proof begins with."""

    GENESIS = "genesis"
    CHECKPOINT = "checkpoint"
    GIVEN = "given"
    GAP = "gap"
    """Behind dropped events, by the hash that a gap event names for them."""
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Finding:
    """The first thing wrong: at which sequence, and what it means in plain words."""

    sequence: int
    fault: Fault
    why: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Events ``first`` to ``last`` were dropped; ``told_by`` says so with the hashes on both sides.

    Only where that gap event ``is_signed``, standing before a good checkpoint, is it the terminal that says so.
    """

    first: int
    last: int
    told_by: int
    is_signed: bool = False


@dataclass(frozen=True, slots=True)
class Signatures:
    """``keyid`` signed ``checkpoints`` good checkpoints, the last of them up to ``through``.

    An ``earlier`` key is none of those that were asked for; the stream names it, and one of those signed that later.
    """

    keyid: str
    checkpoints: int
    through: int
    earlier: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was proved of one stream: ``events`` from ``first`` to ``last``, which are 0 where none was.

    ``signed_through``: the terminal's signature vouches for everything up to here; ``unsigned_tail`` events came after
    the checkpoint that says so. ``signatures`` says who signed, ``predecessor`` is what the stream says of the
    one before it.
    """

    finding: Finding | None
    stream: str | None
    source: str | None
    start: Start
    first: int
    last: int
    events: int
    head: ChainHead | None
    checkpoints: int
    signed_through: int
    unsigned_tail: int
    signatures: tuple[Signatures, ...]
    gaps: tuple[Gap, ...]
    predecessor: Mapping[str, Any] | None

    @property
    def keyids(self) -> tuple[str, ...]:
        """The keys that signed, in the order of their first checkpoints."""
        return tuple(signed.keyid for signed in self.signatures)

    @property
    def first_bad(self) -> int | None:
        """The first sequence that is missing, altered or out of place; None when all is well."""
        return None if self.finding is None else self.finding.sequence
