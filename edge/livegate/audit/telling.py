"""Say what an audit proved, to programs and to people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from livegate.audit.audit import KeySource, Report, StreamReport
from livegate.audit.verdict import Start, Verdict
from livegate.events.cloudevents import sequence_text


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
