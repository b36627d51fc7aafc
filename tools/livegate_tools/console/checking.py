"""Looks at what is to be pushed as the terminal will: what it would refuse must not take a good message's place.

A retained message is all that a terminal finds that was off. What the broker keeps is not trusted here either: it only
counts where its signature can be checked, or where nothing else is known, and ``--anyway`` passes over it.
"""

from __future__ import annotations

from dataclasses import dataclass

from livegate.errors import LinkError, Refusal, TrustError
from livegate.report.topics import Topics
from livegate.report.wire import MAX_PACKET_BYTES
from livegate.trust.clockfloor import TrustedNow
from livegate.trust.envelope import Envelope, EnvelopeType, message, parse_envelope
from livegate.trust.keys import PublicKey, SigningKey
from livegate.trust.keyset import Keyset, restore_keyset
from livegate.trust.opened import open_payload
from livegate.trust.payload import KeyRole, parse_payload, version_of
from livegate.untrusted import parse_object

_MAX_DEPTH = 8


@dataclass(frozen=True, slots=True)
class Kept:
    """What the broker keeps for a terminal: on the topic that is pushed to, and as its keyset; None where nothing."""

    same: bytes | None = None
    keyset: bytes | None = None


def check_keyset(sealed: bytes, topics: Topics, root: PublicKey | None, kept: Kept, now: TrustedNow) -> None:
    """Raise TrustError when a terminal would not take a keyset, or when it forgets what the one before revoked.

    Without ``root`` it is compared with what the broker keeps only, and its signature is not verified.
    """
    envelope = parse_envelope(sealed, MAX_PACKET_BYTES)
    if root is not None:
        _signed_by(envelope, root)
    members = parse_payload(envelope, KeyRole.KEYSET, topics, now)
    keyset = restore_keyset(envelope.payload, version_of(members), root or SigningKey.generate().public, ())
    before = _kept_keyset(kept.same, root)
    if before is None or before[0].payload == envelope.payload:
        return
    old, signer = before
    _above(keyset.version, old.version, "keyset")
    known = {signer} | ({old.next_root.keyid} if old.next_root else set())
    if root is None and envelope.keyid not in known:
        raise TrustError(Refusal.UNKNOWN_KEY, f"keyset: signed by {envelope.keyid}, and the one before by {signer}")
    if missing := old.revoked - keyset.revoked - {signer}:
        raise TrustError(
            Refusal.REVOKED_KEY, f"keyset: does not revoke {min(missing)}, which the one before did; fresh terminals "
            "would trust it"
        )  # fmt: skip


def check_signed(sealed: bytes, role: KeyRole, topics: Topics, kept: Kept, now: TrustedNow) -> None:
    """Raise TrustError when a terminal that trusts the keyset at the broker would not take settings or a manifest.

    Without a keyset there its signature cannot be verified, and all else is.
    """
    envelope = parse_envelope(sealed, MAX_PACKET_BYTES)
    wanted = EnvelopeType.TWIN if role is KeyRole.TWIN else EnvelopeType.LIST_MANIFEST
    found = _kept_keyset(kept.keyset, None)
    if found is not None:
        members = open_payload(envelope, found[0], wanted, role, topics, now)
    else:
        members = parse_payload(envelope, role, topics, now)
    before = _kept_version(kept.same, wanted, found and found[0])
    if before is not None and before[1] != envelope.payload:
        _above(version_of(members), before[0], role.value)


def _signed_by(envelope: Envelope, root: PublicKey) -> None:
    if envelope.keyid != root.keyid:
        raise TrustError(Refusal.UNKNOWN_KEY, f"keyset: signed by {envelope.keyid}, and the root is {root.keyid}")
    root.verify(envelope.sig, message(envelope.type, envelope.payload))


def _above(version: int, before: int, what: str) -> None:
    if version <= before:
        raise TrustError(
            Refusal.VERSION_BACK, f"{what}: version {version}, and the broker keeps {before}; make a higher one"
        )


def _kept_keyset(sealed: bytes | None, root: PublicKey | None) -> tuple[Keyset, str] | None:
    """Return the keyset the broker keeps with the keyid that signed it; None when there is none, or a forged one."""
    if not sealed:
        return None
    try:
        envelope = parse_envelope(sealed, MAX_PACKET_BYTES)
        if envelope.type is not EnvelopeType.KEYSET:
            return None
        if root is not None and envelope.keyid == root.keyid:
            root.verify(envelope.sig, message(envelope.type, envelope.payload))
        version = version_of(parse_object(envelope.payload, MAX_PACKET_BYTES, _MAX_DEPTH))
        keyset = restore_keyset(envelope.payload, version, root or SigningKey.generate().public, ())
    except LinkError:
        return None
    follows = root is None or root.keyid in (envelope.keyid, (keyset.next_root or root).keyid)
    return (keyset, envelope.keyid) if follows else None


def _kept_version(sealed: bytes | None, wanted: EnvelopeType, keyset: Keyset | None) -> tuple[int, bytes] | None:
    """Return version and payload of what the broker keeps; None where nothing is, or nobody the keyset names signed."""
    if not sealed:
        return None
    try:
        envelope = parse_envelope(sealed, MAX_PACKET_BYTES)
        if envelope.type is not wanted:
            return None
        if keyset is not None:
            trusted = next((entry.key for entry in keyset.keys if entry.key.keyid == envelope.keyid), None)
            if trusted is None:
                return None
            trusted.verify(envelope.sig, message(envelope.type, envelope.payload))
        members = parse_object(envelope.payload, MAX_PACKET_BYTES, _MAX_DEPTH)
        return version_of(members), envelope.payload
    except LinkError:
        return None
