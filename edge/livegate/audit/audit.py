"""Prove an export, a console's file or a store: each stream for itself, the console's receipts beside them."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace

from livegate.audit.chain import Verifier, place_of
from livegate.audit.receipts import Receipts
from livegate.audit.repeats import Repeats
from livegate.audit.verdict import Fault, Finding, Verdict
from livegate.events.cloudevents import ChainHead
from livegate.events.opened import OpenedEvent
from livegate.trust.keys import PublicKey

# Bounds what a hostile file can make us remember; as many as the console follows.
MAX_STREAMS = 20_000


class KeySource(enum.StrEnum):
    """Where the device key comes from that checkpoints were held against."""

    GIVEN = "given"
    STORE = "store"
    """From beside the events: whoever can forge the one can forge the other."""
    STREAM = "stream"
    """From the first checkpoint itself, at its word."""


class Proof(enum.StrEnum):
    """What finding nothing wrong with a stream is worth."""

    PROVEN = "proven"
    """A key that was given vouches for it, up to where it is signed."""
    UNPINNED = "unpinned"
    """Signed, by a key at the word of whoever made the file: a forger signs with one of their own."""
    UNSIGNED = "unsigned"
    """It fits, which anybody's invention does."""
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class StreamReport:
    """What was proved of one stream; ``confirmed_through`` is the highest receipt that fits, None without receipts."""

    verdict: Verdict
    finding: Finding | None
    line: int | None
    """The line of the file at which ``finding`` showed, None in a store or at the end."""
    confirmed_through: int | None
    repeated: int
    """How many lines came again just as they were."""
    proof: Proof


@dataclass(frozen=True, slots=True)
class Report:
    """What was proved in all."""

    streams: tuple[StreamReport, ...]
    key_source: KeySource
    receipts_pinned: bool | None
    """Whether the receipts' signatures were checked, None without receipts."""
    unmatched: tuple[str, ...]
    """Streams that receipts speak of and that are not here."""
    receipts_held: int | None
    """How many receipts there were, None without receipts."""

    @property
    def is_proven(self) -> bool:
        """Whether all there is was found right and a key from elsewhere vouches for it."""
        return bool(self.streams) and all(stream.proof is Proof.PROVEN for stream in self.streams)

    @property
    def ok(self) -> bool:
        """Whether there was something to prove and nothing was found wrong."""
        return bool(self.streams) and all(stream.finding is None for stream in self.streams)


@dataclass(slots=True)
class _Reading:
    verifier: Verifier
    stream: str | None = None
    receipt_finding: Finding | None = None
    found_at: int | None = None
    last: int = 0
    repeated: int = 0


