from __future__ import annotations

import numpy as np
import pytest

from livegate.kernels import relief, surfaces

ROWS, COLUMNS = 28, 24
Y, X = (side.ravel() for side in np.mgrid[-1.1 : 1.1 : ROWS * 1j, -1.0 : 1.0 : COLUMNS * 1j])


def room(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    work = np.zeros((surfaces.WORK_ROWS, surfaces.MOST_TERMS))
    return np.ones((2, count), np.uint8), work, np.empty((2, count))


def points(z: np.ndarray) -> np.ndarray:
    return np.stack([X, Y, z])


@pytest.mark.parametrize("terms", [surfaces.PLANE, surfaces.QUADRIC])
def test_a_fit_is_numpys_least_squares(terms: int) -> None:
    rng = np.random.default_rng(terms)
    z, use = rng.normal(0, 10, X.size), (rng.random(X.size) < 0.7).astype(np.uint8)
    design = np.stack([np.ones_like(X), X, Y, X * X, X * Y, Y * Y], axis=1)[:, :terms]
    used = use > 0
    expected, (squares,), *_ = np.linalg.lstsq(design[used], z[used], rcond=None)
    _, work, _ = room(X.size)
    rms = surfaces.fit(points(z), use, terms, 1, work)
    assert rms == pytest.approx(np.sqrt(squares / (used.sum() - terms)), rel=1e-6)
    np.testing.assert_allclose(work[surfaces.COEFFICIENTS, :terms], expected, atol=1e-5)


def test_points_that_do_not_span_the_terms_give_finite_numbers() -> None:
    masks, work, lists = room(X.size)
    alone = np.stack([np.zeros(X.size), np.zeros(X.size), np.full(X.size, 5.0)])
    assert np.isfinite(surfaces.best_cylinder(alone, masks, 0.8, 3, work, lists))
    masks[0] = 0
    assert surfaces.best_cylinder(points(X), masks, 0.8, 3, work, lists) == 0.0
    assert np.isfinite(work).all()


@pytest.mark.parametrize("angle", np.deg2rad([0, 7, 20, 45, 90, 130, 172]))
def test_the_best_cylinder_is_found_at_any_angle_and_tilt_whatever_a_fifth_of_the_points_does(angle: float) -> None:
    u, v = np.cos(angle) * X + np.sin(angle) * Y, np.cos(angle) * Y - np.sin(angle) * X
    z = 15 * u**2 - 4 * u**3 + 12 * v + 30
    astray = np.random.default_rng(3).choice(X.size, 100, replace=False)
    z[astray] += 25.0
    masks, work, lists = room(X.size)
    rms = surfaces.best_cylinder(points(z), masks, 0.8, 4, work, lists)
    assert rms < 1.0
    assert np.count_nonzero(masks[1][astray]) < 10


def test_a_bowl_is_no_cylinder() -> None:
    masks, work, lists = room(X.size)
    assert surfaces.best_cylinder(points(15 * (X**2 + Y**2)), masks, 0.8, 4, work, lists) > 2.0


@pytest.mark.parametrize("lag", [1, 2, 4])
def test_noise_is_told_from_tilt_and_bend(lag: int) -> None:
    z = 30 * X + 3 * X**2 + np.random.default_rng(lag).normal(0, 1.5, X.size)
    found = relief.noise(z, np.ones(X.size, np.uint8), COLUMNS, lag, np.empty(X.size))
    assert found == pytest.approx(1.5, rel=0.15)
    assert relief.noise(z, np.zeros(X.size, np.uint8), COLUMNS, lag, np.empty(X.size)) == 0.0


def test_a_bump_is_found_with_its_height_where_it_stands_and_a_hollow_is_none() -> None:
    bumps = np.array([np.exp(-(((X - at) / 0.2) ** 2) - (Y / 0.4) ** 2) for at in (-0.3, 0.0, 0.3)])
    masks, work, lists = room(X.size)
    masks = np.stack([masks[0], masks[0], (np.abs(X) < 0.9).astype(np.uint8)])
    limits, found = np.array([0.8, 30.0]), np.empty(2)
    bowl = 10 * X**2 + 3 * X * Y - 5 * Y
    relief.bump(points(bowl - 20 * bumps[2]), masks, bumps, limits, work, lists, found)
    assert found[0] == pytest.approx(20, rel=0.05)
    assert found[1] > 0.99
    relief.bump(points(bowl + 20 * bumps[2]), masks, bumps, limits, work, lists, found)
    assert found[1] < 0.5
