from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import jsonschema
import pytest

from livegate.errors import ConfigError
from livegate.options import Between, Matches, json_schema, parse


class Colour(enum.StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Inner:
    deep: int


@dataclass(frozen=True)
class Options:
    count: Annotated[int, Between(1, 9)]
    share: Annotated[float, Between(0, 1)] = 0.5
    name: Annotated[str, Matches("[a-z]+")] = "x"
    colour: Colour = Colour.RED
    file: Path = Path("here")
    inner: tuple[Inner, ...] = ()
    flag: bool = False
    maybe: int | None = None


def test_full_table_is_taken_as_written(tmp_path: Path) -> None:
    table = {"count": 3, "share": 1, "colour": "red", "file": "a/b", "inner": [{"deep": 1}], "flag": True, "maybe": 7}
    parsed = parse(Options, table, "t", tmp_path)
    assert parsed == Options(3, 1.0, "x", Colour.RED, tmp_path / "a/b", (Inner(1),), True, 7)
    jsonschema.validate(table, json_schema(Options))


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({}, "lacks 'count'"),
        ({"count": 3, "cuont": 3}, "did you mean 'count'"),
        ({"count": 0}, "expected 1 to 9, found 0"),
        ({"count": 3.0}, "a whole number"),
        ({"count": True}, "a whole number"),
        ({"count": "3"}, "a whole number"),
        ({"count": 3, "share": math.nan}, "expected 0 to 1"),
        ({"count": 3, "share": "x"}, "a number"),
        ({"count": 3, "share": 10**400}, "a number"),
        ({"count": 3, "name": "a1"}, "does not match"),
        ({"count": 3, "name": "a\n"}, "does not match"),
        ({"count": 3, "colour": "blue"}, "expected one of red"),
        ({"count": 3, "file": 4}, "a path"),
        ({"count": 3, "file": "a\0b"}, "a path"),
        ({"count": 3, "file": "~nobody-of-this-name/x"}, "write the path in full"),
        ({"count": 3, "flag": 1}, "true or false"),
        ({"count": 3, "inner": {"deep": 1}}, "expected a list"),
        ({"count": 3, "inner": [3]}, "expected a table"),
        ({"count": 3, "inner": [{"deep": 1}, {"deeep": 1}]}, "t [inner] 2: unknown key 'deeep'"),
    ],
)
def test_wrong_table_names_key_and_expectation(table: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=r"^t") as caught:
        parse(Options, table, "t")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "table", [{}, {"count": 0}, {"count": 3, "name": "a1"}, {"count": 3, "x": 1}, {"count": 3, "flag": 1}]
)
def test_schema_refuses_what_the_parser_refuses(table: dict[str, object]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(table, json_schema(Options))
    with pytest.raises(ConfigError):
        parse(Options, table, "t")
