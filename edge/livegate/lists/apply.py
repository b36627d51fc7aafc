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

from livegate import near
from livegate.errors import TrustError
from livegate.lists import file
from livegate.lists.chunks import KIND_CODES, Change, Row, changes, parse_chunk
from livegate.lists.file import Header
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
_MEDIA = KIND_CODES[BlockKind.MEDIA]


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
        table = _Table(connection, manifest.name, Header(_applied(manifest, 0), 0))
        for found in _changes(manifest, spool):
            _refuse_repeated(table, found)
            yield
        file.write_header(connection, table.header(manifest))
        connection.execute("COMMIT")
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
        header = file.read_header(connection, manifest.name)
        if header.applied.version != manifest.base:
            raise Unfit(ListRefusal.WRONG_BASE, f"version {header.applied.version} is in force")
        table = _Table(connection, manifest.name, header)
        for found in _changes(manifest, spool):
            for change in found:
                table.apply(change)
            yield
        file.write_header(connection, table.header(manifest))
        connection.execute("COMMIT")
    finally:
        # Without a COMMIT this rolls back.
        connection.close()


def settle(path: Path, *, empty: bool) -> None:
    """Move what deltas wrote from the log into the file, as far as readers let it; ``empty`` the log when none hold it.

    Not being able to is no fault: the next delta tries again.
    """
    with suppress(sqlite3.Error):
        connection = file.writer(path)
        try:
            connection.execute(f"PRAGMA wal_checkpoint({'TRUNCATE' if empty else 'PASSIVE'})").fetchone()
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

    def __init__(self, connection: sqlite3.Connection, name: ListName, header: Header) -> None:
        self._connection = connection
        self._block = name is ListName.BLOCK
        self._entries = header.applied.entries
        self._media = header.media
        columns = (
            "kind, value, action, reason, until_s"
            if self._block
            else ("kind, value, from_s, until_s, schedule, zones, duress")
        )
        marks = ", ".join("?" * (columns.count(",") + 1))
        self._insert = f"INSERT INTO entry ({columns}) VALUES ({marks})"  # noqa: S608

    def add(self, rows: list[Row]) -> None:
        """Add entries that are not there yet; sqlite3.IntegrityError when one is."""
        self._connection.executemany(self._insert, rows)
        self._entries += len(rows)
        if self._block:
            media = [row[1] for row in rows if row[0] == _MEDIA]
            self._file_media([value for value in media if isinstance(value, bytes)])

    def apply(self, change: Change) -> None:
        """Make one change; an entry that is there is replaced, one to delete may be gone already."""
        removed = self._connection.execute("DELETE FROM entry WHERE kind = ? AND value = ?", change.key).rowcount
        self._entries -= removed
        if removed and self._is_media(change):
            self._unfile_media(change.key[1])
        if change.rest is not None:
            self.add([(*change.key, *change.rest)])

    def header(self, manifest: Manifest) -> Header:
        """Return what the list is once ``manifest`` is applied; Unfit when that is too much."""
        if self._entries > MAX_ENTRIES or self._media > MAX_MEDIA:
            raise Unfit(ListRefusal.TOO_LARGE, f"at most {MAX_ENTRIES} entries, {MAX_MEDIA} of them media")
        return Header(_applied(manifest, self._entries), self._media)

    def _is_media(self, change: Change) -> bool:
        return self._block and change.key[0] == _MEDIA

    def _file_media(self, values: list[bytes]) -> None:
        bands = [(band, value) for value in values for band in near.band_keys(int.from_bytes(value))]
        self._connection.executemany("INSERT INTO near (band, value) VALUES (?, ?)", bands)
        self._media += len(values)

    def _unfile_media(self, value: bytes) -> None:
        bands = [(band, value) for band in near.band_keys(int.from_bytes(value))]
        self._connection.executemany("DELETE FROM near WHERE band = ? AND value = ?", bands)
        self._media -= 1


def _applied(manifest: Manifest, entries: int) -> AppliedList:
    return AppliedList(manifest.name, manifest.version, manifest.base, manifest.expires_s, entries, manifest.sha256)
