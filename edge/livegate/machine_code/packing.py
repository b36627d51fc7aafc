r"""A module's machine code as one file: a line, a SHA-256, a table as JSON, and the object code it points into.

livegate machine code 1\n | 32 bytes SHA-256 of the rest | 4 bytes length | JSON | object code, one after another
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_MAGIC = b"livegate machine code 1\n"
_DIGEST = hashlib.sha256().digest_size
_LENGTH = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Entry:
    """One way into a kernel: the object code, where to enter it, and what must be passed.

    ``arguments``: ``"uint8:3"`` for a C-contiguous array of three axes, ``"float"`` or ``"int"`` for a number.
    ``result``: ``"none"``, ``"float"``, ``"int"`` or ``"bool"``. ``outside``: the symbols it needs of the process.
    """

    kernel: str
    symbol: str
    arguments: tuple[str, ...]
    result: str
    outside: tuple[str, ...]
    code: bytes


@dataclass(frozen=True, slots=True)
class Packed:
    """What a file holds: for which machine and source it was made, in which environment, and the entries."""

    machine: Mapping[str, str]
    source: str
    prefix: str
    entries: tuple[Entry, ...]


def pack(packed: Packed) -> bytes:
    """Return the bytes of a file."""
    rows = [
        [one.kernel, one.symbol, list(one.arguments), one.result, list(one.outside), len(one.code)]
        for one in packed.entries
    ]
    table = {"machine": dict(packed.machine), "source": packed.source, "prefix": packed.prefix, "entries": rows}
    head = json.dumps(table, sort_keys=True).encode()
    rest = b"".join((_LENGTH.pack(len(head)), head, *(one.code for one in packed.entries)))
    return _MAGIC + hashlib.sha256(rest).digest() + rest


def unpack(data: bytes) -> Packed:
    """Return what :func:`pack` was given; ValueError for bytes that it did not return, whole."""
    start = len(_MAGIC) + _DIGEST
    rest = data[start:]
    if data[: len(_MAGIC)] != _MAGIC or hashlib.sha256(rest).digest() != data[len(_MAGIC) : start]:
        raise ValueError("damaged")
    (length,) = _LENGTH.unpack_from(rest)
    table = json.loads(rest[_LENGTH.size : _LENGTH.size + length])
    entries = tuple(_entries(table["entries"], rest[_LENGTH.size + length :]))
    return Packed(table["machine"], table["source"], table["prefix"], entries)


def _entries(rows: Sequence[Sequence[Any]], code: bytes) -> list[Entry]:
    found, at = [], 0
    for kernel, symbol, arguments, result, outside, length in rows:
        found.append(Entry(kernel, symbol, tuple(arguments), result, tuple(outside), code[at : at + length]))
        at += length
    return found
