"""Turn a TOML table into a frozen dataclass: every key known, every value of its type and within its bounds.

Drivers declare their options with it, and so does the whole configuration. One reading of the types serves both the
parser and the JSON schema, so the schema cannot promise what the parser refuses.

Supported field types: bool, int, float, str, pathlib.Path, StrEnum, nested dataclass, Mapping (taken as it is),
``tuple[X, ...]`` and ``X | None``;
``Annotated[int, Between(1, 60)]`` bounds a number, ``Annotated[str, Matches("[a-z]+")]`` a string.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import re
import sys
import types
import typing
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from livegate.errors import ConfigError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Between:
    """Both ends are allowed; None leaves that end open."""

    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Matches:
    """The whole string must match this regular expression.

    ``told`` is what a message says instead of value and pattern: where the value may hold a password.
    """

    pattern: str
    told: str = ""


def parse(cls: type[T], table: Mapping[str, Any], where: str, base: Path = Path()) -> T:
    """Return ``cls`` filled from ``table``; ``where`` ("site.toml: [gate]") begins every message.

    Relative paths are taken from ``base``, the folder of the file they stand in.
    Raises ConfigError for an unknown or missing key, a wrong type, or a value out of bounds.
    """
    hints = _hints(typing.cast(Hashable, cls))
    fields = {f.name: f for f in dataclasses.fields(typing.cast(Any, cls)) if f.init}
    for key in table:
        if key not in fields:
            raise ConfigError(f"{where}: {unknown_key(key, fields)}")
    values = {key: _value(hints[key], value, _place(hints[key], key, where), base) for key, value in table.items()}
    lacking = [name for name, f in fields.items() if name not in values and not _has_default(f)]
    if lacking:
        raise ConfigError(f"{where}: lacks '{lacking[0]}'; add it")
    return cls(**values)


def unknown_key(key: str, known: typing.Iterable[str]) -> str:
    """Say that ``key`` is not known, naming the nearest of the known ones."""
    near = get_close_matches(key, list(known), n=1)
    return f"unknown key '{key}'" + (
        f", did you mean '{near[0]}'?" if near else f"; known are {', '.join(sorted(known))}"
    )


def json_schema(cls: type[Any]) -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of the tables that :func:`parse` accepts for ``cls``."""
    hints = _hints(typing.cast(Hashable, cls))
    fields = [f for f in dataclasses.fields(cls) if f.init]
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {f.name: _schema(hints[f.name]) | _default(f) for f in fields},
        "required": [f.name for f in fields if not _has_default(f)],
    }


@functools.cache
def _hints(cls: Any) -> Mapping[str, Any]:
    return typing.get_type_hints(cls, include_extras=True)


def _place(hint: Any, key: str, where: str) -> str:
    kind, _, _ = _unwrap(hint)
    item = typing.get_args(kind)[0] if typing.get_origin(kind) is tuple else kind
    return f"{where} [{key}]" if dataclasses.is_dataclass(item) else f"{where}: '{key}'"


def _has_default(f: dataclasses.Field[Any]) -> bool:
    return f.default is not dataclasses.MISSING or f.default_factory is not dataclasses.MISSING


def _default(f: dataclasses.Field[Any]) -> dict[str, Any]:
    if f.default is dataclasses.MISSING or f.default is None or isinstance(f.default, Path):
        return {}
    return {"default": f.default}


# A manifest of operating points has thousands of numbers of a few types.
@functools.cache
def _unwrap(hint: Any) -> tuple[Any, tuple[Any, ...], bool]:
    """Split a type hint into its plain type, its Annotated extras, and whether None is allowed."""
    extras: tuple[Any, ...] = ()
    optional = False
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        (hint,) = [a for a in typing.get_args(hint) if a is not types.NoneType]
        optional = True
    if typing.get_origin(hint) is typing.Annotated:
        hint, *rest = typing.get_args(hint)
        extras = tuple(rest)
    return hint, extras, optional


def _value(hint: Any, value: Any, where: str, base: Path) -> Any:
    kind, extras, _ = _unwrap(hint)
    if dataclasses.is_dataclass(kind):
        if not isinstance(value, Mapping):
            raise ConfigError(f"{where}: expected a table, found {value!r}")
        return parse(typing.cast(type[Any], kind), value, where, base)
    if typing.get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise ConfigError(f"{where}: expected a list, found {value!r}")
        return tuple(_value(typing.get_args(kind)[0], v, f"{where} {i + 1}", base) for i, v in enumerate(value))
    if typing.get_origin(kind) is Mapping and isinstance(value, Mapping):
        return dict(value)
    result = _scalar(kind, value, where)
    if kind is Path:
        return base / _at_home(result, where)
    for extra in extras:
        _check(extra, result, where)
    return result


def _scalar(kind: Any, value: Any, where: str) -> Any:
    if kind is float and type(value) is int and abs(value) <= sys.float_info.max:
        return float(value)
    # No file has a NUL in its name, which the operating system says only to whoever opens it.
    if kind is Path and isinstance(value, str) and "\0" not in value:
        return Path(value)
    if isinstance(kind, type) and issubclass(kind, enum.StrEnum):
        if value in list(kind):
            return kind(value)
        raise ConfigError(f"{where}: expected one of {', '.join(kind)}, found {value!r}")
    # bool is an int to Python, never to the person who wrote the file.
    if kind in (bool, int, float, str) and type(value) is kind:
        return value
    raise ConfigError(f"{where}: expected {_NAMES.get(kind, str(kind))}, found {value!r}")


def _at_home(path: Path, where: str) -> Path:
    try:
        return path.expanduser()
    except RuntimeError as exc:
        raise ConfigError(f"{where}: nobody knows the home folder in {str(path)!r}; write the path in full") from exc


def _check(extra: Any, value: Any, where: str) -> None:
    if isinstance(extra, Between):
        # Written so that NaN fails too.
        above = extra.low is None or value >= extra.low
        below = extra.high is None or value <= extra.high
        if not (above and below):
            low, high = ("…" if end is None else f"{end:.15g}" for end in (extra.low, extra.high))
            raise ConfigError(f"{where}: expected {low} to {high}, found {value}")
    if isinstance(extra, Matches) and not re.fullmatch(extra.pattern, value):
        raise ConfigError(f"{where}: {extra.told or f'{value!r} does not match {extra.pattern}'}")


_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "a string", Path: "a path (string)"}
_JSON = {bool: "boolean", int: "integer", float: "number", str: "string", Path: "string"}


def _schema(hint: Any) -> dict[str, Any]:
    kind, extras, _ = _unwrap(hint)
    if dataclasses.is_dataclass(kind):
        return json_schema(typing.cast(type[Any], kind))
    if typing.get_origin(kind) is tuple:
        return {"type": "array", "items": _schema(typing.get_args(kind)[0])}
    if isinstance(kind, type) and issubclass(kind, enum.StrEnum):
        return {"enum": [str(member) for member in kind]}
    if typing.get_origin(kind) is Mapping:
        return {"type": "object"}
    schema: dict[str, Any] = {"type": _JSON[kind]}
    for extra in extras:
        if isinstance(extra, Between):
            ends = (("minimum", extra.low), ("maximum", extra.high))
            schema |= {name: end for name, end in ends if end is not None}
        if isinstance(extra, Matches):
            schema["pattern"] = f"^(?:{extra.pattern})$"
    return schema
