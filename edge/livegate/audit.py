"""Prove an export or a store: one stream after another, the console's receipts beside them, and say it in words."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from livegate.events.chain import Verifier, begins_stream
from livegate.events.cloudevents import ChainHead, sequence_text
from livegate.events.opened import OpenedEvent
from livegate.events.receipts import Receipts
from livegate.events.verdict import Fault, Finding, Start, Verdict
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


def as_json(report: Report) -> dict[str, Any]:
    """Return the report as ``docs/schemas/events-verify.json`` says."""
    return {
        "ok": report.ok,
        "device_key": report.key_source,
        "receipts_pinned": report.receipts_pinned,
        "receipts_of_other_streams": list(report.unmatched),
        "streams": [_stream_json(stream) for stream in report.streams],
    }


def _stream_json(report: StreamReport) -> dict[str, Any]:
    verdict, finding = report.verdict, report.finding
    return {
        "stream": verdict.stream,
        "source": verdict.source,
        "start": verdict.start,
        "first": verdict.first,
        "last": verdict.last,
        "events": verdict.events,
        "chainhash": None if verdict.head is None else verdict.head.chainhash,
        "checkpoints": verdict.checkpoints,
        "signed_through": verdict.signed_through,
        "unsigned_tail": verdict.unsigned_tail,
        "keyids": list(verdict.keyids),
        "gaps": [{"from": gap.first, "to": gap.last, "told_by": gap.told_by} for gap in verdict.gaps],
        "predecessor": _predecessor(verdict),
        "confirmed_through": report.confirmed_through,
        "first_bad": None if finding is None else finding.sequence,
        "fault": None if finding is None else finding.fault,
        "why": None if finding is None else finding.why,
        "line": report.line,
    }


def _predecessor(verdict: Verdict) -> str | None:
    named = None if verdict.predecessor is None else verdict.predecessor.get("stream")
    return named if isinstance(named, str) else None


def as_lines(report: Report) -> Iterable[str]:
    """Yield the report as lines for people."""
    for stream in report.streams:
        yield from _stream_lines(stream, report)
    for stream_name in report.unmatched:
        yield f"note: receipts speak of stream {stream_name}, which is not here"
    if report.receipts_pinned is False:
        yield "note: the receipts' signatures were not checked; give the console's key with --console-key"
    if not report.streams:
        yield "nothing to verify: there is no event"


def _stream_lines(report: StreamReport, whole: Report) -> Iterable[str]:
    verdict, finding = report.verdict, report.finding
    span = f"{verdict.events} events, {verdict.first} to {verdict.last}" if verdict.events else "no event"
    yield f"stream {verdict.stream} of {verdict.source}: {span}"
    yield f"  begins: {_STARTS[verdict.start]}"
    for gap in verdict.gaps:
        yield f"  dropped: {gap.first} to {gap.last}, which event {gap.told_by} accounts for"
    if verdict.checkpoints:
        signers = ", ".join(verdict.keyids)
        yield f"  signed: up to {verdict.signed_through} ({verdict.checkpoints} checkpoints by key {signers})"
        yield f"  key: {_SOURCES[whole.key_source]}"
    else:
        yield "  signed: nothing, there is no checkpoint"
    if verdict.unsigned_tail:
        yield f"  not signed yet: the last {verdict.unsigned_tail} events"
    if report.confirmed_through is not None:
        yield f"  receipts of the console: fit up to {report.confirmed_through}"
    if finding is None:
        yield "  nothing missing, nothing altered"
    else:
        place = "" if report.line is None else f" (line {report.line})"
        yield f"  BAD at {sequence_text(finding.sequence)}{place}: {finding.fault}: {finding.why}"


_STARTS = {
    Start.GENESIS: "with the stream itself",
    Start.CHECKPOINT: "at a checkpoint, which signs what came before",
    Start.GIVEN: "at the store's anchor",
    Start.GAP: "behind dropped events, which a gap event accounts for",
    Start.NOTHING: "in the middle, with nothing to check it against",
}
_SOURCES = {
    KeySource.GIVEN: "the one given",
    KeySource.STORE: "the one beside the store, NOT PINNED: give --device-key from a place of your own",
    KeySource.STREAM: "the one named in the stream itself, NOT PINNED: give --device-key from a place of your own",
}
