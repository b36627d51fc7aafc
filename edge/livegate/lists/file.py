"""The file of one central list: ``lists.<name>.<version>.db`` in the state folder.

The version in the name is that of the whole list the file was begun with; deltas are transactions in it. A new whole
list is a new file, so that nobody who still reads the old one is disturbed. All of it can be had again from the centre.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from livegate.errors import StoreError
from livegate.filesystem import settle
from livegate.lists.values import AppliedList, ListName

APPLICATION_ID = 0x4C474C53
# A file of another format is asked of the centre again.
_FORMAT = 1
BUSY_TIMEOUT_S = 1.0
# A thousand scattered changes write a thousand pages, twice: small ones spare the card.
# In still smaller ones lookups take longer.
_PAGE_BYTES = 2_048
_READER_CACHE_KIB = 4_096
_COMPANIONS = ("-wal", "-shm", "-journal")
_NAME = re.compile(r"lists\.(block|allow)\.([0-9]{1,16})\.db", re.ASCII)
_ENTRY = {
    ListName.BLOCK: "action INTEGER NOT NULL, reason TEXT NOT NULL, until_s REAL",
    ListName.ALLOW: "from_s REAL, until_s REAL, schedule TEXT, zones TEXT NOT NULL, duress INTEGER NOT NULL",
}


def path_of(folder: Path, name: ListName, version: int) -> Path:
    """Return where the file of a whole list lies."""
    return folder / f"lists.{name}.{version}.db"


def under_way(folder: Path, name: ListName) -> Path:
    """Return where a whole list is put together before it is in force."""
    return folder / f"lists.{name}.new.db"


def files_of(folder: Path, name: ListName) -> list[Path]:
    """Return the files of a list, the newest first; more than one only after a crash."""
    found = [
        (int(match[2]), path)
        for path in folder.glob(f"lists.{name}.*.db")
        if (match := _NAME.fullmatch(path.name)) and match[1] == name
    ]
    return [path for _, path in sorted(found, reverse=True)]


def is_damage(exc: sqlite3.Error) -> bool:
    """Return whether the file itself is at fault, and not a moment's lack of memory, descriptors or patience."""
    code = getattr(exc, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    return code not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PERM)


def remove(path: Path) -> None:
    """Remove a list's file and what SQLite keeps beside it, as far as they are there; raise StoreError if it cannot."""
    try:
        for ending in ("", *_COMPANIONS):
            path.with_name(path.name + ending).unlink(missing_ok=True)
    except OSError as exc:
        raise StoreError(f"{path}: cannot be removed ({exc.strerror}); check the disk and its permissions") from exc


def create(path: Path, name: ListName) -> sqlite3.Connection:
    """Make the file of a new list; it is worth nothing until ``publish`` was called, so nothing is flushed before."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    connection = _connect(path, "rw")
    with _closed_on_failure(connection):
        for pragma in (
            f"page_size = {_PAGE_BYTES}",
            f"application_id = {APPLICATION_ID}",
            f"user_version = {_FORMAT}",
            "journal_mode = OFF",
            "synchronous = OFF",
            # What is not yet written at most; a list that comes sorted needs none of it.
            "cache_size = -65536",
            "trusted_schema = OFF",
        ):
            connection.execute(f"PRAGMA {pragma}").fetchone()
        connection.execute(
            "CREATE TABLE header (one INTEGER PRIMARY KEY CHECK (one = 1), list TEXT NOT NULL, version INTEGER NOT"
            " NULL, base INTEGER, expires_s REAL NOT NULL, entries INTEGER NOT NULL, sha256 TEXT NOT NULL) STRICT"
        )
        connection.execute(
            f"CREATE TABLE entry (kind INTEGER NOT NULL, value BLOB NOT NULL, {_ENTRY[name]},"
            " PRIMARY KEY (kind, value)) STRICT, WITHOUT ROWID"
        )
    return connection


def write_header(connection: sqlite3.Connection, applied: AppliedList) -> None:
    """Say what the list now is, in the transaction that made it so."""
    connection.execute(
        "INSERT OR REPLACE INTO header VALUES (1, ?, ?, ?, ?, ?, ?)",
        (
            applied.name.value,
            applied.version,
            applied.base,
            applied.expires_s,
            applied.entries,
            applied.sha256,
        ),
    )


def read_header(connection: sqlite3.Connection, name: ListName) -> AppliedList:
    """Return what the list says of itself; sqlite3.DatabaseError when it is not a whole list of that name."""
    row = connection.execute(
        "SELECT list, version, base, expires_s, entries, sha256 FROM header WHERE one = 1"
    ).fetchone()
    if row is None or row[0] != name:
        raise sqlite3.DatabaseError("malformed: no header of this list")
    return AppliedList(name, *row[1:])


def publish(connection: sqlite3.Connection, path: Path, final: Path) -> None:
    """Put a finished new file in its place, on the disk before it can be seen there; closes ``connection``.

    Raises OSError or sqlite3.Error.
    """
    # Readers must never wait for a delta's writer, nor it for them.
    connection.execute("PRAGMA journal_mode = WAL").fetchone()
    connection.close()
    settle(path)
    for ending in _COMPANIONS:
        final.with_name(final.name + ending).unlink(missing_ok=True)
    path.rename(final)
    settle(final.parent)


def writer(path: Path) -> sqlite3.Connection:
    """Open a list for a delta: its commit is on the disk before it returns."""
    connection = _connect(path, "rw")
    with _closed_on_failure(connection):
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 0").fetchone()
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
    return connection


def reader(path: Path) -> sqlite3.Connection:
    """Open a list for reading what it holds at this moment, for as long as the connection is kept.

    Not mapped into memory: a page that cannot be read would then kill the process instead of failing the lookup.
    """
    connection = _connect(path, "ro")
    with _closed_on_failure(connection):
        (mark,) = connection.execute("PRAGMA application_id").fetchone()
        (format_,) = connection.execute("PRAGMA user_version").fetchone()
        if (mark, format_) != (APPLICATION_ID, _FORMAT):
            raise sqlite3.DatabaseError("not a list, or of another format")
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        connection.execute(f"PRAGMA cache_size = -{_READER_CACHE_KIB}")
        connection.execute("BEGIN")
    return connection


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.resolve().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
    )


@contextmanager
def _closed_on_failure(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise
