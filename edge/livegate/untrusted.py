"""JSON from the network, refused before it can cost anything: bounded in size and depth, strict in every value."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Never

from livegate.errors import LinkError

# One that never ends is taken to the end of the text: else every quote in it would begin another search for its end.
_STRINGS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.DOTALL)
_NOT_BRACKETS = re.compile(rb"[^\[\]{}]+")


def parse_object(payload: bytes, max_bytes: int, max_depth: int) -> dict[str, Any]:
    """Return the JSON object in ``payload``.

    Raises LinkError, saying what is wrong, when it is longer than ``max_bytes``, nested deeper than ``max_depth``
    objects and lists, not UTF-8, not JSON (NaN and Infinity are not), holds a number beyond a double, names a member
    twice, or is no object.
    """
    if len(payload) > max_bytes:
        raise LinkError(f"message of {len(payload)} bytes, expected at most {max_bytes}")
    if _depth(payload) > max_depth:
        raise LinkError(f"message nested deeper than {max_depth}")
    try:
        value = json.loads(payload.decode(), parse_constant=_constant, parse_float=_finite, object_pairs_hook=_unique)
    except UnicodeDecodeError as exc:
        raise LinkError("message is not UTF-8") from exc
    except LinkError:
        raise
    except ValueError as exc:
        raise LinkError(f"message is not JSON: {exc}") from exc
    if not isinstance(value, dict):
        raise LinkError(f"expected a JSON object, found {type(value).__name__}")
    return value


def _depth(payload: bytes) -> int:
    """Count nesting without parsing, since the parser itself recurses."""
    depth = deepest = 0
    for byte in _NOT_BRACKETS.sub(b"", _STRINGS.sub(b"", payload)):
        depth += 1 if byte in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _constant(name: str) -> Never:
    raise LinkError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise LinkError("a number is beyond a double")
    return number


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise LinkError("a member stands twice in one object")
    return members
