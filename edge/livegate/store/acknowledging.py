"""What the console's acknowledgement changes: events leave the outbox, and old ones the history."""

from __future__ import annotations

import sqlite3

from livegate.errors import LinkError
from livegate.store.reading import chainhash_at
from livegate.store.transaction import Transaction, capacity_reached

# Bounds how long pruning may keep a decision waiting; the rest goes with the next acknowledgement.
_PRUNE_AT_ONCE = 256


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
    history = t.context.limits.history_events
    t.connection.execute(
        "UPDATE stream SET acknowledged_through = ?, acknowledged_by = ?, capacity_percent = min(capacity_percent, ?)",
        (through, consumer, capacity_reached(last - through, history)),
    )
    _prune(t.connection, min(through, last - history))


def _prune(connection: sqlite3.Connection, through: int) -> None:
    """Delete history up to ``through``, oldest first, and leave the last deleted event's place as the anchor."""
    row = connection.execute(
        "SELECT sequence, chainhash FROM (SELECT sequence, chainhash FROM event WHERE sequence <= ?"
        " ORDER BY sequence LIMIT ?) ORDER BY sequence DESC LIMIT 1",
        (through, _PRUNE_AT_ONCE),
    ).fetchone()
    if row is not None:
        connection.execute("DELETE FROM event WHERE sequence <= ?", (row[0],))
        connection.execute("UPDATE stream SET anchor_sequence = ?, anchor_chainhash = ?", row)
