"""Near signatures against the plain definition, with either way of counting bits."""

from __future__ import annotations

import random

import numpy as np
import pytest

from livegate import near


def flipped(signature: int, places: list[int]) -> int:
    for place in places:
        signature ^= 1 << place
    return signature


@pytest.mark.parametrize("count", [0, 1, 500])
def test_within_finds_all_and_no_other(count: int) -> None:
    chance = random.Random(count)
    base = chance.getrandbits(128)
    others = [flipped(base, chance.sample(range(128), chance.randrange(40))) for _ in range(count)]
    signatures = near.Signatures(b"".join(one.to_bytes(16, "big") for one in others))
    assert len(signatures) == count
    for bits in (0, 1, 18, 128):
        expected = sorted((distance, one) for one in others if (distance := (one ^ base).bit_count()) <= bits)
        assert signatures.within(f"{base:032x}", bits) == [f"{one:032x}" for _, one in expected]


@pytest.mark.parametrize("text", ["", "0" * 31, "0" * 33, "G" * 32, "A" * 32])
def test_what_is_no_signature_is_near_nothing(text: str) -> None:
    assert near.Signatures(bytes(16)).within(text, 128) == []


def test_both_ways_to_count_agree() -> None:
    words = np.random.default_rng(1).integers(0, 2**64, 1_000, np.uint64, endpoint=False)
    words = np.concatenate([words, np.array([0, 2**64 - 1, 1, 2**63], np.uint64)])
    assert near._count_in_steps(words).tolist() == [int(word).bit_count() for word in words]
    assert near._count(words).tolist() == [int(word).bit_count() for word in words]
