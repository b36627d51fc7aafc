from __future__ import annotations

import pytest

from livegate.gate.pairing import Pairing
from livegate.types import CredentialRead

MS = 1_000_000


def card(at_ms: int, value: str = "A") -> CredentialRead:
    return CredentialRead("card", value, at_ms * MS)


@pytest.mark.parametrize(
    ("read_ms", "started_ms", "now_ms", "belongs"),
    [
        (1000, 1500, 2000, True),  # card first
        (1800, 1500, 2000, True),  # face first
        (1000, 6000, 6500, True),  # exactly as long ago as allowed
        (999, 6000, 6500, False),  # too long ago
        (2001, 1500, 2000, False),  # not read yet at that moment
    ],
)
def test_which_read_belongs(read_ms: int, started_ms: int, now_ms: int, belongs: bool) -> None:
    pairing = Pairing.within(5000).offer(card(read_ms))
    read, _ = pairing.take(started_ms * MS, now_ms * MS)
    assert (read is not None) == belongs


def test_a_credential_is_used_once() -> None:
    pairing = Pairing.within(5000).offer(card(1000))
    read, pairing = pairing.take(1200 * MS, 1300 * MS)
    assert read == card(1000)
    assert pairing.take(1200 * MS, 1400 * MS) == (None, pairing)


def test_the_newest_read_is_the_one_meant() -> None:
    pairing = Pairing.within(5000).offer(card(1000, "bus ticket")).offer(card(1500, "badge"))
    read, pairing = pairing.take(1200 * MS, 1600 * MS)
    assert read == card(1500, "badge")
    assert pairing.waiting is None


def test_two_readers_may_deliver_out_of_order() -> None:
    pairing = Pairing.within(5000).offer(card(1500, "new")).offer(card(1000, "old"))
    assert pairing.waiting == card(1500, "new")


def test_a_read_that_no_face_follows_lapses_once() -> None:
    pairing = Pairing.within(2000).offer(card(1000))
    assert pairing.lapse(3000 * MS) == (None, pairing)
    read, pairing = pairing.lapse(3001 * MS)
    assert read == card(1000)
    assert pairing.lapse(9000 * MS) == (None, pairing)


def test_how_long_a_judged_face_waits() -> None:
    pairing = Pairing.within(2000)
    assert pairing.may_still_come(1000 * MS, 2999 * MS)
    assert not pairing.may_still_come(1000 * MS, 3000 * MS)


def test_a_window_of_nothing_pairs_only_what_comes_during_the_attempt() -> None:
    pairing = Pairing.within(0).offer(card(1000))
    assert pairing.take(1001 * MS, 1100 * MS)[0] is None
    assert pairing.take(1000 * MS, 1100 * MS)[0] == card(1000)
