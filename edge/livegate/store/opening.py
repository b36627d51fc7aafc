"""Open the database file, making, upgrading or replacing it as needed."""

from __future__ import annotations

import json
import logging
import secrets
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from livegate.errors import StoreError
from livegate.events.cloudevents import genesis
from livegate.store import files
from livegate.store.connection import check_ours, is_broken, store_error, transaction, writer
from livegate.store.header import readable
from livegate.store.lost import note_lost
from livegate.store.migrate import migrate
from livegate.store.salvage import old_form, salvage, tables_of

log = logging.getLogger(__name__)

_FIRST = ("stream", "credential", "lockout", "list_entry")
CHECK_S = 0.6
"""How long a start may look for damage; every event alone would take many times that."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A database ready for use. ``predecessor`` says which stream ended because its file was broken, if one did."""

    connection: sqlite3.Connection
    predecessor: dict[str, Any] | None


def open_database(state_dir: Path, held: ExitStack, *, repair: bool) -> Opened:
    """Open the database in ``state_dir`` and hand its closing to ``held``.

    With ``repair`` (the daemon) the file is checked, and set aside and begun anew when it is broken. A file that is
    gone or empty where there was one is no first start either. Raises StoreError.
    """
    path = state_dir / files.DATABASE
    traces = files.traces(state_dir)
    files.private_file(path)
    try:
        connection = _repaired(path, traces) if repair else _connect(path, check=False, begin=_beginning(path, traces))
        held.callback(connection.close)
        (predecessor,) = connection.execute("SELECT predecessor FROM stream").fetchone()
    except sqlite3.Error as exc:
        raise store_error(path, exc) from exc
    return Opened(connection, None if predecessor is None else json.loads(predecessor))


def _repaired(path: Path, traces: tuple[str, ...]) -> sqlite3.Connection:
    try:
        return _connect(path, check=True, begin=_begin_without_file if traces else _begin_stream)
    except sqlite3.DatabaseError as exc:
        if not is_broken(exc):
            raise
        return _begin_anew(path, str(exc))


def _beginning(path: Path, traces: tuple[str, ...]) -> Callable[[sqlite3.Connection], None]:
    """Return what begins a stream where the command line finds none; it must not hide from the daemon that one is gone.

    Calling that raises StoreError where ``traces`` say so.
    """

    def refuse(_connection: sqlite3.Connection) -> None:
        raise StoreError(
            f"{path}: is empty or gone, though this terminal ran before ({', '.join(traces)}); restore it from a "
            "backup, or start the daemon, which begins a new one and keeps the door shut until somebody accepts that"
        )

    return refuse if traces else _begin_stream


def _connect(
    path: Path, *, check: bool, begin: Callable[[sqlite3.Connection], None], form: int | None = None
) -> sqlite3.Connection:
    connection = writer(path)
    try:
        check_ours(connection, path)
        if check:
            _check(connection, path)
        migrate(connection, path, form)
        if connection.execute("SELECT 1 FROM stream").fetchone() is None:
            with transaction(connection, path):
                begin(connection)
        migrate(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection, path: Path) -> None:
    """Raise sqlite3.DatabaseError for a damaged file, as far as CHECK_S allows to see; the rest is read later.

    What the background reading could not read is checked whole, however long it takes.
    """
    whole = path.with_name(files.CHECK)
    if whole.exists():
        _quick_check(connection)
        whole.unlink()
        return
    timer = threading.Timer(CHECK_S, connection.interrupt)
    timer.start()
    try:
        # What the door hangs on first.
        there = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        for table in _FIRST:
            if table in there:
                _quick_check(connection, table)
        _quick_check(connection)
    except sqlite3.OperationalError as exc:
        if "interrupted" not in str(exc):
            raise
        log.info("store: large, and so read in full only while it runs", extra={"path": str(path)})
    finally:
        timer.cancel()
        timer.join()


def _quick_check(connection: sqlite3.Connection, table: str = "1") -> None:
    for (verdict,) in connection.execute(f"PRAGMA quick_check({table})"):
        if verdict != "ok":
            raise sqlite3.DatabaseError(f"malformed: {verdict}")


def _begin_stream(connection: sqlite3.Connection, predecessor: dict[str, Any] | None = None) -> None:
    stream = secrets.token_hex(8)
    # Another process may have begun it a moment ago.
    connection.execute(
        "INSERT OR IGNORE INTO stream (one, stream, predecessor, anchor_sequence, anchor_chainhash)"
        " VALUES (1, ?, ?, 0, ?)",
        (stream, predecessor and json.dumps(predecessor), bytes.fromhex(genesis(stream).chainhash)),
    )


def _begin_without_file(connection: sqlite3.Connection) -> None:
    """Begin a stream where there was one before, and nothing is left of it."""
    lost, fault = tables_of(connection), "the database is gone or empty, though the terminal ran before"
    shutting = note_lost(connection, lost)
    log.error("store: %s; %s", fault, _said(lost, shutting))
    words = {"stream": None, "sequence": None, "chainhash": None, "reason": fault, "file": None, "lost": lost}
    _begin_stream(connection, words)


def _said(lost: Sequence[str], shutting: Sequence[str]) -> str:
    said = f"lost are: {', '.join(lost) or 'none'}"
    if not shutting:
        return said
    return (
        f"{said}; the door stays shut for {', '.join(shutting)} until the lists are looked through and the centre "
        "sends door.release, or `livegate list release` is run here"
    )


def _begin_anew(path: Path, fault: str) -> sqlite3.Connection:
    with readable(path) as found:
        # Only now: a power cut while a large file is copied leaves it where the next start looks for it.
        aside = files.set_aside(path)
        files.private_file(path)
        source = aside if found == path else found

        def begin(connection: sqlite3.Connection) -> None:
            predecessor, lost = salvage(source, connection)
            shutting = note_lost(connection, lost)
            log.error("store: %s is damaged (%s); kept as %s, %s", path, fault, aside.name, _said(lost, shutting))
            _begin_stream(connection, predecessor | {"reason": fault, "file": aside.name, "lost": lost})

        # What an older file holds fits its own form, and is brought to today's with it.
        return _connect(path, check=True, begin=begin, form=old_form(source))
