from __future__ import annotations

import numpy as np
import pytest

from livegate.kernels.face_grid import OUTSIDE, depth_cells, mean_cells
from livegate.kernels.shading import explain, smooth


def test_cells_are_the_means_of_their_pixels() -> None:
    image = np.random.default_rng(1).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    cells = np.empty((6, 8, 3), np.float32)
    mean_cells(image, 0.0, 0.0, 32.0, 24.0, cells)
    expected = image.reshape(6, 4, 8, 4, 3).mean(axis=(1, 3))
    assert np.allclose(cells, expected, atol=1e-3)


def test_cells_outside_the_picture_say_so() -> None:
    image = np.full((20, 20, 1), 7, np.uint8)
    cells = np.empty((4, 4, 1), np.float32)
    mean_cells(image, -20.0, 10.0, 40.0, 20.0, cells)
    assert (cells[:2, 2:] == 7).all()
    assert (cells[:, :2] == OUTSIDE).all()
    assert (cells[2:] == OUTSIDE).all()
    mean_cells(image, -1e12, 1e12, 5.0, 5.0, cells)
    assert (cells == OUTSIDE).all()


def test_depth_is_of_one_surface_never_the_mean_of_two() -> None:
    depth = np.full((16, 16), 500, np.uint16)
    depth[::2] = 506
    depth[:, 12:] = 2000
    depth[:4, :4] = 0
    cells = np.empty((4, 4), np.float32)
    depth_cells(depth, 0.0, 0.0, 16.0, 16.0, 15.0, cells)
    assert cells[0, 0] == 0
    assert np.allclose(cells[1:, :3], 503)
    assert np.allclose(cells[:, 3], 2000)
    depth_cells(depth, -16.0, 0.0, 16.0, 16.0, 15.0, cells)
    assert (cells == OUTSIDE).all()


def test_smoothing_leaves_out_what_is_not_seen() -> None:
    rng = np.random.default_rng(2)
    values = rng.normal(size=(7, 9, 2))
    seen = (rng.random((7, 9)) < 0.7).astype(np.uint8)
    seen[:3, :3] = 0
    out = np.empty_like(values)
    smooth(values, seen, out)
    weights = np.array([1.0, 2.0, 1.0])
    for row in range(7):
        for column in range(9):
            total, weight = np.zeros(2), 0.0
            for j in (-1, 0, 1):
                for i in (-1, 0, 1):
                    if 0 <= row + j < 7 and 0 <= column + i < 9 and seen[row + j, column + i]:
                        here = weights[j + 1] * weights[i + 1]
                        total, weight = total + here * values[row + j, column + i], weight + here
            assert np.allclose(out[row, column], total / weight if weight else 0.0)


def fitted(design: np.ndarray, values: np.ndarray, used: np.ndarray, rounds: int) -> tuple[np.ndarray, np.ndarray]:
    count, size = design.shape
    coefficients, residual = np.empty(size), np.empty(count)
    explain(design, values, used, rounds, coefficients, residual, np.empty((size, size)), np.empty(count))
    return coefficients, residual


def test_least_squares_are_those_of_numpy() -> None:
    rng = np.random.default_rng(3)
    design, values = rng.normal(size=(200, 11)), rng.normal(size=200)
    used = (rng.random(200) < 0.8).astype(np.uint8)
    coefficients, residual = fitted(design, values, used.copy(), 0)
    expected = np.linalg.lstsq(design[used > 0], values[used > 0], rcond=None)[0]
    assert np.allclose(coefficients, expected, atol=1e-4)
    assert np.allclose(residual, values - design @ coefficients)


def test_outliers_are_left_out_of_the_next_round() -> None:
    rng = np.random.default_rng(4)
    design = np.stack([np.ones(200), np.linspace(-1, 1, 200)], axis=1)
    values = design @ [1.0, 2.0] + rng.normal(0, 0.01, 200)
    values[:20] += 5
    coefficients, residual = fitted(design, values, np.ones(200, np.uint8), 3)
    assert coefficients == pytest.approx([1.0, 2.0], abs=0.01)
    assert (residual[:20] > 4).all()


@pytest.mark.parametrize("design", [np.zeros((50, 4)), np.ones((50, 4))])
def test_columns_that_say_nothing_or_the_same_are_borne(design: np.ndarray) -> None:
    coefficients, residual = fitted(design, np.ones(50), np.ones(50, np.uint8), 2)
    assert np.isfinite(coefficients).all()
    assert np.isfinite(residual).all()
    assert np.isfinite(fitted(design, np.ones(50), np.zeros(50, np.uint8), 2)[1]).all()
