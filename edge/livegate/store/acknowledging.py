"""What the console's acknowledgement changes: events leave the outbox, and old ones the history."""

from __future__ import annotations

from dataclasses import replace

from livegate.errors import LinkError
from livegate.store import full
from livegate.store.pruning import prune
from livegate.store.reading import chainhash_at
from livegate.store.transaction import Transaction


def acknowledge(t: Transaction, through: int, chainhash: str, consumer: str) -> None:
    """Note that ``consumer`` holds everything up to ``through``; raise LinkError when it cannot be so.

    An acknowledgement not above the last one, or inside a hole of dropped events, changes nothing.
    """
    row = t.connection.execute("SELECT acknowledged_through, dropped_through FROM stream").fetchone()
    acknowledged, dropped = row
    last = t.head().sequence
    if through > last:
        raise LinkError(f"acknowledgement of {through} by {consumer}: above {last}, the highest sequence there is")
    if through <= acknowledged or through < dropped:
        return
    if chainhash_at(t.connection, through) != chainhash:
        raise LinkError(f"acknowledgement of {through} by {consumer}: its chainhash is not that of our event")
    t.connection.execute(
        "UPDATE stream SET acknowledged_through = ?, acknowledged_by = ?, capacity_percent = min(capacity_percent, ?)",
        (through, consumer, full.reached(replace(t.fill(), unacknowledged=last - through))),
    )
    t.stream_changed()
    prune(t)
