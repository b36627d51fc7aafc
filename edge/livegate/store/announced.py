"""Topics on which something retained was said to others, to be taken back when that is no longer wished."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from livegate.store.transaction import Transaction


def announced(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Return the topics, sorted."""
    return tuple(topic for (topic,) in connection.execute("SELECT topic FROM announced ORDER BY topic"))


def remember_announced(t: Transaction, topics: Iterable[str]) -> None:
    """Let ``topics`` be all there are."""
    t.connection.execute("DELETE FROM announced")
    t.connection.executemany("INSERT OR IGNORE INTO announced VALUES (?)", [(topic,) for topic in topics])
