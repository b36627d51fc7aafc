"""Bringing a cut-out to the network's size: averaging by halves against averaging by areas."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from livegate.detect.crop_manifest import Crop, CropRule, Resize
from livegate.detect.crop_rule import resized


def _picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(7).integers(0, 256, (height, width, 3)).astype(np.uint8)


def _by(how: Resize, part: np.ndarray) -> np.ndarray:
    return resized(part, Crop(2.7, CropRule.SHIFT, how), 80, 80)


def test_halving_by_whole_powers_of_two_is_averaging() -> None:
    part = _picture(320, 320)
    difference = _by(Resize.HALVING, part).astype(int) - cv2.resize(part, (80, 80), interpolation=cv2.INTER_AREA)
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("size", [(481, 359), (161, 400), (160, 160), (159, 170), (79, 500), (3, 2)])
def test_halving_gives_the_size_asked_for(size: tuple[int, int]) -> None:
    assert _by(Resize.HALVING, _picture(*size)).shape == (80, 80, 3)


def test_a_fine_grid_does_not_come_out_as_a_coarse_one() -> None:
    grid = np.zeros((479, 479, 3), np.uint8)
    grid[::2] = 255
    assert _by(Resize.HALVING, grid).std() < 30 < _by(Resize.LINEAR, grid).std()
