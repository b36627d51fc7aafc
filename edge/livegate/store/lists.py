"""Local credentials and block entries: every change and the event that tells of it are one transaction."""

from __future__ import annotations

import json

from livegate.errors import ConfigError
from livegate.events import kinds
from livegate.gate.facts import BlockAction, Clock, ListEntry
from livegate.store import media
from livegate.store.rows import row_check
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
    key = (credential.pseudonym, credential.kind)
    known = t.connection.execute("SELECT label FROM credential WHERE pseudonym = ? AND kind = ?", key).fetchone()
    columns = (
        *key,
        _real(credential.valid_from_s),
        _real(credential.valid_until_s),
        label if label is not None or known is None else known[0],
        credential.schedule,
        json.dumps(sorted(credential.zones)),
        int(credential.duress),
    )
    t.connection.execute(
        "INSERT OR REPLACE INTO credential VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*columns, row_check(*columns))
    )
    t.enqueue(kinds.credential_changed("changed" if known else "added", credential, reason, now, t.context.environment))


def disallow(t: Transaction, pseudonym: str, now: Clock, *, reason: str = "") -> int:
    """Remove a credential in every kind it is known as; return how many that were."""
    rows = t.connection.execute("DELETE FROM credential WHERE pseudonym = ? RETURNING *", (pseudonym,)).fetchall()
    for row in rows:
        credential = Credential(row[0], row[1], known=False, valid_from_s=row[2], valid_until_s=row[3])
        t.enqueue(kinds.credential_changed("removed", credential, reason, now, t.context.environment))
    return len(rows)


def block(t: Transaction, entry: ListEntry, now: Clock) -> None:
    """Act on whatever ``entry`` names as it asks from now on; the same entry again takes what is new."""
    if entry.kind not in BLOCK_KINDS:
        raise ConfigError(f"block entry of kind '{entry.kind}': expected one of {', '.join(BLOCK_KINDS)}")
    if entry.action not in list(BlockAction):
        raise ConfigError(f"block entry with action '{entry.action}': expected one of {', '.join(BlockAction)}")
    key = (entry.kind, entry.value, entry.source)
    known = t.connection.execute("SELECT 1 FROM list_entry WHERE kind = ? AND value = ? AND source = ?", key).fetchone()
    columns = (*key, str(entry.action), entry.reason, _real(entry.until_s))
    t.connection.execute(
        "INSERT OR REPLACE INTO list_entry VALUES (?, ?, ?, ?, ?, ?, ?)", (*columns, row_check(*columns))
    )
    if entry.kind == "media" and media.is_signature(entry.value):
        # Blocked before it was ever seen here: a picture of it differs in some bits and must still be found.
        media.remember(t.connection, entry.value, t.context.running.at(now), now.wall_s)
    t.enqueue(kinds.list_applied("changed" if known else "added", entry, now, t.context.environment))


def unblock(t: Transaction, kind: str, value: str, now: Clock) -> int:
    """Remove the local block entry of ``kind`` and ``value``; return how many there were."""
    rows = t.connection.execute(
        "DELETE FROM list_entry WHERE kind = ? AND value = ? AND source = 'local'"
        " RETURNING kind, value, action, reason, until_s, source",
        (kind, value),
    ).fetchall()
    for row in rows:
        t.enqueue(kinds.list_applied("removed", ListEntry(*row), now, t.context.environment))
    return len(rows)


def _real(moment_s: float | None) -> float | None:
    # As SQLite gives it back: the row's checksum is over that.
    return None if moment_s is None else float(moment_s)
