"""Hold a store against its own events: what stands beside them, its anchor, and what was acknowledged."""

from __future__ import annotations

from livegate.audit.audit import Audit
from livegate.audit.verdict import Fault
from livegate.errors import StoreError
from livegate.events.cloudevents import sequence_text, type_of, unseal
from livegate.progress import Progress
from livegate.store.whole import Row, WholeStream


def audit_store(whole: WholeStream, audit: Audit) -> None:
    """Take every event of ``whole`` into ``audit``, as far as it can be read, and what the store claims beside."""
    audit.anchor = whole.anchor
    with Progress("verified", whole.last - whole.anchor.sequence) as progress:
        try:
            for row in whole.rows(whole.anchor.sequence, whole.last):
                if _is_told_right(row):
                    audit.take(row.body)
                else:
                    audit.refuse("what stands beside it in its row is not what stands in it", fault=Fault.STORE)
                progress.advance()
        except StoreError as exc:
            audit.refuse(f"the store cannot be read any further: {exc}")
    if whole.acknowledged_through > whole.last:
        audit.refuse(f"cut off: the console acknowledged up to {whole.acknowledged_through}", fault=Fault.MISSING)


def _is_told_right(row: Row) -> bool:
    try:
        _, chainhash = unseal(row.body)
    except ValueError:
        # No event at all, which the audit says better.
        return True
    sequence, kind = (
        b'"sequence":"%b"' % sequence_text(row.sequence).encode(),
        b'"type":"%b"' % type_of(row.kind).encode(),
    )
    return chainhash == row.chainhash and sequence in row.body and kind in row.body