@dataclass(slots=True)
class Audit:
    """Takes the events of one file or store; ``anchor`` is the place before the first of a store.

    In a file several terminals and streams may stand in any mixture, each in its own order, and a line may come again
    as it was, as a console that lost its memory writes it. A store holds one stream, each event once.
    """

    device_keys: frozenset[PublicKey] = frozenset()
    key_source: KeySource = KeySource.STREAM
    receipts: Receipts | None = None
    receipts_pinned: bool = False
    anchor: ChainHead | None = None
    _readings: dict[tuple[str, str] | None, _Reading] = field(default_factory=dict)
    _current: _Reading | None = None
    _repeats: Repeats = field(default_factory=Repeats)

    def take(self, body: bytes, line: int | None = None) -> None:
        """Judge the next event, which stands in ``line`` of the file."""
        try:
            event = OpenedEvent.of(body)
        except ValueError as exc:
            self.refuse(str(exc), line)
            return
        named = event.members.get("stream")
        stream = named if isinstance(named, str) else None
        reading = self._current = self._reading_of(event)
        place = (id(reading), event.sequence)
        if self.anchor is None and self._repeats.has(place, body):
            reading.repeated += 1
            return
        if reading.stream is None:
            reading.stream = stream
        self._note(reading, reading.verifier.take_opened(event), line)
        if stream == reading.stream and reading.verifier.is_sound:
            reading.last = event.sequence
            self._repeats.add(place, body)
            self._compare(reading, event, line)

    def refuse(self, why: str, line: int | None = None, fault: Fault = Fault.UNREADABLE) -> None:
        """Take note that what comes next cannot be an event of the stream read last, and ``why``."""
        reading = self._current = self._current or self._begin(None)
        self._note(reading, reading.verifier.refuse(why, fault), line)

    def finish(self) -> Report:
        """Return what was proved."""
        reports = _linked([self._end(reading) for reading in self._readings.values()])
        seen = {reading.stream for reading in self._readings.values()}
        unmatched = () if self.receipts is None else tuple(sorted(self.receipts.held.keys() - seen))
        held = None if self.receipts is None else sum(len(places) for places in self.receipts.held.values())
        pinned = None if self.receipts is None else self.receipts_pinned
        return Report(tuple(reports), self.key_source, pinned, unmatched, held)

    def _reading_of(self, event: OpenedEvent) -> _Reading:
        """Return the reading that ``event`` belongs to: a new one where it is, by all it says, of a stream of its own.

        What contradicts itself belongs where it stands.
        """
        if self.anchor is not None:
            return self._current or self._begin(None)
        of = place_of(event)
        if of is None:
            return self._current or self._begin(None)
        if of in self._readings:
            return self._readings[of]
        if None in self._readings:
            # What could not be read at the beginning belongs to the first that could.
            self._readings = {of: self._readings[None]}
            return self._readings[of]
        if len(self._readings) >= MAX_STREAMS:
            return self._current or self._begin(of)
        return self._begin(of)

    def _begin(self, of: tuple[str, str] | None) -> _Reading:
        given = self.key_source is KeySource.GIVEN
        self._readings[of] = _Reading(Verifier(self.anchor, self.device_keys, must_be_signed=given))
        return self._readings[of]

    def _note(self, reading: _Reading, finding: Finding | None, line: int | None) -> None:
        if finding is not None:
            reading.found_at = line

    def _compare(self, reading: _Reading, event: OpenedEvent, line: int | None) -> None:
        if self.receipts is None or reading.receipt_finding is not None or reading.stream is None:
            return
        reading.receipt_finding = self.receipts.compare(event, reading.stream)
        if reading.receipt_finding is not None:
            reading.found_at = line

    def _end(self, reading: _Reading) -> StreamReport:
        verdict = reading.verifier.finish()
        finding = _earlier(verdict.finding, reading.receipt_finding)
        confirmed = None
        if self.receipts is not None and reading.stream is not None:
            finding = _earlier(finding, self.receipts.judge_end(reading.stream, reading.last))
            confirmed = self.receipts.confirmed.get(reading.stream, 0)
        return StreamReport(
            verdict, finding, reading.found_at, confirmed, reading.repeated, self._proof(verdict, finding)
        )

    def _proof(self, verdict: Verdict, finding: Finding | None) -> Proof:
        if finding is not None:
            return Proof.BAD
        if not verdict.signed_through:
            return Proof.UNSIGNED
        return Proof.PROVEN if self.key_source is KeySource.GIVEN else Proof.UNPINNED


def _linked(reports: list[StreamReport]) -> list[StreamReport]:
    """Compare the end of each stream with what the one after it says it ended with."""
    linked = list(reports)
    at = {(report.verdict.source, report.verdict.stream): index for index, report in enumerate(reports)}
    for after in reports:
        said = after.verdict.predecessor
        named = None if said is None else said.get("stream")
        index = at.get((after.verdict.source, named)) if isinstance(named, str) else None
        if index is None:
            continue
        before = linked[index]
        finding = _wrong_end(before.verdict, after.verdict)
        if finding is not None:
            linked[index] = replace(before, finding=_earlier(before.finding, finding), proof=Proof.BAD)
    return linked


def _earlier(one: Finding | None, other: Finding | None) -> Finding | None:
    found = [finding for finding in (one, other) if finding is not None]
    return min(found, key=lambda finding: finding.sequence, default=None)


def _wrong_end(before: Verdict, after: Verdict) -> Finding | None:
    said = after.predecessor
    if said is None or before.head is None or said.get("stream") != before.stream:
        return None
    end = (said.get("sequence"), said.get("chainhash"))
    if not isinstance(end[0], int) or end == (before.head.sequence, before.head.chainhash):
        return None
    if end[0] == before.head.sequence:
        return Finding(end[0], Fault.ALTERED, "the stream after it names another hash for its last event")
    why = f"the stream after it says that this one ended with {end[0]}, here it ends with {before.head.sequence}"
    return Finding(before.head.sequence + 1, Fault.MISSING, why)
