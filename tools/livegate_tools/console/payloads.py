"""What the centre signs: commands, settings, labels; each sealed as a terminal expects it (docs/trust.md)."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from livegate.events.canonical import canonical
from livegate.events.cloudevents import timestamp
from livegate.report.status import Status
from livegate.trust.envelope import EnvelopeType, seal
from livegate.trust.keys import SigningKey
from livegate.trust.payload import MAX_LIFETIME_S, KeyRole

_NONCE_BYTES = 18
# Long enough for a slow link, short enough that nobody waits for it.
COMMAND_LIFETIME_S = 60.0
ATTEMPT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
PAI_SPECIES = re.compile(r"[a-z0-9_]{1,64}")


@dataclass(frozen=True, slots=True)
class Order:
    """A command: what is to be done, with what; ``nonce`` and ``correlation`` tell it from every other one."""

    verb: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(_NONCE_BYTES))
    correlation: str = field(default_factory=lambda: secrets.token_hex(8))


@dataclass(frozen=True, slots=True)
class Verdict:
    """An operator's word on a past attempt: ``label`` is "bona_fide" or "attack", then with the species if known."""

    attempt_id: str
    label: str
    pai_species: str | None = None


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs for whom: ``audience`` is "site/terminal", or "site/*" for every terminal of a site."""

    key: SigningKey
    audience: str

    def command(self, order: Order, status: Status, issued_s: float) -> bytes:
        """Return ``order`` for the terminal that says ``status`` now; on any later connection it is worth nothing."""
        asked = {
            "nonce": order.nonce,
            "boot_id": status.boot_id,
            "challenge": status.challenge,
            "verb": order.verb,
            "arguments": dict(order.arguments),
            "correlation": order.correlation,
        }
        return self._seal(EnvelopeType.COMMAND, KeyRole.COMMANDS, asked, issued_s, COMMAND_LIFETIME_S)

    def twin(
        self, settings: Mapping[str, Any], version: int, issued_s: float, lifetime_s: float | None = None
    ) -> bytes:
        """Return desired ``settings`` as ``version``, which must be higher than the one before."""
        asked = {"version": version, "settings": dict(settings)}
        return self._seal(EnvelopeType.TWIN, KeyRole.TWIN, asked, issued_s, lifetime_s)

    def label(self, verdict: Verdict, issued_s: float) -> bytes:
        """Return an operator's verdict on an attempt."""
        asked = {
            "nonce": secrets.token_urlsafe(_NONCE_BYTES),
            "attempt_id": verdict.attempt_id,
            "label": verdict.label,
            "pai_species": verdict.pai_species,
        }
        return self._seal(EnvelopeType.LABEL, KeyRole.LABELS, asked, issued_s)

    def _seal(
        self,
        type_: EnvelopeType,
        role: KeyRole,
        asked: Mapping[str, Any],
        issued_s: float,
        lifetime_s: float | None = None,
    ) -> bytes:
        expires_s = issued_s + (MAX_LIFETIME_S[type_] if lifetime_s is None else lifetime_s)
        common = {
            "audience": self.audience,
            "role": role,
            "issued": timestamp(issued_s),
            "expires": timestamp(expires_s),
        }
        return seal(self.key, type_, canonical({**common, **asked}))
