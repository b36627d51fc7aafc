"""Open SQLite the way the store needs it, and say its errors in our words."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from livegate.errors import StoreError, StoreFull
from livegate.store import rows

APPLICATION_ID = 0x4C474154
BUSY_TIMEOUT_S = 5.0
# A log beyond this is cut when it begins anew.
_LOG_BYTES = 8 << 20
# An event of 1.8 kB writes 5.8 kB of log in pages of 1 KiB and 12.6 kB in pages of 4 KiB (measured); cards wear out.
PAGE_BYTES = 1_024
# What is asked at every attempt stays at hand: the inner pages of a million rows in each table take 6 MiB. Not by a
# memory map: a page found there is taken apart anew each time, which costs a look-up a third more (measured).
_CACHE_KIB = 16_384

_REMEDIES = {
    "disk is full": "the disk is full; free space on it",
    "disk I/O error": "the disk reported an error; check its health and space",
    "readonly database": "it cannot be written; is the disk mounted read-only?",
    "database is locked": "another process holds it for long; close programs that use it",
    "unable to open": "it cannot be opened; check that the folder may be written",
    "malformed": "it is damaged; restart the daemon, which sets it aside and begins a new stream",
    "not a database": "it is not a database; restart the daemon, which sets it aside and begins a new stream",
}


class DiskFull(StoreFull):
    """The disk itself has no room left, whatever the store's bounds allow."""


# Less than one commit takes.
_NO_ROOM_BYTES = 64 << 10


def store_error(path: Path, exc: sqlite3.Error) -> StoreError:
    """Return the StoreError that says of the file at ``path`` what SQLite said; DiskFull when there is no room."""
    text = str(exc)
    if "disk is full" in text or ("disk I/O error" in text and _free_bytes(path) < _NO_ROOM_BYTES):
        return DiskFull(f"{path}: {_REMEDIES['disk is full']}")
    said = next((remedy for sign, remedy in _REMEDIES.items() if sign in text), text)
    return StoreError(f"{path}: {said}")


def _free_bytes(path: Path) -> int:
    try:
        return shutil.disk_usage(path.parent).free
    except OSError:
        return _NO_ROOM_BYTES


def is_broken(exc: sqlite3.Error) -> bool:
    """Return whether SQLite means that the file itself is damaged."""
    return any(sign in str(exc) for sign in ("malformed", "not a database", "unsupported file format"))


def writer(path: Path) -> sqlite3.Connection:
    """Open the database for writing: autocommit, WAL, every commit flushed to the disk, no checkpoints by itself.

    Only the daemon checkpoints, in its own time: SQLite before 3.51.3 can lose pages when two connections do.
    """
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    with _closed_on_failure(connection):
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
        rows.teach(connection)
        connection.execute("PRAGMA cell_size_check = ON")
        connection.execute("PRAGMA secure_delete = FAST")
        connection.execute(f"PRAGMA cache_size = {-_CACHE_KIB}")
        connection.execute("PRAGMA mmap_size = 0")
        connection.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES}")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
    return connection


def reader(path: Path) -> sqlite3.Connection:
    """Open the database for reading only; raise StoreError when there is none."""
    if not path.is_file():
        raise StoreError(
            f"{path}: there is no store here; start the daemon once, or name another --state-dir or --config"
        )
    try:
        connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=ro",
            uri=True,
            timeout=BUSY_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,
        )
        with _closed_on_failure(connection):
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA query_only = ON")
            connection.text_factory = rows.any_text
            check_ours(connection, path)
    except sqlite3.Error as exc:
        raise store_error(path, exc) from exc
    return connection


@contextmanager
def _closed_on_failure(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


def check_ours(connection: sqlite3.Connection, path: Path) -> None:
    """Raise StoreError when the file is some other program's database."""
    (mark,) = connection.execute("PRAGMA application_id").fetchone()
    if mark == APPLICATION_ID:
        return
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if mark != 0 or tables:
        raise StoreError(f"{path}: is a database, but not Livegate's; move it away or set another [terminal] state_dir")


@contextmanager
def transaction(connection: sqlite3.Connection, path: Path) -> Iterator[None]:
    """Begin at once, commit at the end, roll back on any exception; raise StoreError for SQLite's own."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("COMMIT")
    except sqlite3.Error as exc:
        _roll_back(connection)
        raise store_error(path, exc) from exc
    except BaseException:
        _roll_back(connection)
        raise


def _roll_back(connection: sqlite3.Connection) -> None:
    # SQLite has already rolled back by itself after some errors (a full disk, for one); should it fail to now, the next
    # transaction cannot begin and says so.
    if connection.in_transaction:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
