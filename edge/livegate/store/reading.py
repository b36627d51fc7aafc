"""Read a store beside whoever writes it: what the link, the page and the command line see."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from livegate.config import StoreConfig, WhenFull
from livegate.errors import StoreError
from livegate.events.cloudevents import ChainHead, Identity, StoredEvent
from livegate.store.connection import reader, store_error
from livegate.store.files import DATABASE

_LOCK_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Counts:
    """How full the store is. ``dropped`` are the events of the hole since the last acknowledged one."""

    unacknowledged: int
    acknowledged_through: int
    last_sequence: int
    dropped: int
    database_bytes: int
    wal_bytes: int


class StoreReader:
    """A read-only view with a connection of its own: reading never makes a writer wait. Usable from any thread."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / DATABASE
        self._lock = threading.Lock()
        self._connection = reader(self._path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; doing so twice is harmless."""
        self._connection.close()

    @property
    def stream(self) -> str:
        """The stream's random name."""
        return str(self._one("SELECT stream FROM stream"))

    def last(self) -> ChainHead:
        """Return the newest event's place in the chain; sequence 0 when there is none yet."""
        row = self._row(
            "SELECT sequence, chainhash FROM event UNION ALL SELECT anchor_sequence, anchor_chainhash FROM stream"
            " ORDER BY 1 DESC LIMIT 1"
        )
        return ChainHead(row[0], row[1].hex())

    def anchor(self) -> ChainHead:
        """Return the place right before the oldest event still kept: where verifying the chain begins."""
        sequence, chainhash = self._row("SELECT anchor_sequence, anchor_chainhash FROM stream")
        return ChainHead(sequence, chainhash.hex())

    def acknowledged_through(self) -> int:
        """Return the sequence up to which the console holds everything, 0 for nothing yet."""
        return int(self._one("SELECT acknowledged_through FROM stream"))

    def unacknowledged(self, after: int, limit: int) -> list[StoredEvent]:
        """Return at most ``limit`` events after both ``after`` and the last acknowledged one, oldest first.

        Where events had to be dropped their sequences are missing; a later gap event says so.
        """
        return self.events(max(after, self.acknowledged_through()), limit)

    def events(self, after: int, limit: int, kind: str | None = None) -> list[StoredEvent]:
        """Return at most ``limit`` kept events after ``after``, oldest first, of one kind if given."""
        with self.reading() as connection:
            rows = connection.execute(
                "SELECT sequence, chainhash, body FROM event"
                " WHERE sequence > max(?, (SELECT anchor_sequence FROM stream)) AND (? IS NULL OR kind = ?)"
                " ORDER BY sequence LIMIT ?",
                (after, kind, kind, limit),
            ).fetchall()
        return [StoredEvent(row[0], row[1].hex(), row[2]) for row in rows]

    def newest(self, limit: int, kind: str | None = None) -> list[StoredEvent]:
        """Return the ``limit`` newest events, oldest first, of one kind if given."""
        with self.reading() as connection:
            rows = connection.execute(
                "SELECT sequence, chainhash, body FROM event WHERE sequence > (SELECT anchor_sequence FROM stream)"
                " AND (? IS NULL OR kind = ?) ORDER BY sequence DESC LIMIT ?",
                (kind, kind, limit),
            ).fetchall()
        return [StoredEvent(row[0], row[1].hex(), row[2]) for row in reversed(rows)]

    def chainhash_at(self, sequence: int) -> str | None:
        """Return the chain hash after ``sequence``, or None when that event is not kept (any more)."""
        with self.reading() as connection:
            return chainhash_at(connection, sequence)

    def counts(self) -> Counts:
        """Return how full the store is; quick, however much it holds."""
        newest, anchor, acknowledged, dropped = self._row(
            "SELECT (SELECT max(sequence) FROM event), anchor_sequence, acknowledged_through, dropped_through"
            " FROM stream"
        )
        last = max(newest or 0, anchor)
        return Counts(
            unacknowledged=last - max(acknowledged, dropped),
            acknowledged_through=acknowledged,
            last_sequence=last,
            dropped=max(0, dropped - acknowledged),
            database_bytes=_size(self._path),
            wal_bytes=_size(self._path.with_name(f"{self._path.name}-wal")),
        )

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return the rows of "credential" or "list_entry", sorted, for showing."""
        order = {"credential": "pseudonym, kind", "list_entry": "kind, value, source"}[table]
        with self.reading() as connection:
            cursor = connection.execute(f"SELECT * FROM {table} ORDER BY {order}")  # noqa: S608 - a name from above
            names = [column[0] for column in cursor.description]
            shown = [dict(zip(names, row, strict=True)) for row in cursor]
        return [{name: value for name, value in row.items() if name != "row_check"} for row in shown]

    def identity(self, boot_id: str) -> Identity:
        """Return whom the daemon of this store speaks for, with the boot given."""
        site, terminal, firmware, door = self._row("SELECT site, terminal, firmware, door FROM terminal")
        return Identity(site, terminal, firmware, boot_id, door)

    def limits(self) -> StoreConfig:
        """Return the bounds the daemon of this store was configured with."""
        history_events, when_full = self._row("SELECT history_events, when_full FROM terminal")
        return StoreConfig(history_events, WhenFull(when_full))

    def _one(self, query: str) -> Any:
        return self._row(query)[0]

    def _row(self, query: str) -> Any:
        with self.reading() as connection:
            row = connection.execute(query).fetchone()
        if row is None:
            raise StoreError(f"{self._path}: is not complete; start the daemon once")
        return row

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection to one thread at a time; StoreError when it waits too long, or for what SQLite says."""
        if not self._lock.acquire(timeout=_LOCK_TIMEOUT_S):
            raise StoreError(f"{self._path}: another thread reads for longer than {_LOCK_TIMEOUT_S:g} s; try again")
        try:
            yield self._connection
        except sqlite3.Error as exc:
            raise store_error(self._path, exc) from exc
        finally:
            self._lock.release()


def chainhash_at(connection: sqlite3.Connection, sequence: int) -> str | None:
    """Return the chain hash after ``sequence``, or None when nothing kept knows it."""
    row = connection.execute(
        "SELECT chainhash FROM event WHERE sequence = ?1 AND sequence > (SELECT anchor_sequence FROM stream)"
        " UNION ALL SELECT anchor_chainhash FROM stream WHERE anchor_sequence = ?1"
        " UNION ALL SELECT dropped_chainhash_after FROM stream WHERE dropped_through = ?1 AND ?1 > 0",
        (sequence,),
    ).fetchone()
    return None if row is None else row[0].hex()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
