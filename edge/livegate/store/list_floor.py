"""The highest version of each central list that was ever in force here; the lists themselves lie in their own file."""

from __future__ import annotations

import sqlite3

from livegate.store.writing import Writing


def list_floors(connection: sqlite3.Connection) -> dict[str, int]:
    """Return the versions by the lists' names; a list that was never in force is not among them."""
    return dict(connection.execute("SELECT name, version FROM list_floor"))


def raise_list_floor(t: Writing, name: str, version: int) -> None:
    """Remember that ``version`` of list ``name`` is in force; a lower one changes nothing."""
    t.connection.execute(
        "INSERT INTO list_floor VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET version = max(version, excluded.version)",
        (name, version),
    )
