"""The challenge of a connection: who commands must have read it from ``status``, so that no old command works."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

from livegate.errors import Refusal, TrustError


def check_challenge(members: Mapping[str, Any], boot_id: str, challenge: str) -> None:
    """Return when a command names this boot and this connection's challenge.

    Raises TrustError: malformed where a member is missing or no string, wrong_boot, wrong_challenge.
    """
    _check(members, "boot_id", boot_id, Refusal.WRONG_BOOT)
    _check(members, "challenge", challenge, Refusal.WRONG_CHALLENGE)


def _check(members: Mapping[str, Any], name: str, wanted: str, otherwise: Refusal) -> None:
    given = members.get(name)
    if not isinstance(given, str):
        raise TrustError(Refusal.MALFORMED, f"payload: lacks '{name}'; take it from the topic status")
    if not hmac.compare_digest(given.encode("utf-8", "surrogatepass"), wanted.encode()):
        raise TrustError(otherwise, f"payload: '{name}' is not the one the topic status tells now")
