"""Two measures of blur, against the same written plainly, and by what a blur does to them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from livegate.kernels.blur import edge_width, luma, reblur

greys = arrays.arrays(np.uint8, st.tuples(st.integers(3, 24), st.integers(3, 24)), elements=st.integers(0, 255))


def width(grey: np.ndarray) -> float:
    return float(edge_width(grey, np.empty(grey.shape, np.int16)))


def reblur_reference(grey: np.ndarray) -> float:
    """Crete et al. 2007, with the means made before their differences are taken."""
    kept = []
    for picture in (grey.astype(float), grey.astype(float).T):
        if picture.shape[0] <= 9:
            kept.append(1.0)
            continue
        means = np.lib.stride_tricks.sliding_window_view(picture, 9, axis=0).mean(-1)
        sharp = np.abs(np.diff(picture, axis=0))[4:-4]
        lost = np.maximum(sharp - np.abs(np.diff(means, axis=0)), 0)
        kept.append(1 - lost.sum() / sharp.sum() if sharp.any() else 1.0)
    return max(kept)


def width_reference(grey: np.ndarray) -> float:
    picture = grey.astype(int)
    smooth = picture[:-2] + 2 * picture[1:-1] + picture[2:]
    slopes = np.zeros((picture.shape[0] - 2, picture.shape[1]), int)
    slopes[:, 1:-1] = smooth[:, 2:] - smooth[:, :-2]
    widths = []
    for row, slope in zip(picture[1:-1], slopes, strict=True):
        for x in range(1, row.size - 1):
            sign = 1 if slope[x] > 0 else -1
            steep, before, after = sign * slope[x - 1 : x + 2][[1, 0, 2]]
            if slope[x] == 0 or slope[x] ** 2 * slopes.size < 4 * (slopes**2).sum() or before >= steep or after > steep:
                continue
            rises = np.concatenate([[False], sign * np.diff(row) > 0, [False]])
            first = x - np.argmin(rises[: x + 1][::-1])
            last = x + np.argmin(rises[x + 1 :])
            widths.append(last - first)
    return float(np.mean(widths)) if widths else 0.0


def scene(sigma: float, size: int = 96) -> np.ndarray:
    """Plain patches and their edges, blurred."""
    patches = np.random.default_rng(1).integers(30, 220, (size // 12, size // 12)).astype(np.uint8)
    sharp = np.kron(patches, np.ones((12, 12), np.uint8))
    return np.asarray(cv2.GaussianBlur(sharp, (0, 0), sigma) if sigma else sharp)


@pytest.mark.parametrize("grey", [scene(0), scene(1.5), np.random.default_rng(2).integers(0, 256, (40, 31), np.uint8)])
def test_as_written_plainly(grey: np.ndarray) -> None:
    assert reblur(grey) == pytest.approx(reblur_reference(grey), abs=1e-9)
    assert width(grey) == pytest.approx(width_reference(grey), abs=1e-9)


@settings(max_examples=80, deadline=None)
@given(greys)
def test_any_picture(grey: np.ndarray) -> None:
    assert reblur(grey) == pytest.approx(reblur_reference(grey), abs=1e-9)
    assert width(grey) == pytest.approx(width_reference(grey), abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(greys)
def test_both_stay_in_their_range_and_a_negative_is_as_blurred(grey: np.ndarray) -> None:
    assert 0 <= reblur(grey) <= 1
    assert 0 <= width(grey) <= grey.shape[1]
    assert reblur(255 - grey) == reblur(grey)


def test_the_more_blurred_the_more_of_both() -> None:
    blurs = [scene(sigma) for sigma in (0, 0.8, 1.5, 2.5)]
    for measure in (reblur, width):
        measured = [measure(grey) for grey in blurs]
        assert measured == sorted(measured)
        assert measured[-1] > 1.5 * measured[0]


@pytest.mark.parametrize("value", [0, 255])
def test_a_picture_of_one_value_has_no_edges(value: int) -> None:
    grey = np.full((20, 20), value, np.uint8)
    assert reblur(grey) == 1.0
    assert width(grey) == 0.0


def test_brightness_is_that_of_television() -> None:
    planes = np.random.default_rng(3).integers(0, 256, (3, 9, 7), dtype=np.uint8)
    grey = np.empty((9, 7), np.uint8)
    luma(planes, grey)
    blue, green, red = planes.astype(float)
    np.testing.assert_allclose(grey, 0.114 * blue + 0.587 * green + 0.299 * red, atol=1.01)
