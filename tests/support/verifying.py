"""Streams and exports, judged in one call."""

from __future__ import annotations

import json
from io import BytesIO

from livegate.audit.audit import Audit, Report
from livegate.audit.chain import Verifier
from livegate.audit.lines import bounded_lines
from livegate.audit.receipts import Receipts
from livegate.audit.verdict import Verdict
from livegate.events.cloudevents import ChainHead, StoredEvent, next_hash
from support.chains import KEY, STREAM

PINNED = frozenset({KEY.public})


def judged(events: list[StoredEvent], verifier: Verifier | None = None) -> Verdict:
    verifier = verifier or Verifier(None, PINNED, must_be_signed=True)
    for event in events:
        verifier.take(event)
    return verifier.finish()


def read(export: bytes, receipts: Receipts | None = None) -> Report:
    audit = Audit(PINNED, receipts=receipts)
    for number, line in bounded_lines(BytesIO(export), 8_192):
        if line is None:
            audit.refuse("too long", number)
        else:
            audit.take(line, number)
    return audit.finish()


def first_bad(export: bytes, receipts: Receipts | None = None) -> int | None:
    """Return the first bad sequence of the first stream that has one."""
    findings = [stream.finding for stream in read(export, receipts).streams if stream.finding is not None]
    return findings[0].sequence if findings else None


def held(place: ChainHead) -> Receipts:
    return Receipts({STREAM: {place.sequence: place.chainhash}})


def resealed(members: dict[str, object], head: ChainHead, *, raw: bytes | None = None) -> StoredEvent:
    """Write an event as no terminal would, with a hash that fits all the same."""
    del members["chainhash"]
    unsealed = raw or json.dumps(members, sort_keys=True, separators=(",", ":")).encode()
    chainhash = next_hash(head.chainhash, unsealed)
    before, comma, after = unsealed.partition(b',"data"')
    return StoredEvent(
        head.sequence + 1, chainhash, before + b',"chainhash":"' + chainhash.encode() + b'"' + comma + after
    )
