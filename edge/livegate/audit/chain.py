"""Prove a stream: nothing missing, nothing altered, and how far the terminal's own signatures vouch for it.

Events are taken one at a time and forgotten: a proof of ten million needs no more memory than one of ten, but for the
few events right after holes that no gap event has explained yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from livegate.audit.holes import MAX_HOLES, Hole
from livegate.audit.signers import Signers
from livegate.audit.verdict import Fault, Finding, Gap, Start, Verdict
from livegate.events.checkpoint import CHECKPOINT, read_checkpoint
from livegate.events.cloudevents import ChainHead, StoredEvent, genesis, sequence_text, type_of
from livegate.events.dropped import Dropped
from livegate.events.kinds import SYSTEM_STARTED
from livegate.events.opened import OpenedEvent
from livegate.trust.keys import PublicKey

# Bounds what a hostile file can make us remember.
MAX_BOOTS = 65_536

_CHECKPOINT, _STARTED = type_of(CHECKPOINT), type_of(SYSTEM_STARTED)


def verify_chain(events: Iterable[StoredEvent], anchor: ChainHead) -> int | None:
    """Return the first sequence that is missing, altered or out of order after ``anchor``, or None when all is well.

    ``events`` come in rising order, the first right after the anchor. A hole is allowed only where a later ``gap``
    event owns up to it, and must fit the hashes that event names. What follows the last event cannot be judged.
    """
    verifier = Verifier(anchor)
    for event in events:
        verifier.take(event)
    return verifier.finish().first_bad


class Verifier:
    """Proves one stream, event by event, in the order they were recorded.

    ``anchor`` is the place before the first event; without one a stream begins at sequence 1 or at a checkpoint.
    ``device_keys`` are the only ones whose checkpoints count; without any the first key named in the stream is taken
    at its word. Checkpoints of an earlier key pass where the stream names it and one of these keys signs later. With
    ``must_be_signed`` a stream without any good checkpoint is a finding. In a stream that has one, only gap events that
    one signs explain a hole. After the first finding later events only serve to explain holes
    before it.
    """

    def __init__(
        self,
        anchor: ChainHead | None = None,
        device_keys: frozenset[PublicKey] = frozenset(),
        *,
        must_be_signed: bool = False,
    ) -> None:
        self._start = Start.NOTHING if anchor is None else Start.GIVEN
        self._at = anchor
        self._expected = 1 if anchor is None else anchor.sequence + 1
        self._signers = Signers(device_keys)
        self._must_be_signed = must_be_signed
        self._finding: Finding | None = None
        self._stream: str | None = None
        self._source: str | None = None
        self._first = self._last = self._events = 0
        self._holes: list[Hole] = []
        self._gaps: list[Gap] = []
        self._unsigned: list[tuple[Hole, Gap]] = []
        self._boots: set[str] = set()
        self._boot: str | None = None
        self._signed_through = self._signed_by = 0
        self._predecessor: Mapping[str, Any] | None = None

    def take(self, event: StoredEvent) -> Finding | None:
        """Judge the next event; return what is wrong when it is the first thing that is."""
        try:
            opened = OpenedEvent.of(event.body)
        except ValueError as exc:
            return self.refuse(str(exc))
        if (opened.sequence, opened.chainhash) != (event.sequence, event.chainhash):
            return self._find(Fault.ALTERED, "its place or hash beside it is not what stands in it")
        return self.take_opened(opened)

    def refuse(self, why: str, fault: Fault = Fault.UNREADABLE) -> Finding | None:
        """Take note that what comes next cannot be the next event, and ``why``."""
        return self._find(fault, why)

    @property
    def is_sound(self) -> bool:
        """Whether nothing was found wrong so far; a hole still waits for its gap event."""
        return self._finding is None

    def take_opened(self, event: OpenedEvent) -> Finding | None:
        """Judge the next event as :meth:`take` does, when it is taken apart already."""
        if self._finding is not None:
            # A gap event explains a hole whether or not what lies between can be trusted.
            self._explain(event)
            return None
        finding = self._identify(event) or self._place(event) or self._look_into(event)
        if finding is None:
            self._at = ChainHead(event.sequence, event.chainhash)
            self._expected = event.sequence + 1
            self._first, self._last = self._first or event.sequence, event.sequence
            self._events += 1
        return finding

    def finish(self) -> Verdict:
        """Return what was proved."""
        finding = self._conclude()
        return Verdict(
            finding=finding,
            stream=self._stream,
            source=self._source,
            start=self._start,
            first=self._first,
            last=self._last,
            events=self._events,
            head=self._at,
            checkpoints=sum(signed.checkpoints for signed in self._signers.told()),
            signed_through=self._signed_through,
            unsigned_tail=max(0, self._last - self._signed_by) if self._last else 0,
            signatures=self._signers.told(),
            gaps=tuple(sorted([*self._gaps, *(gap for _, gap in self._unsigned)], key=lambda gap: gap.told_by)),
            predecessor=self._predecessor,
        )

    def _conclude(self) -> Finding | None:
        """Return the first thing wrong, now that nothing more can explain it."""
        finding = self._finding
        if self._holes and (finding is None or self._holes[0].first < finding.sequence):
            return self._holes[0].finding()
        if finding is not None:
            return finding
        # A terminal that signs at all signs a gap event at once: one that nobody signed is anybody's.
        late = [hole.unproven(gap) for hole, gap in self._unsigned] if self._signed_through else []
        unvouched = self._signers.unvouched()
        if unvouched is not None:
            late.append(unvouched)
        if late:
            return min(late, key=lambda finding: finding.sequence)
        if self._must_be_signed and self._events and not self._signed_through:
            return Finding(self._first, Fault.UNSIGNED, "no checkpoint in it is signed by the device key given")
        return None

    def _find(self, fault: Fault, why: str) -> Finding | None:
        if self._finding is not None:
            return None
        self._finding = Finding(self._expected, fault, why)
        return self._finding

    def _identify(self, event: OpenedEvent) -> Finding | None:
        """Every event names its stream, terminal and place, in two ways that must agree."""
        members = event.members
        stream, source = members.get("stream"), members.get("source")
        if not isinstance(stream, str) or not stream.isascii() or not isinstance(source, str):
            return self._find(Fault.FOREIGN, "it lacks 'stream' or 'source', or they are no names")
        if self._stream is None:
            self._stream, self._source = stream, source
        if (stream, source) != (self._stream, self._source):
            return self._find(Fault.FOREIGN, f"it is of stream {stream!r} of {source!r}")
        if members.get("id") != _id(source, stream, event.sequence):
            return self._find(Fault.FOREIGN, f"its 'id' {members.get('id')!r} is not that of its place")
        return self._identify_boot(members.get("bootid"))

    def _identify_boot(self, boot: object) -> Finding | None:
        if boot == self._boot:
            return None
        if not isinstance(boot, str) or not boot:
            return self._find(Fault.BOOT, "it names no boot")
        if boot in self._boots:
            return self._find(Fault.BOOT, f"it was recorded in boot {boot!r}, which had ended before")
        if len(self._boots) < MAX_BOOTS:
            self._boots.add(boot)
        self._boot = boot
        return None

    def _place(self, event: OpenedEvent) -> Finding | None:
        """Judge where the event stands and whether it fits what stands before it."""
        if self._at is None:
            return self._begin(event)
        if event.sequence < self._expected:
            return self._find(Fault.MISPLACED, f"expected {self._expected}, found {event.sequence} again or too late")
        if event.sequence > self._expected:
            return self._jump(self._expected, self._at.chainhash, event)
        if not event.fits(self._at):
            return self._find(Fault.ALTERED, "its hash does not fit: it or its neighbour before was changed")
        return None

    def _begin(self, event: OpenedEvent) -> Finding | None:
        """Find out what vouches for the first event of a stream that came without an anchor."""
        self._expected = event.sequence
        if event.sequence <= 1:
            self._start, self._at, self._expected = Start.GENESIS, genesis(event.members["stream"]), 1
            return self._place(event)
        before = _signed_place(event)
        if before is not None and event.fits(before):
            self._start, self._at = Start.CHECKPOINT, before
            return None
        # Perhaps what came before was dropped, and a gap event will say so.
        return self._jump(event.sequence, None, event)

    def _jump(self, first: int, before: str | None, resumed: OpenedEvent) -> Finding | None:
        if len(self._holes) >= MAX_HOLES:
            return self._find(Fault.MISSING, f"more than {MAX_HOLES} holes that no gap event has explained yet")
        # Its members, many times as large as its bytes, are not needed any more.
        slim = replace(resumed, members={})
        self._holes.append(Hole(first, resumed.sequence - 1, before, slim, first))
        return None

    def _look_into(self, event: OpenedEvent) -> Finding | None:
        self._explain(event)
        kind = event.members.get("type")
        if kind == _CHECKPOINT:
            return self._judge_checkpoint(event)
        if kind == _STARTED:
            self._signers.named(event)
            predecessor = event.what.get("predecessor")
            if self._predecessor is None and isinstance(predecessor, dict):
                self._predecessor = predecessor
        return None

    def _explain(self, event: OpenedEvent) -> None:
        """Close the hole that ``event``, if it is a gap event, owns up to with hashes that fit both sides."""
        told = Dropped.by(event)
        if told is None or (told.first == 1 and told.before != genesis(self._stream or "").chainhash):
            return
        for hole in self._holes:
            if hole.explain(told):
                self._holes.remove(hole)
                self._start = Start.GAP if hole.before is None else self._start
                last = hole.resumed.sequence - 1
                self._unsigned.append((hole, Gap(min(hole.began, told.first), last, event.sequence)))
                return

    def _judge_checkpoint(self, event: OpenedEvent) -> Finding | None:
        try:
            said = read_checkpoint(event.what)
        except ValueError as exc:
            return self._find(Fault.UNSIGNED, str(exc))
        before = _signed_place(event)
        if before is None or not event.fits(before) or said.stream != self._stream:
            return self._find(Fault.UNSIGNED, "this checkpoint is not about the place it stands at")
        if not self._signers.may_sign(said, began_here=self._first == 1):
            return self._find(Fault.UNSIGNED, f"this checkpoint is by another key ({said.key.keyid})")
        if not said.is_genuine():
            return self._find(Fault.UNSIGNED, f"this checkpoint's signature is not that of key {said.key.keyid}")
        if self._signers.signed(said, event.sequence):
            self._signed_through, self._signed_by = said.head.sequence, event.sequence
            self._cover()
        return None

    def _cover(self) -> None:
        """Take what gap events told so far as the terminal's own word; what is still unexplained is covered now."""
        self._gaps += [replace(gap, is_signed=True) for _, gap in self._unsigned]
        self._unsigned.clear()
        for hole in self._holes:
            hole.cover()


def place_of(event: OpenedEvent) -> tuple[str, str] | None:
    """Return the source and stream that ``event`` says it is of; None where it contradicts itself."""
    stream, source = event.members.get("stream"), event.members.get("source")
    if not isinstance(stream, str) or not stream.isascii() or not isinstance(source, str):
        return None
    return (source, stream) if event.members.get("id") == _id(source, stream, event.sequence) else None


def _id(source: str, stream: str, sequence: int) -> str:
    return f"{source.rpartition(':')[2]}/{stream}/{sequence_text(sequence)}"


def _signed_place(event: OpenedEvent) -> ChainHead | None:
    """Return the place right before ``event`` that it, a checkpoint, speaks of."""
    if event.members.get("type") != _CHECKPOINT:
        return None
    try:
        said = read_checkpoint(event.what)
        bytes.fromhex(said.head.chainhash)
    except ValueError:
        return None
    return said.head
