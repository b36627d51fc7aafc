"""Local binary patterns against scikit-image, bit by bit."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from livegate.texture.patterns import BINS, Naming, names, patterns, patterns_16

texture = pytest.importorskip("skimage.feature")
CIRCLES = [(8, 1), (8, 2), (16, 2)]


def theirs(planes: NDArray[Any], neighbours: int, radius: int, naming: Naming) -> NDArray[Any]:
    with warnings.catch_warnings():
        # It advises against floats; ours give what theirs do for them too.
        warnings.simplefilter("ignore", UserWarning)
        found = [texture.local_binary_pattern(plane, neighbours, radius, naming.value) for plane in planes]
    return np.stack(found)


def ours(planes: NDArray[Any], neighbours: int, radius: int, naming: Naming) -> NDArray[Any]:
    return patterns_16(planes, naming) if neighbours == 16 else patterns(planes, radius, naming)


def pictures() -> dict[str, NDArray[Any]]:
    random = np.random.default_rng(3)
    rows, columns = np.mgrid[:40, :57]
    return {
        "random": random.integers(0, 256, (2, 64, 64), dtype=np.uint8),
        "few levels": random.integers(0, 3, (3, 33, 70), dtype=np.uint8),
        "constant": np.stack([np.full((50, 50), value, dtype=np.uint8) for value in (0, 1, 77, 254, 255)]),
        "gradient": np.stack([rows * 6, columns * 4, rows * 2 + columns * 2]).astype(np.uint8),
        "one pixel": np.full((2, 1, 1), 9, dtype=np.uint8),
        "one row": random.integers(0, 256, (1, 1, 31), dtype=np.uint8),
        "one column": random.integers(0, 256, (2, 31, 1), dtype=np.uint8),
        "large": random.integers(0, 4, (1, 20, 700), dtype=np.uint8),
        "strided": random.integers(0, 4, (6, 64, 96), dtype=np.uint8)[::2, ::-1, ::3],
        "float64": random.random((2, 40, 41)),
        "float32 steps": random.integers(0, 5, (2, 30, 64)).astype(np.float32) / np.float32(255),
        "negative": random.normal(size=(1, 30, 30)) * 1e6,
    }


@pytest.mark.parametrize("naming", Naming)
@pytest.mark.parametrize(("neighbours", "radius"), CIRCLES)
@pytest.mark.parametrize("picture", pictures())
def test_equal_to_scikit_image(picture: str, neighbours: int, radius: int, naming: Naming) -> None:
    planes = pictures()[picture]
    assert (ours(planes, neighbours, radius, naming) == theirs(planes, neighbours, radius, naming)).all()


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(1, 20),
    width=st.integers(1, 90),
    levels=st.integers(1, 256),
    circle=st.sampled_from(CIRCLES),
    seed=st.integers(0, 2**32 - 1),
)
def test_equal_at_any_size(height: int, width: int, levels: int, circle: tuple[int, int], seed: int) -> None:
    planes = np.random.default_rng(seed).integers(0, levels, (2, height, width), dtype=np.uint8)
    assert (ours(planes, *circle, Naming.FULL) == theirs(planes, *circle, Naming.FULL)).all()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), shift=st.integers(1, 100))
def test_brightness_changes_no_inner_pattern(seed: int, shift: int) -> None:
    planes = np.random.default_rng(seed).integers(0, 100, (1, 20, 20), dtype=np.uint8)
    moved = planes + np.uint8(shift)
    # Where neighbours average to the pixel's very level rounding decides, as it does for scikit-image.
    assert (patterns(planes) != patterns(moved))[:, 1:-1, 1:-1].mean() < 0.02


@pytest.mark.parametrize("neighbours", [8, 16])
@pytest.mark.parametrize("naming", Naming)
def test_names_lie_below_their_number(neighbours: int, naming: Naming) -> None:
    assert names(neighbours, naming).max() < BINS[neighbours, naming]


def test_a_smaller_call_leaves_nothing_behind_for_the_next() -> None:
    large = np.random.default_rng(4).integers(0, 256, (6, 64, 64), dtype=np.uint8)
    wanted = patterns(large)
    patterns(np.full((1, 200, 100), 255, dtype=np.uint8))
    patterns_16(large)
    assert (patterns(large) == wanted).all()


@pytest.mark.parametrize("radius", [0, 3, -1, 1.5, 2.0, 50, 10_000])
def test_circles_of_another_radius_are_refused(radius: Any) -> None:
    with pytest.raises(ValueError, match="expected 1 or 2 pixels"):
        patterns(np.zeros((1, 9, 9), np.uint8), radius)


@pytest.mark.parametrize(
    "planes", [np.zeros((9, 9), np.uint8), np.zeros((1, 9, 9), np.int64), np.zeros((1, 9, 9), np.bool_)]
)
def test_what_are_no_planes_is_refused(planes: NDArray[Any]) -> None:
    for form in (patterns, patterns_16):
        with pytest.raises(ValueError, match=r"expected \(planes, height, width\) of uint8 or finite floats"):
            form(planes)
