"""Write TOML: the standard library only reads it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from typing import Any


def toml_lines(table: Mapping[str, Any], name: str = "") -> Iterator[str]:
    """Yield the lines of a TOML file that holds ``table``; keys that are None are left out.

    Values may be what ``tomllib`` reads, and tuples and paths.
    """
    inner = {key: value for key, value in table.items() if isinstance(value, Mapping) or _is_tables(value)}
    for key, value in table.items():
        if key not in inner and value is not None:
            yield f"{_key(key)} = {_value(value)}"
    for key, value in inner.items():
        path = f"{name}.{_key(key)}".lstrip(".")
        for part in [value] if isinstance(value, Mapping) else value:
            yield ""
            yield f"[{path}]" if isinstance(value, Mapping) else f"[[{path}]]"
            yield from toml_lines(part, path)


def _is_tables(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and bool(value) and all(isinstance(part, Mapping) for part in value)


def _key(key: str) -> str:
    return key if re.fullmatch("[A-Za-z0-9_-]+", key) else _string(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, Mapping):
        # A table in a list that holds other things too.
        return f"{{ {', '.join(f'{_key(key)} = {_value(part)}' for key, part in value.items() if part is not None)} }}"
    return _string(str(value))


def _string(text: str) -> str:
    # TOML knows the escapes of JSON, but no surrogate pairs; what a terminal would act on is written by its number.
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(letter if letter.isprintable() else f"\\U{ord(letter):08x}" for letter in quoted)
