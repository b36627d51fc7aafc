"""Local credentials and block entries: every change and the event that tells of it are one transaction."""

from __future__ import annotations

import json

from livegate.errors import ConfigError
from livegate.events import kinds
from livegate.gate.facts import BlockAction, Clock, ListEntry
from livegate.near import is_signature
from livegate.store.rows import key_id, row_check
from livegate.store.transaction import Transaction
from livegate.types import Credential

CREDENTIAL_KINDS = ("card", "qr", "pin")
BLOCK_KINDS = ("credential", "media", "terminal")


def allow(t: Transaction, credential: Credential, now: Clock, *, reason: str = "", label: str | None = None) -> None:
    """Let ``credential`` (a pseudonym, its kind and conditions) in from now on; a known one takes the new conditions.

    A known one keeps its label when none is given.
    """
    if credential.kind not in CREDENTIAL_KINDS:
        raise ConfigError(f"credential kind '{credential.kind}': expected one of {', '.join(CREDENTIAL_KINDS)}")
    number = key_id(credential.kind, credential.pseudonym)
    known = t.connection.execute("SELECT label FROM credential WHERE id = ?", (number,)).fetchone()
    columns = (
        number,
        credential.pseudonym,
        credential.kind,
        _real(credential.valid_from_s),
        _real(credential.valid_until_s),
        label if label is not None or known is None else known[0],
        credential.schedule,
        json.dumps(sorted(credential.zones)),
        int(credential.duress),
    )
    t.connection.execute(
        "INSERT OR REPLACE INTO credential VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (*columns, row_check(*columns))
    )
    t.enqueue(kinds.credential_changed("changed" if known else "added", credential, reason, now, t.context.environment))


def disallow(t: Transaction, pseudonym: str, now: Clock, *, reason: str = "") -> int:
    """Remove a credential in every kind it is known as; return how many that were."""
    removed = 0
    for kind in CREDENTIAL_KINDS:
        row = t.connection.execute(
            "DELETE FROM credential WHERE id = ? RETURNING valid_from_s, valid_until_s", (key_id(kind, pseudonym),)
        ).fetchone()
        if row is None:
            continue
        removed += 1
        credential = Credential(pseudonym, kind, known=False, valid_from_s=row[0], valid_until_s=row[1])
        t.enqueue(kinds.credential_changed("removed", credential, reason, now, t.context.environment))
    return removed


def block(t: Transaction, entry: ListEntry, now: Clock) -> None:
    """Act on whatever ``entry`` names as it asks from now on; the same entry again takes what is new."""
    if entry.kind not in BLOCK_KINDS:
        raise ConfigError(f"block entry of kind '{entry.kind}': expected one of {', '.join(BLOCK_KINDS)}")
    if entry.action not in list(BlockAction):
        raise ConfigError(f"block entry with action '{entry.action}': expected one of {', '.join(BlockAction)}")
    number = key_id(entry.kind, entry.value)
    known = t.connection.execute("SELECT 1 FROM list_entry WHERE id = ?", (number,)).fetchone()
    columns = (
        number,
        entry.kind,
        entry.value,
        entry.source,
        str(entry.action),
        entry.reason,
        _real(entry.until_s),
    )
    t.connection.execute(
        "INSERT OR REPLACE INTO list_entry VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*columns, row_check(*columns))
    )
    if entry.kind == "media" and is_signature(entry.value):
        # Blocked before it was ever seen here: a picture of it differs in some bits and must still be found.
        t.context.upkeep.media.remember(t.connection, entry.value, t.context.running.at(now), now.wall_s)
    t.enqueue(kinds.list_applied("changed" if known else "added", entry, now, t.context.environment))


def unblock(t: Transaction, kind: str, value: str, now: Clock) -> int:
    """Remove the local block entry of ``kind`` and ``value``; return how many there were."""
    rows = t.connection.execute(
        "DELETE FROM list_entry WHERE id = ? RETURNING action, reason, until_s, source", (key_id(kind, value),)
    ).fetchall()
    for row in rows:
        t.enqueue(kinds.list_applied("removed", ListEntry(kind, value, *row), now, t.context.environment))
    return len(rows)


def _real(moment_s: float | None) -> float | None:
    # As SQLite gives it back: the row's checksum is over that.
    return None if moment_s is None else float(moment_s)
