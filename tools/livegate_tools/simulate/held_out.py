"""Which constants, devices and pictures belong to which split, so that a held-out frame shares none of them."""

from __future__ import annotations

import enum
import hashlib

import numpy as np

_STRIPS = 20
_STRIPS_PER_TURN = 5


class Split(enum.StrEnum):
    """The three disjoint parts of every simulated set; ``test`` is what the shipped visits are made of."""

    TRAIN = "train"
    DEV = "dev"
    TEST = "test"


_TURNS = {Split.TRAIN: (0, 1, 3), Split.DEV: (2,), Split.TEST: (4,)}


def draw_constant(rng: np.random.Generator, low: float, high: float, split: Split) -> float:
    """Return a number of ``[low, high]`` from the strips of the range that only ``split`` may use.

    The range is cut into 20 equal strips, dealt in turn 3 : 1 : 1 to train, dev and test: every split covers the whole
    documented range, and no constant of one is ever seen in another.
    """
    turns = _TURNS[split]
    turn = int(rng.integers(_STRIPS // _STRIPS_PER_TURN)) * _STRIPS_PER_TURN + turns[int(rng.integers(len(turns)))]
    return low + (high - low) * (turn + float(rng.random())) / _STRIPS


def split_of(name: str) -> Split:
    """Return the split of a name (a background, an identity) by its SHA-256: 70 % train, 15 % dev, 15 % test."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") / 2**32
    if number < 0.70:
        return Split.TRAIN
    return Split.DEV if number < 0.85 else Split.TEST
