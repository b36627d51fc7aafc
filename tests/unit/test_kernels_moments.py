"""Chromatic moments and commonest colours, against the same written plainly."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from livegate.kernels.moments import BINS, COMMON, chromatic_moments, common_colours

pictures = arrays.arrays(
    np.uint8, st.tuples(st.just(3), st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 255)
)


def moments(planes: np.ndarray) -> np.ndarray:
    out = np.full((3, 5), np.nan)
    chromatic_moments(planes, np.empty((3, 5)), out)
    return out


def reference(planes: np.ndarray) -> np.ndarray:
    hsv = np.array([colorsys.rgb_to_hsv(*(pixel[::-1] / 255)) for pixel in planes.reshape(3, -1).T])
    hsv[:, 0] = (hsv[:, 0] + 0.5) % 1
    rows = []
    for plane in hsv.T:
        deviation = plane.std()
        skewness = ((plane - plane.mean()) ** 3).mean() / deviation**3 if deviation > 1e-6 else 0
        rows.append([plane.mean(), deviation, skewness, (plane < 0.1).mean(), (plane >= 0.9).mean()])
    return np.array(rows)


def commonest(planes: np.ndarray) -> tuple[np.ndarray, int]:
    out = np.full(COMMON, np.nan)
    often = np.empty(planes[0].size + 1, np.int32)
    return out, common_colours(planes, np.empty(BINS, np.int32), often, out)


def commonest_reference(planes: np.ndarray) -> tuple[np.ndarray, int]:
    colours = (planes.reshape(3, -1) // 8).T
    counts = np.sort(np.unique(colours, axis=0, return_counts=True)[1])[::-1]
    shares = np.zeros(COMMON)
    shares[: counts.size] = counts[:COMMON] / len(colours)
    return shares, int(np.searchsorted(np.cumsum(counts), 0.99 * len(colours)) + 1)


def test_moments_as_written_plainly() -> None:
    planes = np.random.default_rng(1).integers(0, 256, (3, 40, 50), dtype=np.uint8)
    found, wanted = moments(planes), reference(planes)
    np.testing.assert_allclose(found[:, :3], wanted[:, :3], atol=1e-9)
    # A value at the very border of an end may be rounded to either side of it.
    np.testing.assert_allclose(found[:, 3:], wanted[:, 3:], atol=3 / planes[0].size)


@settings(max_examples=80, deadline=None)
@given(pictures)
def test_moments_of_any_picture(planes: np.ndarray) -> None:
    found, wanted = moments(planes), reference(planes)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[:, :2], wanted[:, :2], atol=1e-6)
    spread = wanted[:, 1] > 1e-3
    np.testing.assert_allclose(found[spread, 2], wanted[spread, 2], atol=1e-3)


@pytest.mark.parametrize("value", [0, 200, 255])
def test_a_picture_of_one_grey(value: int) -> None:
    found = moments(np.full((3, 4, 4), value, np.uint8))
    np.testing.assert_allclose(found[:, 0], [0.5, 0, value / 255])
    np.testing.assert_array_equal(found[:, 1:3], 0)


@pytest.mark.parametrize("size", [(128, 128), (7, 5)])
def test_commonest_colours_as_written_plainly(size: tuple[int, int]) -> None:
    planes = (np.random.default_rng(2).normal(128, 12, (3, *size))).astype(np.uint8)
    (shares, many), (wanted, wanted_many) = commonest(planes), commonest_reference(planes)
    np.testing.assert_array_equal(shares, wanted)
    assert many == wanted_many


@settings(max_examples=80, deadline=None)
@given(pictures)
def test_commonest_colours_of_any_picture(planes: np.ndarray) -> None:
    shares, many = commonest(planes)
    np.testing.assert_array_equal(shares, commonest_reference(planes)[0])
    assert (np.diff(shares) <= 0).all()
    assert shares.sum() <= 1 + 1e-9
    assert 1 <= many <= planes[0].size
