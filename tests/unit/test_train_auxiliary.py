from __future__ import annotations

import numpy as np
import pytest

from livegate.types import Box
from livegate_tools.train.auxiliary import inside, pseudo_depth, spectrum

SIZE = (320, 240)
FACE = Box(120, 60, 74, 100)


def test_the_ellipse_lies_in_the_box_and_fills_most_of_it() -> None:
    cells = inside(FACE, SIZE)
    assert cells.shape == (30, 40)
    rows, columns = np.nonzero(cells)
    assert columns.min() * 8 + 4 >= FACE.x
    assert columns.max() * 8 + 4 <= FACE.x + FACE.w
    assert rows.min() * 8 + 4 >= FACE.y
    assert rows.max() * 8 + 4 <= FACE.y + FACE.h
    assert cells.sum() == pytest.approx(np.pi / 4 * FACE.w * FACE.h / 64, rel=0.1)


def test_a_face_stands_out_most_near_its_nose_and_not_at_all_outside() -> None:
    depth = pseudo_depth(FACE, SIZE)
    assert depth.dtype == np.float32
    assert 0 <= depth.min() <= depth.max() <= 1
    assert not depth[~inside(FACE, SIZE)].any()
    row, column = np.unravel_index(depth.argmax(), depth.shape)
    assert abs(column * 8 + 4 - FACE.x - FACE.w / 2) <= 8
    assert 0 <= row * 8 + 4 - FACE.y - FACE.h / 2 <= 0.2 * FACE.h


def stripes(period_px: float) -> np.ndarray:
    x = np.arange(320)
    line = (127 + 100 * np.sin(2 * np.pi * x / period_px)).astype(np.uint8)
    return np.repeat(np.repeat(line[None, :, None], 240, axis=0), 3, axis=2)


def test_the_spectrum_tells_fine_stripes_from_coarse_ones() -> None:
    square = Box(100, 80, 64 / 1.3, 64 / 1.3)
    fine, coarse = spectrum(stripes(2.5), square), spectrum(stripes(32), square)
    assert fine.shape == coarse.shape == (10, 10)
    assert fine.min() >= 0
    assert fine.max() <= 1
    # 64 px of period 2.5 are 25.6 waves of at most 32: the eighth tenth from the middle; of period 32 only 2.
    assert fine[5, 9] + fine[5, 1] > coarse[5, 9] + coarse[5, 1] + 0.1


@pytest.mark.parametrize("face", [Box(-40, -30, 74, 100), Box(300, 220, 74, 100), Box(10, 10, 0, 0)])
def test_a_crop_may_leave_the_picture(face: Box) -> None:
    rng = np.random.default_rng(0)
    assert np.isfinite(spectrum(rng.integers(0, 256, (240, 320, 3), dtype=np.uint8), face)).all()


def test_a_crop_without_any_detail_has_a_spectrum_too() -> None:
    assert np.isfinite(spectrum(np.full((240, 320, 3), 99, dtype=np.uint8), FACE)).all()
