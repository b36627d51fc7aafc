"""Spoof media seen before: the print shown again at another hour with another card is the same print.

A signature is 128 bits, as 32 hexadecimal digits. Two pictures of one medium differ in some bits; whatever lies within
``bits`` of a remembered signature is taken for that medium, and goes by the signature of its first sighting.

Finding them: a signature is cut into 8 bands of 16 bits. Two signatures within r = 8 q + a bits (a < 8) agree within q
bits in one of the first a + 1 bands, or within q - 1 in one of the others (pigeonhole). So looking up every value
within those distances misses none (Norouzi, Punjani and Fleet, Fast exact search in Hamming space with multi-index
hashing, IEEE TPAMI 36(6), 2014, section 3.1).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from functools import cache
from itertools import combinations

from livegate.store.rows import marks

_BYTES = 16
_BANDS = 8
_BAND_BITS = 16
# A medium that is blocked by name must be found for as long as it is.
_UNLISTED = "NOT EXISTS (SELECT 1 FROM list_entry WHERE kind = 'media' AND value = lower(hex(signature)))"
# SQLite takes no more values in one statement everywhere.
_AT_ONCE = 900


def nearest(connection: sqlite3.Connection, signature: str, bits: int) -> str | None:
    """Return the remembered signature within ``bits`` of ``signature`` that is nearest, None when there is none.

    ``bits`` 0..127; beyond 23 the search takes many look-ups. Raises ValueError for what is no signature.
    """
    value = _value(signature)
    best = (bits + 1, b"")
    for (candidate,) in _near(connection, value, bits):
        distance = (int.from_bytes(candidate, "big") ^ value).bit_count()
        if distance <= bits and (distance, candidate) < best:
            best = (distance, candidate)
    return best[1].hex() if best[1] else None


def is_signature(text: str) -> bool:
    """Return whether ``text`` is a signature as ``nearest`` takes it."""
    return len(text) == 2 * _BYTES and all(digit in "0123456789abcdef" for digit in text)


def remember(connection: sqlite3.Connection, signature: str, running_ns: int, wall_s: float) -> bool:
    """Note a sighting of ``signature``, which ``nearest`` gave or which is new; return whether it is new."""
    value = _value(signature)
    key = value.to_bytes(_BYTES, "big")
    again = connection.execute(
        "UPDATE media SET last_ns = ?, last_s = ?, times = times + 1 WHERE signature = ?", (running_ns, wall_s, key)
    )
    if again.rowcount:
        return False
    connection.execute("INSERT INTO media VALUES (?, ?, ?, ?, ?, 1)", (key, running_ns, running_ns, wall_s, wall_s))
    connection.executemany(
        "INSERT OR IGNORE INTO media_band VALUES (?, ?)",
        [(band << _BAND_BITS | part, key) for band, part in _parts(value)],
    )
    return True


def forget(connection: sqlite3.Connection, signature: str | None) -> int:
    """Forget one medium, or all of them with None; return how many that were."""
    if signature is None:
        connection.execute("DELETE FROM media_band")
        return connection.execute("DELETE FROM media").rowcount
    return _delete(connection, [(_value(signature).to_bytes(_BYTES, "big"),)])


def expire(connection: sqlite3.Connection, before_ns: int, most: int) -> int:
    """Forget at most ``most`` media not seen since ``before_ns`` (running time); return how many."""
    query = f"SELECT signature FROM media WHERE last_ns < ? AND {_UNLISTED} ORDER BY last_ns LIMIT ?"  # noqa: S608
    return _delete(connection, connection.execute(query, (before_ns, most)).fetchall())


def evict(connection: sqlite3.Connection, number: int) -> int:
    """Forget the ``number`` media not seen for longest; return how many there were."""
    query = f"SELECT signature FROM media WHERE {_UNLISTED} ORDER BY last_ns LIMIT ?"  # noqa: S608 - from above
    return _delete(connection, connection.execute(query, (number,)).fetchall())


def size(connection: sqlite3.Connection) -> int:
    """Return how many media are remembered; reads the whole index."""
    return int(connection.execute("SELECT count(*) FROM media").fetchone()[0])


def _near(connection: sqlite3.Connection, value: int, bits: int) -> Iterator[tuple[bytes]]:
    """Yield every remembered signature within ``bits`` of ``value``, among others and some more than once."""
    each, rest = divmod(bits, _BANDS)
    bands = [
        band << _BAND_BITS | part ^ flip
        for band, part in _parts(value)
        for flip in _flips(each if band <= rest else each - 1)
    ]
    for begin in range(0, len(bands), _AT_ONCE):
        some = bands[begin : begin + _AT_ONCE]
        query = f"SELECT signature FROM media_band WHERE band IN ({marks(len(some))})"  # noqa: S608 - question marks
        yield from connection.execute(query, some)


def _delete(connection: sqlite3.Connection, keys: list[tuple[bytes]]) -> int:
    deleted = 0
    for (key,) in keys:
        deleted += connection.execute("DELETE FROM media WHERE signature = ?", (key,)).rowcount
        connection.executemany(
            "DELETE FROM media_band WHERE band = ? AND signature = ?",
            [(band << _BAND_BITS | part, key) for band, part in _parts(int.from_bytes(key, "big"))],
        )
    return deleted


def _value(signature: str) -> int:
    if not is_signature(signature):
        raise ValueError(f"media signature '{signature[:40]}': expected {2 * _BYTES} hexadecimal digits")
    return int.from_bytes(bytes.fromhex(signature), "big")


def _parts(value: int) -> list[tuple[int, int]]:
    return [(band, value >> band * _BAND_BITS & (1 << _BAND_BITS) - 1) for band in range(_BANDS)]


@cache
def _flips(most: int) -> tuple[int, ...]:
    """Return every pattern of at most ``most`` bits of a band."""
    return tuple(
        sum(1 << bit for bit in bits) for number in range(most + 1) for bits in combinations(range(_BAND_BITS), number)
    )
