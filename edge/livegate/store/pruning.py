"""What leaves the history: events that the console holds and a checkpoint signs, up to the place it signs.

The checkpoint event itself stays as the oldest one shown, and its place is the anchor: whoever reads the stream from
there finds the terminal's signature under all that went before. Moving the anchor is one step; the rows before it
are then in nobody's sight and deleted a few at a time.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from livegate.events import kinds
from livegate.events.environment import event
from livegate.store.checkpoints import newest_checkpoint, sign
from livegate.store.writing import Writing
from livegate.types import AccessEvent

# Bounds how long deleting may keep a decision waiting; the rest goes with the next acknowledgement or chore.
ROWS_AT_ONCE = 256


def prune(t: Writing) -> None:
    """Move the anchor up to the newest checkpoint that leaves ``history_events``, and delete some of what is past it.

    Changes nothing that is not acknowledged, and nothing that is not signed; signs first where nothing is.
    """
    anchor = t.stream().anchor.sequence
    kept = 0 if t.fill().is_tight else t.context.limits.history_events
    bound = min(t.stream().acknowledged_through, t.head().sequence - kept)
    if bound > anchor:
        through = newest_checkpoint(t.connection, bound + 1) - 1
        if through > anchor:
            anchor = _move_anchor(t, anchor, through)
        elif newest_checkpoint(t.connection) <= anchor + 1:
            sign(t)
    t.connection.execute(
        "DELETE FROM event WHERE sequence IN"
        " (SELECT sequence FROM event WHERE sequence <= ? ORDER BY sequence LIMIT ?)",
        (anchor, ROWS_AT_ONCE),
    )


def _move_anchor(t: Writing, anchor: int, through: int) -> int:
    row = t.connection.execute("SELECT chainhash FROM event WHERE sequence = ?", (through,)).fetchone()
    if row is None:
        # Dropped, the checkpoint right behind it not: the next one serves as well.
        return anchor
    t.connection.execute("UPDATE stream SET anchor_sequence = ?, anchor_chainhash = ?", (through, row[0]))
    t.stream_changed()
    return through


def told_again(t: Writing, first: int, last: int, hole_begins: int) -> list[AccessEvent]:
    """Return anew the gap events among ``first`` to ``last``, which are about to be dropped, that are still needed.

    That are those of holes within what is still shown, and before ``hole_begins``, where the hole that is being torn
    begins: what lies in there its own gap event accounts for. Of several that begin at one place the newest covers the
    others.
    """
    rows = t.connection.execute(
        "SELECT body FROM event WHERE sequence BETWEEN ? AND ? AND kind = ? ORDER BY sequence", (first, last, kinds.GAP)
    )
    needed: dict[str, Any] = {}
    for (body,) in rows:
        with suppress(ValueError, KeyError, TypeError):
            # A damaged row accounts for nothing any more; proving the stream says so.
            what = json.loads(body)["data"]["what"]
            if t.stream().anchor.sequence < int(what["to"]) < hole_begins:
                needed[what["from"]] = what
    return [event(kinds.GAP, what, t.opened, t.context.environment, severity="error") for what in needed.values()]
