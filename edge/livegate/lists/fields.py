"""Members of a message that is signed but hostile all the same: each taken only in the form and bounds it must have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NoReturn

from livegate.errors import Refusal, TrustError
from livegate.events.cloudevents import moment_s

_SHA256 = re.compile(r"[0-9a-f]{64}")


def malformed(text: str) -> NoReturn:
    """Raise the refusal of a message that is not what it should be."""
    raise TrustError(Refusal.MALFORMED, text)


def only(members: Mapping[str, Any], known: frozenset[str], what: str) -> None:
    """Refuse members nobody knows: what they ask for would be ignored in silence."""
    unknown = members.keys() - known
    if unknown:
        malformed(f"{what}: {len(unknown)} unknown member(s), expected only {', '.join(sorted(known))}")


def integer(members: Mapping[str, Any], key: str, least: int, most: int) -> int:
    """Return an integer within bounds; true and 1.0 are none."""
    value = members.get(key)
    if type(value) is not int or not least <= value <= most:
        malformed(f"'{key}': expected an integer from {least} to {most}")
    return value


def moment(value: Any, key: str) -> float:
    """Return the Unix seconds of an RFC 3339 moment in UTC, such as 2026-12-31T18:00:00.000Z."""
    if isinstance(value, str):
        with suppress(ValueError):
            return moment_s(value)
    malformed(f"'{key}': expected a moment such as 2026-12-31T18:00:00Z")


def moment_or_none(value: Any, key: str) -> float | None:
    """Return the Unix seconds of a moment, None for null."""
    return None if value is None else moment(value, key)


def text(value: Any, key: str, most: int) -> str:
    """Return a printable string of at most ``most`` characters."""
    if not isinstance(value, str) or len(value) > most or not value.isprintable():
        malformed(f"'{key}': expected at most {most} printable characters")
    return value


def matching(value: Any, key: str, pattern: re.Pattern[str], what: str) -> str:
    """Return a string that is ``what``, which the whole ``pattern`` says."""
    if not isinstance(value, str) or not pattern.fullmatch(value):
        malformed(f"'{key}': expected {what}")
    return value


def sha256(value: Any, key: str) -> str:
    """Return a SHA-256 digest in hexadecimal."""
    return matching(value, key, _SHA256, "64 lower-case hexadecimal digits")
