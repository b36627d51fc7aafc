"""Spoof media seen before: the print shown again at another hour with another card is the same print.

A signature is 128 bits, as 32 hexadecimal digits. Two pictures of one medium differ in some bits; whatever lies within
``bits`` of a remembered signature is taken for that medium, and goes by the signature of its first sighting.

All signatures are held in memory too, 24 bytes each, and compared one by one when an attack is met (``near``): an index
by bands of bits would write to eight places of the card for every new medium.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from livegate import near
from livegate.near import SIGNATURE_BYTES, is_signature

# A medium that is blocked by name must be found for as long as it is.
_UNLISTED = "NOT EXISTS (SELECT 1 FROM list_entry WHERE list_entry.id = key_id('media', lower(hex(signature))))"
_EVICT_SHARE = 64
_ROOM = 1_024
_AT_ONCE = 50_000


def _empty() -> NDArray[np.int64]:
    return np.empty((3, _ROOM), np.int64)


@dataclass(slots=True)
class Media:
    """The remembered media, in the table and in memory; guarded by the lock of the store's transactions.

    Memory follows the table: what other processes add is read before each search, ``settle`` after a commit and
    ``unsettle`` after a rollback say what became of this one's changes.
    """

    _held: NDArray[np.int64] = field(default_factory=_empty)
    """Number, high and low word of the signatures, by rising number."""
    _count: int = 0
    _settled: int = 0
    _deleted: list[int] = field(default_factory=list)

    def nearest(self, connection: sqlite3.Connection, signature: str, bits: int) -> str | None:
        """Return the remembered signature within ``bits`` of ``signature`` that is nearest, None when there is none.

        Of several as near the first one seen. Raises ValueError for what is no signature.
        """
        number = self._nearest(connection, _checked(signature), bits)
        return None if number is None else self._text(number)

    def remember(self, connection: sqlite3.Connection, signature: str, running_ns: int, wall_s: float) -> bool:
        """Note a sighting of ``signature``, which ``nearest`` gave or which is new; return whether it is new."""
        number = self._nearest(connection, _checked(signature), 0)
        if number is None:
            connection.execute(
                "INSERT INTO media (signature, first_ns, last_ns, first_s, last_s, times) VALUES (?, ?, ?, ?, ?, 1)",
                (bytes.fromhex(signature), running_ns, running_ns, wall_s, wall_s),
            )
            return True
        connection.execute(
            "UPDATE media SET last_ns = ?, last_s = ?, times = times + 1 WHERE id = ?",
            (running_ns, wall_s, int(self._held[0, number])),
        )
        return False

    def forget(self, connection: sqlite3.Connection, signature: str | None) -> int:
        """Forget one medium, or all of them with None; return how many that were."""
        if signature is None:
            return self._delete(connection, "", ())
        number = self._nearest(connection, _checked(signature), 0)
        return 0 if number is None else self._delete(connection, "WHERE id = ?", (int(self._held[0, number]),))

    def expire(self, connection: sqlite3.Connection, before_ns: int, most: int) -> int:
        """Forget at most ``most`` media not seen since ``before_ns`` (running time); return how many."""
        oldest = f"SELECT id FROM media WHERE last_ns < ? AND {_UNLISTED} ORDER BY last_ns LIMIT ?"  # noqa: S608
        return self._delete(connection, f"WHERE id IN ({oldest})", (before_ns, most))

    def evict(self, connection: sqlite3.Connection, number: int) -> int:
        """Forget the ``number`` media not seen for longest; return how many there were."""
        oldest = f"SELECT id FROM media WHERE {_UNLISTED} ORDER BY last_ns LIMIT ?"  # noqa: S608 - from above
        return self._delete(connection, f"WHERE id IN ({oldest})", (number,))

    def bound(self, connection: sqlite3.Connection, most: int) -> None:
        """Forget the longest unseen when there are more than ``most``."""
        held = self.size(connection)
        if held > most:
            # A share at once: each time takes milliseconds.
            self.evict(connection, held - most + most // _EVICT_SHARE)

    def size(self, connection: sqlite3.Connection) -> int:
        """Return how many media are remembered."""
        self._read(connection)
        return self._count - len(self._deleted)

    def settle(self) -> None:
        """What was done since the last time is in the table for good."""
        if self._deleted:
            kept = ~np.isin(self._held[0, : self._count], self._deleted)
            left = self._held[:, : self._count][:, kept]
            self._held[:, : left.shape[1]] = left
            self._count = left.shape[1]
            self._deleted = []
        self._settled = self._count

    def unsettle(self) -> None:
        """What was done since the last time never happened."""
        self._count = self._settled
        self._deleted = []

    def _nearest(self, connection: sqlite3.Connection, signature: str, bits: int) -> int | None:
        """Return the place in memory of the nearest one that is still in the table."""
        self._read(connection)
        words = self._held[:, : self._count].view(np.uint64)
        distances = near.distances(words[1], words[2], signature)
        places = np.flatnonzero(distances <= bits)
        for place in places[np.argsort(distances[places], kind="stable")]:
            if int(self._held[0, place]) not in self._deleted:
                return int(place)
        return None

    def _read(self, connection: sqlite3.Connection) -> None:
        """Read what was added to the table."""
        last = int(self._held[0, self._count - 1]) if self._count else 0
        # A worn card may have cut a signature.
        added = connection.execute(
            "SELECT id, signature FROM media WHERE id > ? AND length(signature) = ? ORDER BY id",
            (last, SIGNATURE_BYTES),
        )
        while rows := added.fetchmany(_AT_ONCE):
            self._take(rows)

    def _take(self, rows: list[tuple[int, bytes]]) -> None:
        end = self._count + len(rows)
        if end > self._held.shape[1]:
            held = np.empty((3, end + end // 4), np.int64)
            held[:, : self._count] = self._held[:, : self._count]
            self._held = held
        numbers, signatures = zip(*rows, strict=True)
        self._held[0, self._count : end] = numbers
        self._held[1:, self._count : end] = near.words(b"".join(signatures)).view(np.int64)
        self._count = end

    def _delete(self, connection: sqlite3.Connection, where: str, values: tuple[int, ...]) -> int:
        self._read(connection)
        deleted = connection.execute(f"DELETE FROM media {where} RETURNING id", values).fetchall()  # noqa: S608
        self._deleted += chain.from_iterable(deleted)
        return len(deleted)

    def _text(self, place: int) -> str:
        return self._held[1:, place].astype(">i8").tobytes().hex()


def count(connection: sqlite3.Connection) -> int:
    """Return how many media are remembered, where only that is wanted; reads the whole index."""
    return int(connection.execute("SELECT count(*) FROM media").fetchone()[0])


def _checked(signature: str) -> str:
    if not is_signature(signature):
        raise ValueError(f"media signature '{signature[:40]}': expected {2 * SIGNATURE_BYTES} hexadecimal digits")
    return signature
