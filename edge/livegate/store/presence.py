"""Who is on which side of the door, for anti-pass-back: one row a credential that was let through, in running time.

A credential goes by key_id(PERSON, pseudonym).
"""

from __future__ import annotations

import sqlite3

from livegate.store.rows import PERSON, key_id
from livegate.types import Direction


def note(connection: sqlite3.Connection, pseudonym: str, direction: Direction, running_ns: int) -> None:
    """Note that the credential was let through in ``direction``."""
    inside = direction is Direction.IN
    connection.execute(
        "INSERT OR REPLACE INTO presence VALUES (?, ?, ?)", (key_id(PERSON, pseudonym), inside, running_ns)
    )


def clear(connection: sqlite3.Connection, pseudonym: str | None) -> int:
    """Forget where ``pseudonym`` is, or where everybody is; return how many that were."""
    if pseudonym is None:
        return connection.execute("DELETE FROM presence").rowcount
    return connection.execute("DELETE FROM presence WHERE id = ?", (key_id(PERSON, pseudonym),)).rowcount
