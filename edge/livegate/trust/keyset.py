"""The keyset: which keys may sign what, until when. The root signs it; what it says once of a revoked key stays."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from livegate.errors import LinkError, Refusal, TrustError
from livegate.events.canonical import canonical
from livegate.events.cloudevents import timestamp
from livegate.trust.clockfloor import TrustedNow
from livegate.trust.envelope import Envelope, EnvelopeType, from_base64, message
from livegate.trust.keys import KEYID, PublicKey
from livegate.trust.payload import MAX_DEPTH, KeyRole, Who, malformed, moment_of, parse_payload, text_of, version_of
from livegate.untrusted import parse_object

MAX_KEYS = 64
MAX_REVOKED = 1_024
_MEMBERS = frozenset({"audience", "version", "issued", "expires", "role", "keys", "revoked", "next_root"})
_KEY_MEMBERS = frozenset({"keyid", "key", "roles", "not_before", "not_after"})


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A key that may sign in ``roles`` from ``not_before_s`` to before ``not_after_s``, Unix seconds."""

    key: PublicKey
    roles: frozenset[KeyRole]
    not_before_s: float
    not_after_s: float


@dataclass(frozen=True, slots=True)
class Keyset:
    """All that is trusted at one time: the root, the keys it vouched for, and the keys that never count again.

    Without ``payload`` it is a root alone. ``payload`` is what the root signed, from which all but ``root`` and
    ``revoked`` follows; that one gathers the revocations of all keysets, and the roots that were replaced.
    """

    root: PublicKey
    version: int = 0
    keys: tuple[TrustedKey, ...] = ()
    revoked: frozenset[str] = frozenset()
    issued_s: float = 0.0
    expires_s: float = 0.0
    next_root: PublicKey | None = None
    payload: bytes = b""

    @classmethod
    def pinned(cls, root: PublicKey) -> Keyset:
        """Return what a fresh terminal trusts: the root in its configuration, to name other keys, and nobody else."""
        return cls(root)

    def key_for(self, keyid: str, role: KeyRole, now: TrustedNow) -> PublicKey:
        """Return the key ``keyid`` when it may sign in ``role`` now.

        Raises TrustError: revoked_key, unknown_key, expired (the keyset or the key), not_yet, wrong_role.
        """
        if keyid in self.revoked:
            raise TrustError(Refusal.REVOKED_KEY, f"key {keyid} was revoked")
        trusted = next((trusted for trusted in self.keys if trusted.key.keyid == keyid), None)
        if trusted is None:
            raise TrustError(Refusal.UNKNOWN_KEY, f"key {keyid} is not in keyset {self.version}")
        if role not in trusted.roles:
            raise TrustError(Refusal.WRONG_ROLE, f"key {keyid} may not sign as '{role}'")
        if now.dates_s() >= self.expires_s:
            raise TrustError(Refusal.EXPIRED, f"keyset {self.version} expired at {timestamp(self.expires_s)}")
        if now.dates_s() >= trusted.not_after_s:
            raise TrustError(Refusal.EXPIRED, f"key {keyid} ended at {timestamp(trusted.not_after_s)}")
        if now.is_before(trusted.not_before_s):
            raise TrustError(Refusal.NOT_YET, f"key {keyid} begins at {timestamp(trusted.not_before_s)}")
        return trusted.key


def open_keyset(envelope: Envelope, current: Keyset, who: Who, now: TrustedNow) -> Keyset:
    """Return the keyset that follows ``current``; ``current`` itself when the envelope holds just that one again.

    It must be signed by the current root, or by the root the current keyset names as next, which then is the root, and
    the one before never again. An expired ``current`` is no hindrance. Raises TrustError with any reason but
    replayed, wrong_challenge and wrong_boot.
    """
    if envelope.type is not EnvelopeType.KEYSET:
        raise TrustError(Refusal.WRONG_ROLE, f"envelope: '{envelope.type}' where a keyset belongs")
    root = _root_for(envelope.keyid, current)
    root.verify(envelope.sig, message(envelope.type, envelope.payload))
    if envelope.payload == current.payload:
        return current
    members = parse_payload(envelope, KeyRole.KEYSET, who, now)
    if version_of(members) <= current.version:
        raise TrustError(
            Refusal.VERSION_BACK, f"keyset {members['version']} is not newer than {current.version}, which is known"
        )
    replaced = {current.root.keyid} if root != current.root else set()
    keyset = _of_members(members, root, current.revoked | replaced)
    return replace(keyset, payload=envelope.payload)


