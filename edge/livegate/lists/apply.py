"""Put received chunks together: a whole list into a file of its own, a delta as one transaction in the file in force.

Both are done in slices, a chunk at a time, so that the thread that does them can do other things between; memory holds
one chunk. Nothing is seen by readers before the SHA-256 and the counts of the manifest were found right.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path

from livegate.errors import TrustError
from livegate.lists import file
from livegate.lists.chunks import KIND_CODES, Change, Row, changes, parse_chunk
from livegate.lists.spool import Spool
from livegate.lists.values import (
    MAX_ENTRIES,
    MAX_MEDIA,
    AppliedList,
    BlockKind,
    ListName,
    ListRefusal,
    Manifest,
)

# Chunks hashed in the time it takes to put one together.
_HASH_SLICE = 32
_DELETE = "DELETE FROM entry WHERE kind = ? AND value = ?"
_INSERT = {
    ListName.BLOCK: "INSERT INTO entry VALUES (?, ?, ?, ?, ?)",
    ListName.ALLOW: "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?)",
}
_COUNT = "SELECT count(*) FROM entry WHERE kind = ?"


class Unfit(Exception):
    """What was received is not what the manifest promised; ``reason`` says how."""

    def __init__(self, reason: ListRefusal, text: str) -> None:
        super().__init__(text)
        self.reason = reason


def build(folder: Path, manifest: Manifest, spool: Spool) -> Generator[None, None, None]:
    """Make the whole list ``manifest`` describes and put it in its place; yields after every chunk.

    Raises Unfit, sqlite3.Error or OSError, after which nothing has changed.
    """
    path = file.under_way(folder, manifest.name)
    file.remove(path)
    connection = file.create(path, manifest.name)
    try:
        connection.execute("BEGIN")
        table = _Table(connection, manifest.name)
        for found in _changes(manifest, spool):
            _refuse_repeated(table, found)
            yield
        table.commit(manifest)
        file.publish(connection, path, file.path_of(folder, manifest.name, manifest.version))
    except BaseException:
        connection.close()
        file.remove(path)
        raise


def amend(path: Path, manifest: Manifest, spool: Spool) -> Generator[None, None, None]:
    """Apply a delta to the list at ``path`` in one transaction, on the disk when this ends; yields after every chunk.

    Raises Unfit, sqlite3.Error or OSError, after which nothing has changed.
    """
    connection = file.writer(path)
    try:
        connection.execute("BEGIN IMMEDIATE")
        applied = file.read_header(connection, manifest.name)
        if applied.version != manifest.base:
            raise Unfit(ListRefusal.WRONG_BASE, f"version {applied.version} is in force")
        table = _Table(connection, manifest.name, applied.entries)
        for found in _changes(manifest, spool):
            for change in found:
                table.apply(change)
            yield
        table.commit(manifest)
    finally:
        # Without a COMMIT this rolls back.
        connection.close()


def empty_log(path: Path, *, short: bool) -> None:
    """Move what deltas wrote from the log into the file, as far as readers let it; cut it ``short`` when none hold it.

    Not being able to is no fault: the next delta tries again.
    """
    with suppress(sqlite3.Error):
        connection = file.writer(path)
        try:
            connection.execute(f"PRAGMA wal_checkpoint({'TRUNCATE' if short else 'PASSIVE'})").fetchone()
        finally:
            connection.close()


def hashed(manifest: Manifest, spool: Spool) -> Iterator[None]:
    """Raise Unfit unless the chunks are the very ones ``manifest`` was signed for; yields now and then.

    What is found wrong later is then the centre's own doing, and sending it again would not help.
    """
    digest = hashlib.sha256()
    for index, payload in enumerate(spool.chunks()):
        digest.update(payload)
        if index % _HASH_SLICE == 0:
            yield
    if digest.hexdigest() != manifest.sha256:
        raise Unfit(ListRefusal.WRONG_HASH, "the chunks are not those the manifest was signed for")


def _changes(manifest: Manifest, spool: Spool) -> Iterator[list[Change]]:
    """Yield the changes of each chunk; raise Unfit where a chunk or their number is not what was promised."""
    entries = 0
    for index, payload in enumerate(spool.chunks()):
        try:
            found = list(changes(parse_chunk(payload), whole=manifest.base is None))
        except TrustError as exc:
            raise Unfit(ListRefusal.MALFORMED, f"chunk {index}: {exc}") from exc
        entries += len(found)
        yield found
    if entries != manifest.entries:
        raise Unfit(ListRefusal.WRONG_COUNT, f"{entries} entries, the manifest says {manifest.entries}")


def _refuse_repeated(table: _Table, found: list[Change]) -> None:
    try:
        table.add([(*change.key, *change.rest) for change in found if change.rest is not None])
    except sqlite3.IntegrityError as exc:
        raise Unfit(ListRefusal.MALFORMED, "an entry stands twice in a whole list") from exc


class _Table:
    """The entries of a list while they change, and how many they are."""

    def __init__(self, connection: sqlite3.Connection, name: ListName, entries: int = 0) -> None:
        self._connection = connection
        self._entries = entries
        self._insert = _INSERT[name]

    def add(self, rows: list[Row]) -> None:
        """Add entries that are not there yet; sqlite3.IntegrityError when one is."""
        self._connection.executemany(self._insert, rows)
        self._entries += len(rows)

    def apply(self, change: Change) -> None:
        """Make one change; an entry that is there is replaced, one to delete may be gone already."""
        self._entries -= self._connection.execute(_DELETE, change.key).rowcount
        if change.rest is not None:
            self.add([(*change.key, *change.rest)])

    def commit(self, manifest: Manifest) -> None:
        """Say that the list now is what ``manifest`` promised, all or nothing; Unfit when that is too much."""
        media = 0
        if manifest.name is ListName.BLOCK:
            (media,) = self._connection.execute(_COUNT, (KIND_CODES[BlockKind.MEDIA],)).fetchone()
        if self._entries > MAX_ENTRIES or media > MAX_MEDIA:
            raise Unfit(ListRefusal.TOO_LARGE, f"at most {MAX_ENTRIES} entries, {MAX_MEDIA} of them media")
        file.write_header(
            self._connection,
            AppliedList(
                manifest.name, manifest.version, manifest.base, manifest.expires_s, self._entries, manifest.sha256
            ),
        )
        self._connection.execute("COMMIT")
