"""Say what an audit proved, to programs and to people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from livegate.audit.audit import KeySource, Proof, Report, StreamReport
from livegate.audit.verdict import Gap, Start, Verdict
from livegate.events.cloudevents import sequence_text


def as_json(report: Report) -> dict[str, Any]:
    """Return the report as ``docs/schemas/events-verify.json`` says."""
    return {
        "ok": report.ok,
        "proven": report.is_proven,
        "device_key": report.key_source,
        "receipts_pinned": report.receipts_pinned,
        "receipts": report.receipts_held,
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
        "signatures": [
            {
                "keyid": signed.keyid,
                "checkpoints": signed.checkpoints,
                "through": signed.through,
                "earlier": signed.earlier,
            }
            for signed in verdict.signatures
        ],
        "gaps": [
            {"from": gap.first, "to": gap.last, "told_by": gap.told_by, "signed": gap.is_signed} for gap in verdict.gaps
        ],
        "predecessor": _predecessor(verdict),
        "confirmed_through": report.confirmed_through,
        "repeated": report.repeated,
        "proof": report.proof,
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
    if report.receipts_held == 0:
        yield "note: there is no receipt in the file given: nothing says whether the end was cut off"
    elif report.receipts_pinned is False:
        yield "note: the receipts' signatures were not checked; give the console's key with --console-key"
    if not report.streams:
        yield "nothing to verify: there is no event"


def _stream_lines(report: StreamReport, whole: Report) -> Iterable[str]:
    verdict = report.verdict
    span = f"{verdict.events} events, {verdict.first} to {verdict.last}" if verdict.events else "no event"
    yield f"stream {verdict.stream} of {verdict.source}: {span}"
    yield f"  begins: {_STARTS[verdict.start]}"
    for gap in verdict.gaps:
        yield f"  dropped: {_dropped(gap)}"
    if report.repeated:
        yield f"  repeated: {report.repeated} lines came again just as they were"
    yield from _signed_lines(verdict, whole)
    if report.confirmed_through:
        yield f"  receipts of the console: fit up to {report.confirmed_through}"
    elif report.confirmed_through is not None:
        yield "  receipts of the console: none for this stream"
    yield from _conclusion(report)


def _signed_lines(verdict: Verdict, whole: Report) -> Iterable[str]:
    if not verdict.checkpoints:
        yield "  signed: nothing, there is no checkpoint"
    for signed in verdict.signatures:
        which = ", an earlier key that the stream names" if signed.earlier else ""
        yield f"  signed: up to {signed.through} ({signed.checkpoints} checkpoints by key {signed.keyid}{which})"
    if verdict.checkpoints:
        yield f"  key: {_SOURCES[whole.key_source]}"
    if verdict.unsigned_tail:
        yield f"  not signed yet, so UNPROVEN: the last {verdict.unsigned_tail} events; they fit each other, no more"


def _dropped(gap: Gap) -> str:
    if gap.is_signed:
        return f"{gap.first} to {gap.last}, which event {gap.told_by} accounts for"
    return f"{gap.first} to {gap.last}, says event {gap.told_by}, which nobody signed: UNPROVEN"


def _conclusion(report: StreamReport) -> Iterable[str]:
    verdict, finding = report.verdict, report.finding
    if finding is not None:
        place = "" if report.line is None else f" (line {report.line})"
        yield f"  BAD at {sequence_text(finding.sequence)}{place}: {finding.fault}: {finding.why}"
    elif report.proof is Proof.PROVEN:
        yield f"  proven up to {verdict.signed_through}: nothing missing, nothing altered"
    elif report.proof is Proof.UNPINNED:
        yield (
            f"  UNPROVEN: nothing missing, nothing altered up to {verdict.signed_through} if that key is the "
            "terminal's; a forger signs with a key of their own"
        )
    else:
        yield (
            "  UNPROVEN: the events fit each other, but nothing is signed; whoever wrote them down could have left "
            "out, altered or invented any"
        )


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
