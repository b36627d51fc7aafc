"""The whole stream of a store, as one moment shows it: of a running terminal, a read-only copy, or a broken file."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from livegate.errors import StoreError
from livegate.events.cloudevents import MAX_SEQUENCE, ChainHead
from livegate.store.checkpoints import newest_checkpoint
from livegate.store.connection import reader, store_error
from livegate.store.files import DATABASE


@dataclass(frozen=True, slots=True)
class Row:
    """An event and what stands beside it in its row."""

    sequence: int
    chainhash: str
    kind: str
    body: bytes


@dataclass(frozen=True, slots=True)
class WholeStream:
    """A stream within one read transaction: ``anchor`` is the place before its first event, ``last`` its newest one.

    Where the end of the file is damaged ``last`` is MAX_SEQUENCE.
    """

    path: Path
    connection: sqlite3.Connection
    stream: str
    anchor: ChainHead
    acknowledged_through: int
    last: int

    def rows(self, after: int, through: int) -> Iterator[Row]:
        """Yield the events after ``after`` up to ``through``; StoreError where the file cannot be read any further."""
        try:
            cursor = self.connection.execute(
                "SELECT sequence, chainhash, kind, body FROM event WHERE sequence > ? AND sequence <= ?"
                " ORDER BY sequence",
                (max(after, self.anchor.sequence), through),
            )
            for sequence, chainhash, kind, body in cursor:
                # A damaged row may hold anything; bytes alone can be judged.
                yield Row(sequence, _hex(chainhash), str(kind), body if isinstance(body, bytes) else b"")
        except sqlite3.Error as exc:
            raise store_error(self.path, exc) from exc

    def start_before(self, after: int) -> int:
        """Return where a run that is to hold what follows ``after`` best begins: at a checkpoint, else the anchor."""
        try:
            found = newest_checkpoint(self.connection, max(after, self.anchor.sequence) + 1)
        except sqlite3.OperationalError:
            # A copy of a store from before there were checkpoints.
            found = 0
        return max(self.anchor.sequence, found - 1)


@contextmanager
def whole_stream(state_dir: Path) -> Iterator[WholeStream]:
    """Open the store in ``state_dir`` for reading all of it; StoreError when that cannot be."""
    path = state_dir / DATABASE
    with ExitStack() as held:
        connection = held.enter_context(closing(_open(path, held)))
        try:
            connection.execute("BEGIN")
            row = connection.execute(
                "SELECT stream, anchor_sequence, anchor_chainhash, acknowledged_through FROM stream"
            ).fetchone()
            if row is None:
                raise StoreError(f"{path}: is not complete; start the daemon once")
            anchor = ChainHead(int(row[1]), _hex(row[2]))
            last = max(anchor.sequence, _last(connection))
            yield WholeStream(path, connection, str(row[0]), anchor, int(row[3]), last)
        except (sqlite3.Error, ValueError, TypeError) as exc:
            said = exc if isinstance(exc, sqlite3.Error) else sqlite3.DatabaseError(f"malformed: {exc}")
            raise store_error(path, said) from exc


def _last(connection: sqlite3.Connection) -> int:
    try:
        (last,) = connection.execute("SELECT max(sequence) FROM event").fetchone()
    except sqlite3.DatabaseError:
        # The end is damaged: whoever reads the rows gets as far as they can be read.
        return MAX_SEQUENCE
    return int(last or 0)


def _open(path: Path, held: ExitStack) -> sqlite3.Connection:
    try:
        return _checked(path)
    except StoreError:
        if not path.is_file():
            raise
    # SQLite keeps an index of the log beside it, which it cannot make on a read-only copy.
    folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="livegate-")))
    try:
        for ending in ("", "-wal"):
            part = path.with_name(path.name + ending)
            if part.exists():
                shutil.copyfile(part, folder / part.name)
    except OSError as exc:
        raise StoreError(f"{path}: cannot be read ({exc.strerror}); copy the state folder and name the copy") from exc
    return _checked(folder / path.name)


def _checked(path: Path) -> sqlite3.Connection:
    connection = reader(path)
    try:
        connection.execute("SELECT 1 FROM stream").fetchone()
    except sqlite3.Error as exc:
        connection.close()
        raise store_error(path, exc) from exc
    return connection


def _hex(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else ""
