"""Save from a damaged database what can still be read: who may come in, who is locked out, whom we trust, its end."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from livegate.store import running
from livegate.store.migrate import form_of
from livegate.store.rows import marks

_TRUST = ("keyset", "revoked_key", "nonce", "time_floor")
_FROM_CENTRE = ("twin", "list_floor", "label")
"""Without them settings and lists could be rolled back, or loosened, by breaking the file."""
_MEMORY = ("window", "lockout", "media", "presence")
_KEYS = ("key_check",)
_BEFORE = ("occurrence",)
"""What windows were in the first form."""
_TABLES = (
    "credential",
    "list_entry",
    *_MEMORY,
    *_BEFORE,
    "running",
    "door_lock",
    *_TRUST,
    *_FROM_CENTRE,
    "memory_lost",
    *_KEYS,
)


def salvage(broken: Path, connection: sqlite3.Connection) -> tuple[dict[str, Any], list[str]]:
    """Copy lists and counters from the file ``broken`` into ``connection``, which has an open transaction.

    ``connection`` is in the form that ``old_form`` says of the file.

    Returns the end of the broken stream ("stream", "sequence", "chainhash", None where unreadable) and the names of the
    tables that could not be copied whole.
    """
    with closing(sqlite3.connect(broken, isolation_level=None)) as source:
        lost = [table for table in tables_of(connection) if not _copy(table, source, connection)]
        _copy_running_time(source, connection)
        return _last_words(source), lost


def old_form(broken: Path) -> int | None:
    """Return the form the file ``broken`` is in, None where it does not say."""
    try:
        with closing(sqlite3.connect(broken, isolation_level=None)) as source:
            return form_of(source) or _applied(source) or None
    except sqlite3.Error:
        return None


def tables_of(connection: sqlite3.Connection) -> list[str]:
    """Return the tables of a store that a damage to its file is to spare, as far as ``connection`` has them."""
    there = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    return [table for table in _TABLES if table in there]


def _applied(source: sqlite3.Connection) -> int:
    """Return how many migrations a file says it went through, where its header does not."""
    (applied,) = source.execute("SELECT count(*) FROM _sqlite_migrations WHERE migration_set = 'livegate'").fetchone()
    return int(applied)


def _copy(table: str, source: sqlite3.Connection, target: sqlite3.Connection) -> bool:
    """Copy what can be read, a damaged page costing only itself in the best case; return whether all was read."""
    if _copy_rows(table, "", source, target):
        return True
    try:
        columns = source.execute(f"PRAGMA table_info({table})").fetchall()
    except sqlite3.Error:
        return False
    key = [f"{column[1]} DESC" for column in columns if column[5]]
    # From the other end: what lies beyond the damage.
    _copy_rows(table, f" ORDER BY {', '.join(key)}" if key else "", source, target)
    return False


def _copy_rows(table: str, order: str, source: sqlite3.Connection, target: sqlite3.Connection) -> bool:
    try:
        rows = source.execute(f"SELECT * FROM {table}{order}")  # noqa: S608 - a name from above
        columns = ", ".join(column[0] for column in rows.description)
        insert = f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({marks(len(rows.description))})"  # noqa: S608
        for row in rows:
            target.execute(insert, row)
    except sqlite3.Error:
        return False
    return True


def _copy_running_time(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    try:
        running.save_running_ns(target, running.last_running_ns(source))
    except (sqlite3.Error, TypeError):
        # It begins at zero then, which can only lengthen a lockout that was copied.
        return


def _last_words(source: sqlite3.Connection) -> dict[str, Any]:
    words: dict[str, Any] = {"stream": None, "sequence": None, "chainhash": None}
    try:
        (words["stream"],) = source.execute("SELECT stream FROM stream").fetchone()
        row = source.execute("SELECT sequence, chainhash FROM event ORDER BY sequence DESC LIMIT 1").fetchone()
        if row is not None:
            words |= {"sequence": row[0], "chainhash": row[1].hex()}
    except (sqlite3.Error, TypeError, AttributeError):
        # A damaged row may be of any type, or missing where there must be one.
        return words
    return words
