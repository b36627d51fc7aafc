"""Small functions over rows that SQL and Python share: checksums, keys of counters, packed moments."""

from __future__ import annotations

import sqlite3
import struct
from functools import cache, lru_cache, partial
from hashlib import blake2b
from typing import Any
from zlib import crc32

# About a minute: a key that tries again at once need not move in the order of who was seen last.
_SEEN_NS = 2**36
_MOMENT = struct.Struct("<qI")

Moments = list[tuple[int, int]]
"""When things happened (running nanoseconds, rising) and how many at each moment."""


any_text = partial(str, encoding="utf-8", errors="replace")
"""Reads text that a worn card changed into no text at all, so that its row can be found damaged."""


def row_check(*columns: str | float | None) -> int:
    """Return the checksum of a row's columns in their order: CRC-32 of how Python writes them.

    It finds what a worn card changed, not what an attacker did: whoever can write the file can write this too.
    """
    return crc32(repr(columns).encode())


def is_damaged(row: tuple[Any, ...]) -> bool:
    """Return whether a whole row's last column is not the checksum of the others."""
    return bool(crc32(repr(row[:-1]).encode()) != row[-1])


def key_id(what: str, key: str) -> int:
    """Return the number under which ``key`` is kept as ``what``: a rule's name, a kind of credential or list entry.

    Of a million keys two share a number with a probability of 3e-8; they would then be counted, or blocked, as one. A
    credential is known only where the row says its pseudonym.
    """
    return number_of(what) ^ number_of_key(key)


@lru_cache(64)
def number_of_key(key: str) -> int:
    """Return the half of key_id that ``key`` makes; kept for the attempt, which asks for one key in several places."""
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "little", signed=True)


@lru_cache(1_024)
def number_of(what: str) -> int:
    """Return the half of key_id that ``what`` makes."""
    return int.from_bytes(blake2b(what.encode(), digest_size=8, person=b"what").digest(), "little", signed=True)


PERSON = "credential"
"""What block entries of credentials, and where they are, are kept as."""


def seen_of(at_ns: int) -> int:
    """Return the coarse moment by which keys are forgotten, longest unseen first."""
    return at_ns // _SEEN_NS


def pack(moments: Moments) -> bytes:
    """Return ``moments`` as a row keeps them: 12 bytes each."""
    return b"".join(_MOMENT.pack(at_ns, min(number, 0xFFFFFFFF)) for at_ns, number in moments)


def unpack(packed: bytes) -> Moments:
    """Return what ``pack`` packed; what a worn card cut off is left out."""
    whole = len(packed) - len(packed) % _MOMENT.size
    return list(_MOMENT.iter_unpack(packed[:whole]))


@cache
def union(query: str, times: int) -> str:
    """Return ``query`` so many times over as one; quicker than IN, which sorts its values first."""
    return " UNION ALL ".join([query] * times)


def marks(number: int) -> str:
    """Return so many question marks for an SQL list."""
    return ",".join("?" * number)


def teach(connection: sqlite3.Connection) -> None:
    """Let SQL on ``connection`` call row_check, key_id, seen_of and the aggregate moments(at_ns)."""
    connection.create_function("row_check", -1, row_check, deterministic=True)
    connection.create_function("key_id", 2, key_id, deterministic=True)
    connection.create_function("seen_of", 1, seen_of, deterministic=True)
    connection.create_aggregate("moments", 1, _Moments)  # type: ignore[arg-type]


class _Moments:
    """Gathers moments into the packed form of a row."""

    def __init__(self) -> None:
        self._found: list[int] = []

    def step(self, at_ns: Any) -> None:
        self._found.append(at_ns)

    def finalize(self) -> bytes:
        return pack([(at_ns, 1) for at_ns in sorted(self._found)])
