"""Canonical JSON (RFC 8785, JCS): one byte string a value, so that hashes of events can be recomputed anywhere."""

from __future__ import annotations

import math
from collections.abc import Mapping
from json.encoder import encode_basestring
from typing import Any

# Above this an ECMAScript number no longer tells neighbouring integers apart (RFC 7493, section 2.2).
MAX_SAFE_INTEGER = 2**53 - 1


def canonical(value: Any) -> bytes:
    """Return ``value`` as canonical JSON in UTF-8.

    Takes None, bool, int, float, str (enums of str too), mappings with str keys, lists and tuples. Numbers are IEEE
    doubles as in the RFC: an integer beyond 2**53 - 1 is written as the double nearest to it.
    Raises ValueError for NaN, infinities and lone surrogates, TypeError for any other type.
    """
    return _text(value).encode()


def _text(value: Any) -> str:
    """Write the plain values that events are made of without ceremony, and all others as :func:`_any_text` does."""
    kind = type(value)
    if kind is str:
        return encode_basestring(value)
    if kind is dict:
        return _object_text(value)
    if kind is list or kind is tuple:
        return "[" + ",".join([_text(item) for item in value]) + "]"
    if kind is int and -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
        return str(value)
    return _any_text(value)


def _object_text(value: dict[Any, Any]) -> str:
    try:
        # Among ASCII names the order of code points is that of UTF-16.
        plain = "".join(value).isascii()
    except TypeError:
        plain = False
    names = sorted(value) if plain else _sorted_keys(value)
    return "{" + ",".join([f"{encode_basestring(name)}:{_text(value[name])}" for name in names]) + "}"


def _any_text(value: Any) -> str:  # noqa: PLR0911 - one line a JSON type
    if isinstance(value, str):
        return encode_basestring(value)
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int):
        return str(int(value)) if abs(value) <= MAX_SAFE_INTEGER else _number(_as_double(value))
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{encode_basestring(key)}:{_text(value[key])}" for key in _sorted_keys(value)) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(_text, value)) + "]"
    raise TypeError(f"canonical JSON: {type(value).__name__} is not a JSON type")


def _sorted_keys(value: Mapping[str, Any]) -> list[str]:
    for key in value:
        if not isinstance(key, str):
            raise TypeError(f"canonical JSON: member name {key!r} is not a string")
    # The RFC sorts by UTF-16 code units, which differs from code points above U+FFFF.
    return sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))


def _as_double(value: int) -> float:
    try:
        return float(value)
    except OverflowError as exc:
        raise ValueError(f"canonical JSON: an integer of {value.bit_length()} bits is beyond a double") from exc


def _number(value: float) -> str:
    """Write a double as ECMAScript's Number::toString does (ECMA-262, 6.1.6.1.20)."""
    if not math.isfinite(value):
        raise ValueError(f"canonical JSON: {value} is not a JSON number")
    # Adding zero takes the sign from a negative one, which ECMAScript does not write.
    plain = repr(float(value) + 0.0)
    if "e" not in plain:
        # Both languages write the shortest digits; where Python takes no exponent ECMAScript takes none either.
        return plain.removesuffix(".0")
    if value < 0:
        return "-" + _number(-value)
    digits, point = _shortest(value)
    count = len(digits)
    if count <= point <= 21:
        return digits + "0" * (point - count)
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    exponent = point - 1
    mantissa = digits if count == 1 else f"{digits[0]}.{digits[1:]}"
    return f"{mantissa}e{'+' if exponent > 0 else '-'}{abs(exponent)}"


def _shortest(value: float) -> tuple[str, int]:
    """Return the shortest digits that read back as ``value`` and where the decimal point stands among them."""
    mantissa, _, exponent = repr(float(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = whole + fraction
    point = len(whole) + int(exponent or 0)
    stripped = digits.lstrip("0")
    point -= len(digits) - len(stripped)
    return stripped.rstrip("0"), point
