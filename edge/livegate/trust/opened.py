"""Open a signed envelope: what comes out is authentic, for this terminal, timely, and signed by who may say it."""

from __future__ import annotations

from typing import Any

from livegate.errors import Refusal, TrustError
from livegate.trust.clockfloor import TrustedNow
from livegate.trust.envelope import Envelope, EnvelopeType, message
from livegate.trust.keyset import Keyset
from livegate.trust.payload import KeyRole, Who, parse_payload


def open_payload(
    envelope: Envelope, keyset: Keyset, wanted: EnvelopeType, role: KeyRole, who: Who, now: TrustedNow
) -> dict[str, Any]:
    """Return the members of an envelope's payload, when ``keyset`` vouches for who signed it.

    Nothing in the payload is looked at before its signature is good. What is left to the caller: whether the nonce or
    version was seen before, a command's challenge (:func:`livegate.trust.challenge.check_challenge`), and whether what
    it asks for is allowed. Raises TrustError: malformed, unknown_key, revoked_key, bad_signature, wrong_role,
    wrong_audience, expired, not_yet, not_allowed.
    """
    if envelope.type is not wanted:
        raise TrustError(Refusal.WRONG_ROLE, f"envelope: '{envelope.type}' where '{wanted}' belongs")
    key = keyset.key_for(envelope.keyid, role, now)
    key.verify(envelope.sig, message(envelope.type, envelope.payload))
    return parse_payload(envelope, role, who, now)
