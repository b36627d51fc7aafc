"""The keyset: who is trusted, and the stories of roll-over, revocation and going back."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from livegate.errors import Refusal, TrustError
from livegate.events.cloudevents import timestamp
from livegate.trust.clockfloor import TrustedNow
from livegate.trust.envelope import Envelope, EnvelopeType
from livegate.trust.keys import SigningKey
from livegate.trust.keyset import MAX_KEYS, MAX_REVOKED, Keyset, open_keyset, restore_keyset
from livegate.trust.payload import KeyRole
from support.authority import DAY_S, NOW, NOW_S, Authority, at, sealed, signed, trusted
from support.stores import IDENTITY

AUTHORITY = Authority()
PINNED = Keyset.pinned(AUTHORITY.root.public)
OTHER = SigningKey.generate()


def taken(envelope: Envelope, current: Keyset = PINNED, now: TrustedNow = NOW) -> Keyset:
    return open_keyset(envelope, current, IDENTITY, now)


def reason(envelope: Envelope, current: Keyset = PINNED, now: TrustedNow = NOW) -> Refusal | None:
    try:
        taken(envelope, current, now)
    except TrustError as exc:
        return exc.reason
    return None


def may(keyset: Keyset, key: SigningKey, role: KeyRole = KeyRole.COMMANDS, now: TrustedNow = NOW) -> Refusal | None:
    try:
        assert keyset.key_for(key.public.keyid, role, now) == key.public
    except TrustError as exc:
        return exc.reason
    return None


def test_the_first_keyset() -> None:
    keyset = taken(AUTHORITY.keyset(7, trusted(AUTHORITY.daily, KeyRole.TWIN)))
    assert (keyset.version, keyset.root, keyset.issued_s) == (7, AUTHORITY.root.public, NOW_S)
    assert may(keyset, AUTHORITY.daily, KeyRole.TWIN) is None
    assert may(keyset, AUTHORITY.daily, KeyRole.COMMANDS) is Refusal.WRONG_ROLE
    assert may(keyset, AUTHORITY.root, KeyRole.KEYSET) is Refusal.UNKNOWN_KEY


def test_the_same_again_changes_nothing() -> None:
    envelope = AUTHORITY.keyset(3)
    keyset = taken(envelope)
    assert taken(envelope, keyset) is keyset
    assert taken(envelope, keyset, at(400 * DAY_S)) is keyset
    assert reason(AUTHORITY.keyset(3, trusted(OTHER)), keyset) is Refusal.VERSION_BACK
    assert reason(AUTHORITY.keyset(2), keyset) is Refusal.VERSION_BACK


def test_only_the_root_signs_it() -> None:
    assert reason(AUTHORITY.keyset(1, signer=OTHER)) is Refusal.UNKNOWN_KEY
    everything = taken(AUTHORITY.keyset(1))
    assert reason(AUTHORITY.keyset(2, signer=AUTHORITY.daily), everything) is Refusal.UNKNOWN_KEY
    forged = replace(AUTHORITY.keyset(1, signer=OTHER), keyid=AUTHORITY.root.public.keyid)
    assert reason(forged) is Refusal.BAD_SIGNATURE
    assert reason(signed(AUTHORITY.root, EnvelopeType.TWIN)) is Refusal.WRONG_ROLE


def test_roll_over() -> None:
    new_root = SigningKey.generate()
    announced = taken(AUTHORITY.keyset(2, next_root=new_root.public))
    # Until the new root has spoken, the old one may still change its mind.
    assert taken(AUTHORITY.keyset(3), announced).next_root is None
    rolled = taken(AUTHORITY.keyset(3, signer=new_root), announced)
    assert rolled.root == new_root.public
    assert may(rolled, AUTHORITY.daily) is None
    for version in (3, 4, 99):
        assert reason(AUTHORITY.keyset(version), rolled) is Refusal.REVOKED_KEY
    assert reason(AUTHORITY.keyset(4, signer=new_root, next_root=AUTHORITY.root.public), rolled) is Refusal.REVOKED_KEY
    assert taken(AUTHORITY.keyset(4, signer=new_root), rolled).version == 4


def test_a_root_nobody_announced_does_not_count() -> None:
    assert reason(AUTHORITY.keyset(9, signer=OTHER), taken(AUTHORITY.keyset(2))) is Refusal.UNKNOWN_KEY


def test_the_new_root_must_go_on_counting() -> None:
    announced = taken(AUTHORITY.keyset(5, next_root=OTHER.public))
    assert reason(AUTHORITY.keyset(5, signer=OTHER), announced) is Refusal.VERSION_BACK
    assert reason(AUTHORITY.keyset(1, signer=OTHER), announced) is Refusal.VERSION_BACK


def test_a_revoked_key_never_comes_back() -> None:
    keyid = AUTHORITY.daily.public.keyid
    revoked = taken(AUTHORITY.keyset(2, trusted(OTHER), revoked=(keyid,)), taken(AUTHORITY.keyset(1)))
    assert may(revoked, AUTHORITY.daily) is Refusal.REVOKED_KEY
    assert may(revoked, OTHER) is None
    again = taken(AUTHORITY.keyset(3, trusted(OTHER), trusted(AUTHORITY.daily)), revoked)
    assert may(again, AUTHORITY.daily) is Refusal.REVOKED_KEY
    assert may(again, OTHER) is None


def test_a_key_left_out_is_unknown_and_may_return() -> None:
    without = taken(AUTHORITY.keyset(2, trusted(OTHER)), taken(AUTHORITY.keyset(1)))
    assert may(without, AUTHORITY.daily) is Refusal.UNKNOWN_KEY
    assert may(taken(AUTHORITY.keyset(3), without), AUTHORITY.daily) is None


def test_a_root_cannot_saw_off_its_branch() -> None:
    root = AUTHORITY.root.public.keyid
    assert reason(AUTHORITY.keyset(1, revoked=(root,))) is Refusal.REVOKED_KEY
    assert reason(AUTHORITY.keyset(1, revoked=(OTHER.public.keyid,), next_root=OTHER.public)) is Refusal.REVOKED_KEY


def test_overlapping_validity() -> None:
    keyset = taken(AUTHORITY.keyset(1, trusted(AUTHORITY.daily, end_s=10 * DAY_S), trusted(OTHER, begin_s=8 * DAY_S)))
    told = [
        (may(keyset, AUTHORITY.daily, now=at(d * DAY_S)), may(keyset, OTHER, now=at(d * DAY_S))) for d in (7, 9, 10)
    ]
    assert told == [(None, Refusal.NOT_YET), (None, None), (Refusal.EXPIRED, None)]


def test_an_expired_keyset_takes_a_newer_one() -> None:
    keyset, late = taken(AUTHORITY.keyset(1, expires_s=DAY_S)), at(2 * DAY_S)
    assert may(keyset, AUTHORITY.daily, now=late) is Refusal.EXPIRED
    assert reason(AUTHORITY.keyset(2, expires_s=DAY_S), keyset, late) is Refusal.EXPIRED
    assert may(taken(AUTHORITY.keyset(2), keyset, late), AUTHORITY.daily, now=late) is None


def test_what_the_store_kept_is_the_same_keyset() -> None:
    keyset = taken(AUTHORITY.keyset(4, revoked=("0123456789abcdef",), next_root=OTHER.public))
    assert restore_keyset(keyset.payload, keyset.version, keyset.root, keyset.revoked) == keyset
    assert restore_keyset(b"", 0, AUTHORITY.root.public, ()) == PINNED
    for damage in (keyset.payload[:-1], keyset.payload.replace(b'"keys"', b'"kays"'), b"\xff"):
        with pytest.raises(TrustError):
            restore_keyset(damage, 4, keyset.root, ())


def members(**changes: Any) -> dict[str, Any]:
    return json.loads(AUTHORITY.keyset(1).payload) | changes


def entry(**changes: Any) -> list[dict[str, Any]]:
    found = members()["keys"][0] | changes
    return [{name: value for name, value in found.items() if value is not None}]


WEAK = base64.b64encode((1).to_bytes(32, "little")).decode()
MALFORMED: dict[str, dict[str, Any]] = {
    "a member more": members(more=1),
    "a member less": {name: value for name, value in members().items() if name != "revoked"},
    "keys an object": members(keys={}),
    "a key twice": members(keys=entry() * 2),
    "too many keys": members(keys=entry() * (MAX_KEYS + 1)),
    "key a string": members(keys=["x"]),
    "keyid of another": members(keys=entry(keyid="0123456789abcdef")),
    "keyid a number": members(keys=entry(keyid=7)),
    "key short": members(keys=entry(key="AAAA")),
    "key weak": members(keys=entry(key=WEAK)),
    "key not canonical": members(keys=entry(key=entry()[0]["key"].rstrip("="))),
    "no roles": members(keys=entry(roles=[])),
    "role of the root": members(keys=entry(roles=["keyset"])),
    "role unknown": members(keys=entry(roles=["commands", "firmware"])),
    "role twice": members(keys=entry(roles=["commands", "commands"])),
    "roles a string": members(keys=entry(roles="commands")),
    "roles of lists": members(keys=entry(roles=[["commands"]])),
    "no end": members(keys=entry(not_after=None)),
    "ends before it begins": members(keys=entry(not_after=timestamp(0))),
    "revoked a string": members(revoked="0123456789abcdef"),
    "revoked no keyid": members(revoked=["0123456789ABCDEF"]),
    "revoked too many": members(revoked=["0123456789abcdef"] * (MAX_REVOKED + 1)),
    "next root weak": members(next_root=WEAK),
    "next root a number": members(next_root=7),
    "version a text": members(version="2"),
}


@pytest.mark.parametrize("wrong", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_keyset_is_refused_though_the_root_signed_it(wrong: dict[str, Any]) -> None:
    envelope = sealed(AUTHORITY.root, EnvelopeType.KEYSET, json.dumps(wrong).encode())
    assert reason(envelope) is Refusal.MALFORMED


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"audience": "mill/*"}, Refusal.WRONG_AUDIENCE),
        ({"role": "commands"}, Refusal.WRONG_ROLE),
        ({"expires": timestamp(NOW_S + 800 * DAY_S)}, Refusal.NOT_ALLOWED),
        ({"issued": timestamp(NOW_S + DAY_S)}, Refusal.NOT_YET),
    ],
)
def test_a_keyset_is_a_payload_like_others(changes: dict[str, Any], why: Refusal) -> None:
    assert reason(sealed(AUTHORITY.root, EnvelopeType.KEYSET, json.dumps(members(**changes)).encode())) is why


def test_revocations_are_bounded() -> None:
    full = replace(taken(AUTHORITY.keyset(1)), revoked=frozenset(f"{n:016x}" for n in range(MAX_REVOKED)))
    assert reason(AUTHORITY.keyset(2, revoked=("f" * 16,)), full) is Refusal.FULL
    assert reason(AUTHORITY.keyset(2, revoked=("0" * 16,)), full) is None
