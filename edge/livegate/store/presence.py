"""Who is on which side of the door, for anti-pass-back: one row a credential that was let through, in running time."""

from __future__ import annotations

import sqlite3

from livegate.gate.facts import Presence
from livegate.types import Direction


def read(connection: sqlite3.Connection, pseudonym: str, running_ns: int) -> Presence | None:
    """Return where the credential was last let through to, None when it never was."""
    row = connection.execute("SELECT inside, at_ns FROM presence WHERE pseudonym = ?", (pseudonym,)).fetchone()
    return None if row is None else Presence(bool(row[0]), max(0, running_ns - row[1]))


def note(connection: sqlite3.Connection, pseudonym: str, direction: Direction, running_ns: int) -> None:
    """Note that the credential was let through in ``direction``."""
    inside = direction is Direction.IN
    connection.execute("INSERT OR REPLACE INTO presence VALUES (?, ?, ?)", (pseudonym, inside, running_ns))


def clear(connection: sqlite3.Connection, pseudonym: str | None) -> int:
    """Forget where ``pseudonym`` is, or where everybody is; return how many that were."""
    if pseudonym is None:
        return connection.execute("DELETE FROM presence").rowcount
    return connection.execute("DELETE FROM presence WHERE pseudonym = ?", (pseudonym,)).rowcount