def restore_keyset(payload: bytes, version: int, root: PublicKey, revoked: Iterable[str]) -> Keyset:
    """Return a keyset that was accepted before, from what the store kept; TrustError when that is damaged.

    An empty ``payload`` is a root alone, whose first keyset must be above ``version``.
    """
    if not payload:
        return Keyset(root, version, revoked=frozenset(revoked))
    try:
        members = parse_object(payload, len(payload), MAX_DEPTH)
    except LinkError as exc:
        raise TrustError(Refusal.MALFORMED, f"payload: {exc}") from exc
    return replace(_of_members(members, root, frozenset(revoked)), payload=payload)


def keyset_payload(
    audience: str,
    version: int,
    keys: Iterable[TrustedKey],
    issued_s: float,
    expires_s: float,
    *,
    revoked: Iterable[str] = (),
    next_root: PublicKey | None = None,
) -> bytes:
    """Return the payload of a keyset, for the root to sign (``seal`` with EnvelopeType.KEYSET)."""
    return canonical(
        {
            "audience": audience,
            "version": version,
            "issued": timestamp(issued_s),
            "expires": timestamp(expires_s),
            "role": KeyRole.KEYSET,
            "keys": [_key_members(key) for key in keys],
            "revoked": sorted(revoked),
            "next_root": None if next_root is None else _base64(next_root.raw),
        }
    )


def _root_for(keyid: str, current: Keyset) -> PublicKey:
    if keyid in current.revoked:
        raise TrustError(Refusal.REVOKED_KEY, f"root {keyid} was replaced or revoked")
    for root in (current.root, current.next_root):
        if root is not None and root.keyid == keyid:
            return root
    raise TrustError(Refusal.UNKNOWN_KEY, f"key {keyid} is neither the root {current.root.keyid} nor the next one")


def _of_members(members: Mapping[str, Any], root: PublicKey, revoked: frozenset[str]) -> Keyset:
    if members.keys() != _MEMBERS:
        raise malformed(f"a keyset has the members {', '.join(sorted(_MEMBERS))}")
    keys = tuple(_trusted_key(entry) for entry in _bounded(members, "keys", MAX_KEYS))
    if len({trusted.key for trusted in keys}) != len(keys):
        raise malformed("a key stands twice in 'keys'")
    next_root = None if members["next_root"] is None else _key(members, "next_root")
    revoked |= {_keyid(entry) for entry in _bounded(members, "revoked", MAX_REVOKED)}
    if len(revoked) > MAX_REVOKED:
        raise TrustError(Refusal.FULL, f"more than {MAX_REVOKED} keys are revoked; begin with a new root")
    if root.keyid in revoked or (next_root is not None and next_root.keyid in revoked):
        raise TrustError(
            Refusal.REVOKED_KEY, "a keyset cannot revoke the root that signs it, nor name a revoked next one"
        )
    issued_s, expires_s = moment_of(members, "issued"), moment_of(members, "expires")
    return Keyset(root, version_of(members), keys, revoked, issued_s, expires_s, next_root)


def _trusted_key(entry: Any) -> TrustedKey:
    if not isinstance(entry, dict) or entry.keys() != _KEY_MEMBERS:
        raise malformed(f"each of 'keys' has the members {', '.join(sorted(_KEY_MEMBERS))}")
    key = _key(entry, "key")
    if _keyid(entry["keyid"]) != key.keyid:
        raise malformed(f"'keyid' is not that of its key, {key.keyid}")
    roles = [role for role in KeyRole if role is not KeyRole.KEYSET and role in _bounded(entry, "roles", len(KeyRole))]
    if not roles or len(roles) != len(entry["roles"]):
        raise malformed("'roles' are some of commands, twin, lists, labels, each once")
    begin_s, end_s = moment_of(entry, "not_before"), moment_of(entry, "not_after")
    if end_s <= begin_s:
        raise malformed("'not_after' is not after 'not_before'")
    return TrustedKey(key, frozenset(roles), begin_s, end_s)


def _key_members(trusted: TrustedKey) -> dict[str, Any]:
    return {
        "keyid": trusted.key.keyid,
        "key": _base64(trusted.key.raw),
        "roles": sorted(trusted.roles),
        "not_before": timestamp(trusted.not_before_s),
        "not_after": timestamp(trusted.not_after_s),
    }


def _bounded(members: Mapping[str, Any], name: str, most: int) -> list[Any]:
    found = members[name]
    if not isinstance(found, list) or len(found) > most:
        raise malformed(f"'{name}' is not a list of at most {most}")
    return found


def _keyid(value: Any) -> str:
    if not isinstance(value, str) or not KEYID.fullmatch(value):
        raise malformed("a keyid is not 16 lower-case hexadecimal digits")
    return value


def _key(members: Mapping[str, Any], name: str) -> PublicKey:
    return PublicKey.of_raw(from_base64(text_of(members, name), name))


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
