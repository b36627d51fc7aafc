"""Bring a store file to today's form: each of migrations/*.sql once, in one transaction with its record."""

from __future__ import annotations

import sqlite3
from importlib import resources
from pathlib import Path

from livegate.errors import StoreError

_SET = "livegate"


def migrate(connection: sqlite3.Connection, path: Path, form: int | None = None) -> None:
    """Apply what ``connection`` (autocommit) lacks, up to ``form`` where one is given (None: today's).

    Raises StoreError when the file was written by a newer Livegate.

    ``user_version`` holds the number of migrations applied, so that a start with nothing to do costs one read.
    """
    scripts = _scripts()
    applied = form_of(connection)
    if applied > len(scripts):
        raise StoreError(
            f"{path}: was written by a newer Livegate (form {applied}, this one knows {len(scripts)}); "
            "install that version, or move the file aside to begin a new one"
        )
    if applied < len(scripts[:form]):
        _apply(connection, scripts[:form])


def form_of(connection: sqlite3.Connection) -> int:
    """Return the form a file is in: how many migrations were applied to it."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def statements(script: str) -> list[str]:
    """Split an SQL script into its statements, comments kept."""
    found, start = [], 0
    for end, character in enumerate(script, 1):
        if character == ";" and sqlite3.complete_statement(script[start:end]):
            found.append(script[start:end])
            start = end
    return found


def _scripts() -> list[tuple[str, str]]:
    folder = resources.files("livegate.store") / "migrations"
    return sorted((entry.name, entry.read_text()) for entry in folder.iterdir() if entry.name.endswith(".sql"))


def _apply(connection: sqlite3.Connection, scripts: list[tuple[str, str]]) -> None:
    # Imported here: it takes a quarter of a second, and only a new or an old file needs it.
    import sqlite_utils
    from sqlite_utils.migrations import Migrations

    migrations = Migrations(_SET)
    for name, script in scripts:

        def run(db: sqlite_utils.Database, script: str = script) -> None:
            for statement in statements(script):
                db.conn.execute(statement)

        migrations(name=name)(run)
    database = sqlite_utils.Database(connection, execute_plugins=False, recursive_triggers=False)
    connection.execute("BEGIN IMMEDIATE")
    try:
        migrations.apply(database)
        connection.execute(f"PRAGMA user_version = {len(scripts)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
