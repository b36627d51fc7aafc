"""Prove an export or a store: one stream after another, the console's receipts beside them."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace

from livegate.audit.chain import Verifier, begins_stream
from livegate.audit.receipts import Receipts
from livegate.audit.verdict import Fault, Finding, Verdict
from livegate.events.cloudevents import ChainHead
from livegate.events.opened import OpenedEvent
from livegate.trust.keys import PublicKey


class KeySource(enum.StrEnum):
    """Where the device key comes from that checkpoints were held against."""

    GIVEN = "given"
    STORE = "store"
    """From beside the events: whoever can forge the one can forge the other."""
    STREAM = "stream"
    """From the first checkpoint itself, at its word."""


@dataclass(frozen=True, slots=True)
class StreamReport:
    """What was proved of one stream; ``confirmed_through`` is the highest receipt that fits, None without receipts."""

    verdict: Verdict
    finding: Finding | None
    line: int | None
    """The line of the file at which ``finding`` showed, None in a store or at the end."""
    confirmed_through: int | None


@dataclass(frozen=True, slots=True)
class Report:
    """What was proved in all."""

    streams: tuple[StreamReport, ...]
    key_source: KeySource
    receipts_pinned: bool | None
    """Whether the receipts' signatures were checked, None without receipts."""
    unmatched: tuple[str, ...]
    """Streams that receipts speak of and that are not here."""

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


@dataclass(slots=True)
class Audit:
    """Takes the events of one file or store in order; ``anchor`` is the place before the first, where it is known."""

    device_keys: frozenset[PublicKey] = frozenset()
    key_source: KeySource = KeySource.STREAM
    receipts: Receipts | None = None
    receipts_pinned: bool = False
    anchor: ChainHead | None = None
    _reading: _Reading | None = None
    _reports: list[StreamReport] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)

    def take(self, body: bytes, line: int | None = None) -> None:
        """Judge the next event, which stands in ``line`` of the file."""
        try:
            event = OpenedEvent.of(body)
        except ValueError as exc:
            self.refuse(str(exc), line)
            return
        named = event.members.get("stream")
        stream = named if isinstance(named, str) else None
        reading = self._reading
        if reading is not None and stream != reading.stream and stream not in self._seen and begins_stream(event):
            self._end_stream()
        reading = self._current()
        if reading.stream is None and stream is not None:
            reading.stream = stream
            self._seen.add(stream)
        self._note(reading, reading.verifier.take_opened(event), line)
        if stream == reading.stream and reading.verifier.is_sound:
            reading.last = event.sequence
            self._compare(reading, event, line)

    def refuse(self, why: str, line: int | None = None, fault: Fault = Fault.UNREADABLE) -> None:
        """Take note that what comes next cannot be an event of the stream, and ``why``."""
        reading = self._current()
        self._note(reading, reading.verifier.refuse(why, fault), line)

    def finish(self) -> Report:
        """Return what was proved."""
        if self._reading is not None:
            self._end_stream()
        self._link()
        unmatched = () if self.receipts is None else tuple(sorted(self.receipts.held.keys() - self._seen))
        pinned = None if self.receipts is None else self.receipts_pinned
        return Report(tuple(self._reports), self.key_source, pinned, unmatched)

    def _current(self) -> _Reading:
        if self._reading is None:
            given = self.key_source is KeySource.GIVEN
            self._reading = _Reading(Verifier(self.anchor, self.device_keys, must_be_signed=given))
            self.anchor = None
        return self._reading

    def _note(self, reading: _Reading, finding: Finding | None, line: int | None) -> None:
        if finding is not None:
            reading.found_at = line

    def _compare(self, reading: _Reading, event: OpenedEvent, line: int | None) -> None:
        if self.receipts is None or reading.receipt_finding is not None or reading.stream is None:
            return
        reading.receipt_finding = self.receipts.compare(event, reading.stream)
        if reading.receipt_finding is not None:
            reading.found_at = line

    def _end_stream(self) -> None:
        reading, self._reading = self._reading, None
        if reading is None:
            return
        verdict = reading.verifier.finish()
        finding = _earlier(verdict.finding, reading.receipt_finding)
        confirmed = None
        if self.receipts is not None and reading.stream is not None:
            finding = _earlier(finding, self.receipts.judge_end(reading.stream, reading.last))
            confirmed = self.receipts.confirmed.get(reading.stream, 0)
        self._reports.append(StreamReport(verdict, finding, reading.found_at, confirmed))

    def _link(self) -> None:
        """Compare the end of each stream with what the one after it says it ended with."""
        for index, (before, after) in enumerate(zip(self._reports, self._reports[1:], strict=False)):
            finding = _wrong_end(before.verdict, after.verdict)
            if finding is not None:
                self._reports[index] = replace(before, finding=_earlier(before.finding, finding))


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
