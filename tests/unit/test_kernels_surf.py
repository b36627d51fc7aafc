"""Dense upright SURF, against the paper written plainly, and within its arrays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from livegate.kernels.surf import NUMBERS, dense_surf, margin, scratch
from support.bounds import stays_within

SIDES = st.integers(1, 18)
pictures = arrays.arrays(np.uint8, st.tuples(st.integers(1, 2), SIDES, SIDES))
steps, scales = st.integers(1, 4), st.integers(1, 3)


def surf(planes: np.ndarray, step: int = 2, scale: int = 1) -> np.ndarray:
    count, height, width = planes.shape
    out = np.full((-(-height // step), -(-width // step), count, NUMBERS), np.nan, np.float32)
    dense_surf(planes, step, scale, *scratch(height, width, scale), out)
    return out


def reference(planes: np.ndarray, step: int, scale: int) -> np.ndarray:
    """Bay et al. 2008, section 4: point by point, sample by sample, in float64, each wavelet by summing its pixels."""
    beyond = margin(scale)
    padded = np.pad(planes.astype(float), ((0, 0), (beyond, beyond), (beyond, beyond)), mode="edge")
    _, height, width = planes.shape
    middles = (np.arange(20) - 10) * scale + (scale + 1) // 2 + beyond
    out = np.zeros((-(-height // step), -(-width // step), len(planes), NUMBERS))
    for i, j, plane in np.ndindex(out.shape[:3]):
        sums = np.zeros((4, 4, 4))
        for row, column in np.ndindex(20, 20):
            y, x = i * step + middles[row], j * step + middles[column]
            patch = padded[plane, y - scale : y + scale, x - scale : x + scale]
            dx = patch[:, scale:].sum() - patch[:, :scale].sum()
            dy = patch[scale:].sum() - patch[:scale].sum()
            weight = np.exp(-((row - 9.5) ** 2 + (column - 9.5) ** 2) / (2 * 3.3**2))
            sums[row // 5, column // 5] += weight * np.array([dx, dy, abs(dx), abs(dy)])
        length = np.linalg.norm(sums)
        out[i, j, plane] = sums.ravel() / length if length else 0
    return out


@settings(max_examples=15, deadline=None)
@given(pictures, steps.filter(lambda step: step > 1), scales)
def test_equal_to_the_paper_written_plainly(planes: np.ndarray, step: int, scale: int) -> None:
    np.testing.assert_allclose(surf(planes, step, scale), reference(planes, step, scale), atol=2e-6)


def test_equal_on_a_face_sized_picture() -> None:
    planes = np.random.default_rng(1).integers(0, 256, (1, 64, 64), dtype=np.uint8)
    np.testing.assert_allclose(surf(planes, 2)[::8, ::8], reference(planes, 16, 1), atol=2e-6)


@settings(max_examples=60, deadline=None)
@given(pictures, steps, scales)
def test_of_length_one_or_nothing(planes: np.ndarray, step: int, scale: int) -> None:
    lengths = np.linalg.norm(surf(planes, step, scale), axis=-1)
    assert np.all((np.abs(lengths - 1) < 1e-5) | (lengths == 0))


@settings(max_examples=60, deadline=None)
@given(arrays.arrays(np.uint8, (1, 12, 9), elements=st.integers(0, 100)), st.integers(0, 50))
def test_neither_more_light_nor_more_contrast_changes_anything(planes: np.ndarray, more: int) -> None:
    before = surf(planes)
    np.testing.assert_array_equal(surf(planes + np.uint8(more)), before)
    np.testing.assert_allclose(surf(planes * np.uint8(2)), before, atol=1e-6)


@pytest.mark.parametrize("level", [0, 255])
def test_a_flat_plane_has_no_direction(level: int) -> None:
    assert not surf(np.full((6, 64, 64), level, np.uint8)).any()


def test_an_edge_points_across_itself() -> None:
    planes = np.zeros((1, 32, 32), np.uint8)
    planes[:, :, 16:] = 200
    sums = surf(planes, 16)[1, 1, 0].reshape(16, 4).sum(axis=0)
    assert sums[0] == pytest.approx(sums[2])
    assert sums[0] > 0
    assert sums[1] == sums[3] == 0


CHECKED = """
import numpy as np
from test_kernels_surf import surf
rng = np.random.default_rng(1)
for height, width in ((1, 1), (1, 7), (5, 2), (11, 13), (64, 64)):
    for step in (1, 2, 5):
        for scale in (1, 2, 3):
            assert np.isfinite(surf(rng.integers(0, 256, (2, height, width), dtype=np.uint8), step, scale)).all()
print("within")
"""


def test_the_kernel_stays_within_its_arrays() -> None:
    """Compiled anew with every index checked."""
    stays_within(CHECKED)
