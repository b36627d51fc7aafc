"""Somebody with keys: a root and the keys it vouches for, and what they sign for the terminal "lab/t1"."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from livegate.events.cloudevents import timestamp
from livegate.trust.clockfloor import TrustedNow
from livegate.trust.envelope import Envelope, EnvelopeType, parse_envelope, seal
from livegate.trust.keys import PublicKey, SigningKey
from livegate.trust.keyset import Keyset, TrustedKey, keyset_payload, open_keyset
from livegate.trust.payload import KeyRole
from support.stores import IDENTITY

NOW_S = 1_700_000_000.0
DAY_S = 86_400.0
NOW = TrustedNow(NOW_S, 0.0, synchronised=True)
ALL = (KeyRole.COMMANDS, KeyRole.TWIN, KeyRole.LISTS, KeyRole.LABELS)


def at(after_s: float, *, floor_s: float = 0.0, synchronised: bool = True) -> TrustedNow:
    return TrustedNow(NOW_S + after_s, floor_s, synchronised)


def trusted(key: SigningKey, *roles: KeyRole, begin_s: float = -DAY_S, end_s: float = 365 * DAY_S) -> TrustedKey:
    return TrustedKey(key.public, frozenset(roles or ALL), NOW_S + begin_s, NOW_S + end_s)


@dataclass
class Authority:
    """The centre's keys."""

    root: SigningKey = field(default_factory=SigningKey.generate)
    daily: SigningKey = field(default_factory=SigningKey.generate)

    def keyset(
        self,
        version: int = 1,
        *keys: TrustedKey,
        signer: SigningKey | None = None,
        revoked: tuple[str, ...] = (),
        next_root: PublicKey | None = None,
        expires_s: float = 90 * DAY_S,
    ) -> Envelope:
        """Return a keyset as it is published; of the daily key alone when no ``keys`` are given."""
        payload = keyset_payload(
            "lab/*",
            version,
            keys or (trusted(self.daily),),
            NOW_S,
            NOW_S + expires_s,
            revoked=revoked,
            next_root=next_root,
        )
        return sealed(signer or self.root, EnvelopeType.KEYSET, payload)

    def trust(self, version: int = 1) -> Keyset:
        """Return what a terminal trusts after that keyset."""
        return open_keyset(self.keyset(version), Keyset.pinned(self.root.public), IDENTITY, NOW)

    def command(self, **changes: Any) -> Envelope:
        """Return a command of the daily key, good but for ``changes``; None takes a member away."""
        return signed(self.daily, EnvelopeType.COMMAND, **changes)


def sealed(key: SigningKey, kind: EnvelopeType, payload: bytes) -> Envelope:
    return parse_envelope(seal(key, kind, payload), 1_000_000)


def command_members(**changes: Any) -> dict[str, Any]:
    members = {
        "audience": "lab/t1",
        "role": "commands",
        "nonce": "abcdefghijklmnop",
        "issued": timestamp(NOW_S),
        "expires": timestamp(NOW_S + 60),
        "boot_id": "boot-1",
        "challenge": "now",
        "verb": "door.pulse",
        "arguments": {},
    } | changes
    return {name: value for name, value in members.items() if value is not None}


def signed(key: SigningKey, kind: EnvelopeType, **changes: Any) -> Envelope:
    return sealed(key, kind, json.dumps(command_members(**changes)).encode())
