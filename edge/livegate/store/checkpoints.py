"""When the chain is signed: in the transaction whose events made a checkpoint due, and nowhere else."""

from __future__ import annotations

import json
import logging
import sqlite3

from livegate.errors import LivegateError
from livegate.events import kinds
from livegate.events.checkpoint import checkpoint
from livegate.events.cloudevents import MAX_SEQUENCE
from livegate.store.writing import Writing

log = logging.getLogger(__name__)

# Old events go up to a checkpoint only: with so many of them within the history little more than it is kept.
_IN_HISTORY = 4
_FEWEST_EVENTS = 10


def after_append(t: Writing) -> None:
    """Sign the chain when so much was recorded since it was signed last, nothing ever was, or a gap event is not yet.

    A gap event that nobody signed explains nothing: whoever deletes events could have written it.
    """
    if t.context.signing.signer is None:
        return
    every = max(_FEWEST_EVENTS, min(t.context.limits.checkpoint_events, t.context.limits.history_events // _IN_HISTORY))
    newest = newest_checkpoint(t.connection)
    if t.head().sequence - newest >= every or _has_unsigned_gap(t, newest):
        sign(t)


def after_start(t: Writing) -> None:
    """Sign the chain when it was signed last by another key: so the new one vouches for what names the old one."""
    signer = t.context.signing.signer
    row = t.connection.execute(
        "SELECT body FROM event WHERE sequence = ?", (newest_checkpoint(t.connection),)
    ).fetchone()
    if signer is None or row is None:
        return
    try:
        keyid = json.loads(row[0])["data"]["what"]["keyid"]
    except (ValueError, KeyError, TypeError):
        # A damaged row names no key; proving the stream says so.
        return
    if keyid != signer.public.keyid:
        sign(t)


def sign(t: Writing) -> bool:
    """Record a checkpoint of all there is, unless the newest event is one; return whether it was recorded.

    A signer that fails loses nothing: what was recorded stays, and signing is due again with the next event.
    """
    signing, head = t.context.signing, t.head()
    if signing.signer is None or head.sequence == 0 or newest_checkpoint(t.connection) == head.sequence:
        return False
    try:
        event = checkpoint(signing.signer, t.stream().stream, head, t.opened, t.context.environment)
    except LivegateError as exc:
        if not signing.failing:
            log.error("chain not signed: %s", exc)  # noqa: TRY400 - what it says is all there is to know
        signing.failing = True
        return False
    signing.failing = False
    t.append(event)
    return True


def newest_checkpoint(connection: sqlite3.Connection, through: int = MAX_SEQUENCE) -> int:
    """Return the sequence of the newest checkpoint event kept, at most ``through``; 0 when there is none."""
    row = connection.execute(
        "SELECT sequence FROM event INDEXED BY event_checkpoint WHERE kind = 'chain.checkpoint' AND sequence <= ?"
        " ORDER BY sequence DESC LIMIT 1",
        (through,),
    ).fetchone()
    return 0 if row is None else int(row[0])


def _has_unsigned_gap(t: Writing, signed: int) -> bool:
    stream = t.stream()
    if stream.dropped_through <= stream.anchor.sequence:
        # Nothing that is still shown was dropped.
        return False
    signing = t.context.signing
    row = t.connection.execute(
        "SELECT 1 FROM event WHERE sequence > ? AND kind = ? LIMIT 1", (max(signed, signing.looked_through), kinds.GAP)
    ).fetchone()
    if row is None:
        signing.looked_through = t.head().sequence - t.appended
    return row is not None
