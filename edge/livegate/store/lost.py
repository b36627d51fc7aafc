"""What a broken or missing file took with it: what may have kept somebody out keeps everybody out until it is accepted.

Otherwise whoever can damage the file undoes the centre's lock, every blocked card and every lockout with it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from livegate.events import integrity
from livegate.store.writing import Writing

SHUTS = frozenset(
    {
        "door_lock",
        "list_entry",
        "lockout",
        "revoked_key",
        "credential",
        "time_floor",
        "keyset",
        "twin",
        "list_floor",
        "memory_lost",
    }
)
"""Tables without which something could be let in that was refused before; of the others it is enough to tell."""


def note_lost(connection: sqlite3.Connection, tables: Iterable[str]) -> tuple[str, ...]:
    """Keep the door shut for those of ``tables`` that may have refused somebody, and return them, sorted.

    ``connection`` has an open transaction, and may be in any earlier form.
    """
    shutting = sorted(SHUTS.intersection(tables))
    connection.execute("CREATE TABLE IF NOT EXISTS memory_lost (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID")
    connection.executemany("INSERT OR IGNORE INTO memory_lost VALUES (?)", [(name,) for name in shutting])
    return tuple(shutting)


def memory_lost(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Return the tables for whose loss the door stays shut, sorted."""
    return tuple(name for (name,) in connection.execute("SELECT name FROM memory_lost ORDER BY name"))


def accept_loss(t: Writing) -> tuple[str, ...]:
    """Let the door open again although memory was lost, and tell so; return the tables, none where none was lost."""
    names = tuple(sorted(name for (name,) in t.connection.execute("DELETE FROM memory_lost RETURNING name").fetchall()))
    if names:
        t.append(integrity.loss_accepted(names, t.opened, t.context.environment))
    return names
