"""Local credentials and block entries: every change and the event that tells of it are one transaction."""

from __future__ import annotations

from livegate.errors import ConfigError
from livegate.events import kinds
from livegate.gate.facts import Clock, ListEntry
from livegate.store.transaction import Transaction
from livegate.types import Credential

CREDENTIAL_KINDS = ("card", "qr", "pin")
BLOCK_KINDS = ("credential", "media", "terminal")


def allow(t: Transaction, credential: Credential, now: Clock, *, reason: str = "", label: str | None = None) -> None:
    """Let ``credential`` (a pseudonym, its kind and validity) in from now on; a known one takes the new validity."""
    if credential.kind not in CREDENTIAL_KINDS:
        raise ConfigError(f"credential kind '{credential.kind}': expected one of {', '.join(CREDENTIAL_KINDS)}")
    key = (credential.pseudonym, credential.kind)
    known = t.connection.execute("SELECT 1 FROM credential WHERE pseudonym = ? AND kind = ?", key).fetchone()
    t.connection.execute(
        "INSERT INTO credential VALUES (?, ?, ?, ?, ?) ON CONFLICT (pseudonym, kind) DO UPDATE SET"
        " valid_from_s = excluded.valid_from_s, valid_until_s = excluded.valid_until_s,"
        " label = coalesce(excluded.label, label)",
        (*key, credential.valid_from_s, credential.valid_until_s, label),
    )
    t.enqueue(kinds.credential_changed("changed" if known else "added", credential, reason, now, t.context.environment))


def disallow(t: Transaction, pseudonym: str, now: Clock, *, reason: str = "") -> int:
    """Remove a credential in every kind it is known as; return how many that were."""
    rows = t.connection.execute(
        "DELETE FROM credential WHERE pseudonym = ? RETURNING pseudonym, kind, valid_from_s, valid_until_s",
        (pseudonym,),
    ).fetchall()
    for pseudonym_, kind, valid_from_s, valid_until_s in rows:
        credential = Credential(pseudonym_, kind, known=False, valid_from_s=valid_from_s, valid_until_s=valid_until_s)
        t.enqueue(kinds.credential_changed("removed", credential, reason, now, t.context.environment))
    return len(rows)


def block(t: Transaction, entry: ListEntry, now: Clock) -> None:
    """Refuse whatever ``entry`` names from now on; the same entry again takes the new reason and end."""
    if entry.kind not in BLOCK_KINDS:
        raise ConfigError(f"block entry of kind '{entry.kind}': expected one of {', '.join(BLOCK_KINDS)}")
    if entry.action != "deny":
        raise ConfigError(f"block entry with action '{entry.action}': this version acts on 'deny' only; use that")
    key = (entry.kind, entry.value, entry.source)
    known = t.connection.execute("SELECT 1 FROM list_entry WHERE kind = ? AND value = ? AND source = ?", key).fetchone()
    t.connection.execute(
        "INSERT OR REPLACE INTO list_entry (kind, value, source, action, reason, until_s) VALUES (?, ?, ?, ?, ?, ?)",
        (*key, entry.action, entry.reason, entry.until_s),
    )
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
