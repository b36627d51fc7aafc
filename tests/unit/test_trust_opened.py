"""What a signed payload must be to count: every reason to refuse one, and the dates under every clock."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from livegate.errors import Refusal, TrustError
from livegate.events.cloudevents import timestamp
from livegate.report.status import new_challenge
from livegate.trust.challenge import check_challenge
from livegate.trust.clockfloor import TrustedNow
from livegate.trust.envelope import Envelope, EnvelopeType
from livegate.trust.keys import SigningKey
from livegate.trust.keyset import Keyset
from livegate.trust.opened import open_payload
from livegate.trust.payload import KeyRole
from support.authority import DAY_S, NOW, NOW_S, Authority, at, command_members, sealed, signed, trusted
from support.stores import IDENTITY

AUTHORITY = Authority()
TRUST = AUTHORITY.trust()
LISTS_ONLY, BEGINS, ENDED, REVOKED = (SigningKey.generate() for _ in range(4))
WIDE = replace(
    TRUST,
    keys=(
        *TRUST.keys,
        trusted(LISTS_ONLY, KeyRole.LISTS),
        trusted(BEGINS, begin_s=DAY_S),
        trusted(ENDED, end_s=-1),
        trusted(REVOKED),
    ),
    revoked=frozenset({REVOKED.public.keyid}),
)


def opened(envelope: Envelope, now: TrustedNow = NOW, trust: Keyset = WIDE) -> dict[str, Any]:
    return open_payload(envelope, trust, EnvelopeType.COMMAND, KeyRole.COMMANDS, IDENTITY, now)


def reason(envelope: Envelope, now: TrustedNow = NOW, trust: Keyset = WIDE) -> Refusal | None:
    try:
        opened(envelope, now, trust)
    except TrustError as exc:
        return exc.reason
    return None


def command(**changes: Any) -> Envelope:
    return AUTHORITY.command(**changes)


def by(key: SigningKey) -> Envelope:
    return signed(key, EnvelopeType.COMMAND)


def test_a_good_command_opens() -> None:
    assert opened(command()) == command_members()
    assert opened(command(audience="lab/*"))["audience"] == "lab/*"
    assert opened(command(unknown={"deep": [1, [2, [3]]]}))["unknown"]


REFUSED: dict[str, tuple[Envelope, Refusal]] = {
    "stranger's": (by(SigningKey.generate()), Refusal.UNKNOWN_KEY),
    "the root's own": (by(AUTHORITY.root), Refusal.UNKNOWN_KEY),
    "revoked key's": (by(REVOKED), Refusal.REVOKED_KEY),
    "key of another role": (by(LISTS_ONLY), Refusal.WRONG_ROLE),
    "key that begins tomorrow": (by(BEGINS), Refusal.NOT_YET),
    "key that has ended": (by(ENDED), Refusal.EXPIRED),
    "signed by another": (replace(by(LISTS_ONLY), keyid=AUTHORITY.daily.public.keyid), Refusal.BAD_SIGNATURE),
    "other payload": (replace(command(), payload=command(verb="door.lock").payload), Refusal.BAD_SIGNATURE),
    "other type": (replace(command(), type=EnvelopeType.TWIN), Refusal.WRONG_ROLE),
    "type of a label": (signed(AUTHORITY.daily, EnvelopeType.LABEL), Refusal.WRONG_ROLE),
    "label's signature": (
        replace(signed(AUTHORITY.daily, EnvelopeType.LABEL), type=EnvelopeType.COMMAND),
        Refusal.BAD_SIGNATURE,
    ),
    "role twin": (command(role="twin"), Refusal.WRONG_ROLE),
    "role missing": (command(role=None), Refusal.MALFORMED),
    "role a list": (command(role=["commands"]), Refusal.MALFORMED),
    "other terminal": (command(audience="lab/t2"), Refusal.WRONG_AUDIENCE),
    "other site": (command(audience="mill/*"), Refusal.WRONG_AUDIENCE),
    "everybody": (command(audience="*/*"), Refusal.WRONG_AUDIENCE),
    "beginning of our name": (command(audience="lab/t"), Refusal.WRONG_AUDIENCE),
    "our name and more": (command(audience="lab/t1/../t1"), Refusal.WRONG_AUDIENCE),
    "audience missing": (command(audience=None), Refusal.MALFORMED),
    "nonce missing": (command(nonce=None), Refusal.MALFORMED),
    "nonce short": (command(nonce="abc"), Refusal.MALFORMED),
    "nonce long": (command(nonce="a" * 65), Refusal.MALFORMED),
    "nonce with a path": (command(nonce="../../etc/passwd__"), Refusal.MALFORMED),
    "nonce with SQL": (command(nonce="'; DROP TABLE nonce; --"), Refusal.MALFORMED),
    "nonce with a newline": (command(nonce="abcdefghijklmnop\n"), Refusal.MALFORMED),
    "nonce a number": (command(nonce=1234567890123456), Refusal.MALFORMED),
    "issued missing": (command(issued=None), Refusal.MALFORMED),
    "issued a number": (command(issued=NOW_S), Refusal.MALFORMED),
    "issued in local time": (command(issued="2023-11-14T22:13:20+01:00"), Refusal.MALFORMED),
    "issued on no day": (command(issued="2023-02-30T00:00:00Z"), Refusal.MALFORMED),
    "issued in other digits": (command(issued="२०२३-11-14T22:13:20Z"), Refusal.MALFORMED),
    "expires in year 0": (command(expires="0000-01-01T00:00:00Z"), Refusal.MALFORMED),
    "ends before it begins": (command(expires=timestamp(NOW_S - 1)), Refusal.MALFORMED),
    "ends as it begins": (command(expires=timestamp(NOW_S)), Refusal.MALFORMED),
    "holds for a day": (command(expires=timestamp(NOW_S + DAY_S)), Refusal.NOT_ALLOWED),
    "expired": (command(issued=timestamp(NOW_S - 120), expires=timestamp(NOW_S - 60)), Refusal.EXPIRED),
    "expires now": (command(issued=timestamp(NOW_S - 60), expires=timestamp(NOW_S)), Refusal.EXPIRED),
    "of tomorrow": (command(issued=timestamp(NOW_S + DAY_S), expires=timestamp(NOW_S + DAY_S + 60)), Refusal.NOT_YET),
    "no object": (sealed(AUTHORITY.daily, EnvelopeType.COMMAND, b"[]"), Refusal.MALFORMED),
    "no json": (sealed(AUTHORITY.daily, EnvelopeType.COMMAND, b"door.pulse"), Refusal.MALFORMED),
    "nan": (sealed(AUTHORITY.daily, EnvelopeType.COMMAND, b'{"issued": NaN}'), Refusal.MALFORMED),
    "number beyond a double": (sealed(AUTHORITY.daily, EnvelopeType.COMMAND, b'{"a":-1e999}'), Refusal.MALFORMED),
    "deep": (sealed(AUTHORITY.daily, EnvelopeType.COMMAND, b'{"a":' * 9 + b"1" + b"}" * 9), Refusal.MALFORMED),
    "member twice": (sealed(AUTHORITY.daily, EnvelopeType.COMMAND, b'{"role":1,"role":2}'), Refusal.MALFORMED),
}


@pytest.mark.parametrize(("envelope", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(envelope: Envelope, why: Refusal) -> None:
    assert reason(envelope) is why


def test_before_the_first_keyset_nobody_may_say_anything() -> None:
    assert reason(command(), trust=Keyset.pinned(AUTHORITY.root.public)) is Refusal.UNKNOWN_KEY


def test_an_expired_keyset_vouches_for_nobody() -> None:
    late = at(91 * DAY_S)
    fresh = command(issued=timestamp(late.wall_s), expires=timestamp(late.wall_s + 60))
    assert reason(fresh, late, trust=replace(TRUST, expires_s=NOW_S + 92 * DAY_S)) is None
    assert reason(fresh, late, trust=TRUST) is Refusal.EXPIRED


@pytest.mark.parametrize("version", [0, -1, 1.0, "1", True, None, 2**53])
def test_versions(version: object) -> None:
    twin = signed(AUTHORITY.daily, EnvelopeType.TWIN, role="twin", version=version, nonce=None)
    with pytest.raises(TrustError) as refused:
        open_payload(twin, TRUST, EnvelopeType.TWIN, KeyRole.TWIN, IDENTITY, NOW)
    assert refused.value.reason is Refusal.MALFORMED


def test_a_version_takes_a_nonce_s_place() -> None:
    both = signed(AUTHORITY.daily, EnvelopeType.TWIN, role="twin", version=1)
    with pytest.raises(TrustError) as refused:
        open_payload(both, TRUST, EnvelopeType.TWIN, KeyRole.TWIN, IDENTITY, NOW)
    assert refused.value.reason is Refusal.MALFORMED
    twin = signed(AUTHORITY.daily, EnvelopeType.TWIN, role="twin", version=2**53 - 1, nonce=None)
    assert open_payload(twin, TRUST, EnvelopeType.TWIN, KeyRole.TWIN, IDENTITY, NOW)["version"] == 2**53 - 1


YEAR_S = 365 * DAY_S

CLOCKS: dict[str, tuple[TrustedNow, Refusal | None]] = {
    "exact": (at(0), None),
    "an hour ahead": (at(3600), Refusal.EXPIRED),
    "an hour ahead, unsynchronised": (at(3600, synchronised=False), Refusal.EXPIRED),
    "four minutes behind": (at(-240), None),
    "an hour behind": (at(-3600), Refusal.NOT_YET),
    "an hour behind, unsynchronised": (at(-3600, synchronised=False), None),
    "fifty years behind": (at(-50 * YEAR_S), Refusal.NOT_YET),
    "fifty years behind, unsynchronised": (at(-50 * YEAR_S, synchronised=False), None),
    "fifty years behind, with a floor": (at(-50 * YEAR_S, floor_s=NOW_S - 60, synchronised=False), None),
    "set back into its time, past by the floor": (at(30, floor_s=NOW_S + 60, synchronised=False), Refusal.EXPIRED),
    "set back fifty years, past by the floor": (
        at(-50 * YEAR_S, floor_s=NOW_S + 61, synchronised=True),
        Refusal.EXPIRED,
    ),
}


@pytest.mark.parametrize(("now", "why"), CLOCKS.values(), ids=CLOCKS.keys())
def test_a_minute_under_every_clock(now: TrustedNow, why: Refusal | None) -> None:
    wide = replace(TRUST, keys=(trusted(AUTHORITY.daily, begin_s=-100 * YEAR_S),))
    assert reason(command(), now, wide) is why


def test_a_challenge_is_this_connection_s() -> None:
    challenge = new_challenge()
    assert len(challenge) >= 16
    assert challenge != new_challenge()
    check_challenge({"boot_id": "b", "challenge": challenge}, "b", challenge)
    wrong: list[tuple[dict[str, Any], Refusal]] = [
        ({"boot_id": "b", "challenge": new_challenge()}, Refusal.WRONG_CHALLENGE),
        ({"boot_id": "b", "challenge": ""}, Refusal.WRONG_CHALLENGE),
        ({"boot_id": "b", "challenge": "\ud800é"}, Refusal.WRONG_CHALLENGE),
        ({"boot_id": "a", "challenge": challenge}, Refusal.WRONG_BOOT),
        ({"boot_id": "b"}, Refusal.MALFORMED),
        ({"challenge": challenge}, Refusal.MALFORMED),
        ({"boot_id": "b", "challenge": 7}, Refusal.MALFORMED),
    ]
    for members, why in wrong:
        with pytest.raises(TrustError) as refused:
            check_challenge(members, "b", challenge)
        assert refused.value.reason is why
