"""What every signed payload says of itself: whom it is for, when it holds, in which role it was signed, which it is.

Times are RFC 3339 in UTC ("2026-11-22T08:00:00.000Z"), as events write them.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from typing import Any, Protocol

from livegate.errors import LinkError, Refusal, TrustError
from livegate.events.canonical import MAX_SAFE_INTEGER
from livegate.events.cloudevents import moment_s
from livegate.trust.clockfloor import TrustedNow
from livegate.trust.envelope import Envelope, EnvelopeType
from livegate.untrusted import parse_object

MAX_DEPTH = 8
_NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}")
_DAY_S = 86_400.0


class KeyRole(enum.StrEnum):
    """What a key may sign; KEYSET is the root's alone."""

    KEYSET = "keyset"
    COMMANDS = "commands"
    TWIN = "twin"
    LISTS = "lists"
    LABELS = "labels"


class Who(Protocol):
    """The terminal that reads a payload; ``Identity`` of the events is one."""

    @property
    def site(self) -> str:
        """The site it stands at."""

    @property
    def terminal(self) -> str:
        """Its id within the site."""


MAX_LIFETIME_S: Mapping[EnvelopeType, float] = {
    # The root lies offline and signs seldom.
    EnvelopeType.KEYSET: 731 * _DAY_S,
    EnvelopeType.COMMAND: 600.0,
    EnvelopeType.TWIN: 30 * _DAY_S,
    EnvelopeType.LIST_MANIFEST: 30 * _DAY_S,
    EnvelopeType.LIST_CHUNK: 30 * _DAY_S,
    EnvelopeType.LABEL: 30 * _DAY_S,
}
"""The longest a payload may hold, from ``issued`` to ``expires``."""
_BY_NONCE = frozenset({EnvelopeType.COMMAND, EnvelopeType.LABEL})


def parse_payload(envelope: Envelope, role: KeyRole, who: Who, now: TrustedNow) -> dict[str, Any]:
    """Return the members of a payload whose signature was verified, when it is for us and holds now.

    ``audience``, ``role``, ``issued`` and ``expires`` are there and right, and ``nonce`` (commands, labels) or
    ``version`` (all others) well formed; whether that one was seen before is for the caller to ask the store. Raises
    TrustError: malformed, wrong_role, wrong_audience, not_allowed (holds too long), expired, not_yet.
    """
    try:
        members = parse_object(envelope.payload, len(envelope.payload), MAX_DEPTH)
    except LinkError as exc:
        raise TrustError(Refusal.MALFORMED, f"payload: {exc}") from exc
    if text_of(members, "role") != role:
        raise TrustError(Refusal.WRONG_ROLE, f"payload: 'role' is not '{role}'")
    if text_of(members, "audience") not in (f"{who.site}/{who.terminal}", f"{who.site}/*"):
        raise TrustError(Refusal.WRONG_AUDIENCE, f"payload: 'audience' is not {who.site}/{who.terminal}")
    if envelope.type in _BY_NONCE:
        if not _NONCE.fullmatch(text_of(members, "nonce")):
            raise malformed("'nonce' is not 16 to 64 of A-Z a-z 0-9 _ -")
    elif "nonce" in members:
        # A retained message comes with every connection: what has a version must not be used up.
        raise malformed("'nonce' has no place beside a 'version'")
    else:
        version_of(members)
    _check_times(members, MAX_LIFETIME_S[envelope.type], now)
    return members


def _check_times(members: Mapping[str, Any], longest_s: float, now: TrustedNow) -> None:
    issued_s, expires_s = moment_of(members, "issued"), moment_of(members, "expires")
    if expires_s <= issued_s:
        raise malformed("'expires' is not after 'issued'")
    if expires_s - issued_s > longest_s:
        raise TrustError(Refusal.NOT_ALLOWED, f"payload: holds longer than {longest_s:g} s")
    if now.dates_s() >= expires_s:
        raise TrustError(Refusal.EXPIRED, f"payload: expired at {members['expires']}")
    if now.is_before(issued_s):
        raise TrustError(Refusal.NOT_YET, f"payload: issued at {members['issued']}, which is yet to come")


def moment_of(members: Mapping[str, Any], name: str) -> float:
    """Return the time in member ``name`` as Unix seconds; TrustError (malformed) when it is none."""
    try:
        return moment_s(text_of(members, name))
    except ValueError as exc:
        raise malformed(f"'{name}' is not a time like 2026-11-22T08:00:00.000Z") from exc


def version_of(members: Mapping[str, Any], name: str = "version") -> int:
    """Return the version in member ``name``, 1 or higher; TrustError (malformed) when it is none."""
    version = members.get(name)
    if type(version) is not int or not 1 <= version <= MAX_SAFE_INTEGER:
        raise malformed(f"'{name}' is not a whole number from 1 on")
    return version


def text_of(members: Mapping[str, Any], name: str) -> str:
    """Return the string in member ``name``; TrustError (malformed) when there is none."""
    text = members.get(name)
    if not isinstance(text, str):
        raise malformed(f"'{name}' is missing or not a string")
    return text


def malformed(text: str) -> TrustError:
    """Return the error for a payload whose members are not what they must be."""
    return TrustError(Refusal.MALFORMED, f"payload: {text}")
