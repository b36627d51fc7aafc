"""Which symbols an object file needs of the process that loads it: the one thing LLVM's binding does not tell."""

from __future__ import annotations

import struct

_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_SYMBOL_TABLE = 2
_ELF_64_LITTLE = b"\x7fELF\x02\x01"


def needed_symbols(code: bytes) -> tuple[str, ...]:
    """Return the undefined symbols of a 64-bit little-endian ELF object, sorted; ValueError for anything else."""
    if code[: len(_ELF_64_LITTLE)] != _ELF_64_LITTLE:
        raise ValueError("expected a 64-bit little-endian ELF object")
    (first,) = struct.unpack_from("<Q", code, 0x28)
    size, number = struct.unpack_from("<HH", code, 0x3A)
    sections = [_SECTION.unpack_from(code, first + size * i) for i in range(number)]
    found: set[str] = set()
    for _, kind, _, _, offset, length, link, *_ in sections:
        if kind == _SYMBOL_TABLE:
            names = sections[link][4]
            symbols = (_SYMBOL.unpack_from(code, at) for at in range(offset, offset + length, _SYMBOL.size))
            found |= {_text(code, names + name) for name, _, _, section, *_ in symbols if name and not section}
    return tuple(sorted(found))


def _text(code: bytes, at: int) -> str:
    return code[at : code.index(b"\0", at)].decode("ascii")
