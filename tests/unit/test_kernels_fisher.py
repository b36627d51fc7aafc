"""Improved Fisher vectors, against the formula written plainly, and within their arrays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livegate.kernels.fisher import LEAST_SHARE, fisher_vector, gather
from support.bounds import stays_within

Mixture = tuple[np.ndarray, np.ndarray, np.ndarray]


def mixture(components: int, dimensions: int, seed: int) -> Mixture:
    rng = np.random.default_rng(seed)
    shares = rng.uniform(0.2, 1, components)
    return (
        (shares / shares.sum()).astype(np.float32),
        rng.normal(size=(components, dimensions)).astype(np.float32),
        rng.uniform(0.5, 1.5, (components, dimensions)).astype(np.float32),
    )


def likelihoods(points: np.ndarray, of: Mixture) -> np.ndarray:
    shares, means, deviations = (part.astype(float) for part in of)
    away = (points.astype(float)[:, None] - means) / deviations
    return np.asarray(np.log(shares) - np.log(deviations).sum(axis=1) - (away**2).sum(axis=2) / 2)


def fisher(points: np.ndarray, of: Mixture) -> np.ndarray:
    shares, means, deviations = of
    counts, sums = np.empty(len(shares), np.float32), np.empty((len(shares), 2 * means.shape[1]), np.float32)
    given_ = np.concatenate([points, points**2], axis=1)
    gather(np.ascontiguousarray(likelihoods(points, of), np.float32), given_, counts, sums)
    out = np.full((2, *means.shape), np.nan, np.float32)
    fisher_vector(counts, sums, len(points), shares, means, deviations, out)
    return out


def reference(points: np.ndarray, of: Mixture) -> np.ndarray:
    """Perronnin et al. 2010, equations 1 to 7, in float64."""
    shares, means, deviations = (part.astype(float) for part in of)
    logs = likelihoods(points, of)
    posterior = np.exp(logs - logs.max(axis=1, keepdims=True))
    posterior[posterior < LEAST_SHARE] = 0
    posterior /= posterior.sum(axis=1, keepdims=True)
    away = (points.astype(float)[:, None] - means) / deviations
    by_mean = (posterior[..., None] * away).sum(axis=0) / (len(points) * np.sqrt(shares)[:, None])
    by_deviation = (posterior[..., None] * (away**2 - 1)).sum(axis=0) / (len(points) * np.sqrt(2 * shares)[:, None])
    both = np.stack([by_mean, by_deviation])
    rooted = np.sign(both) * np.sqrt(np.abs(both))
    return np.asarray(rooted / max(np.linalg.norm(rooted), 1e-30))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.integers(1, 5), st.integers(1, 6), st.integers(0, 10_000))
def test_equal_to_the_formula_written_plainly(count: int, components: int, dimensions: int, seed: int) -> None:
    of = mixture(components, dimensions, seed)
    points = np.random.default_rng(seed + 1).normal(0, 1.5, (count, dimensions)).astype(np.float32)
    found, expected = fisher(points, of), reference(points, of)
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-5)
    # A root is steep at 0: what is nearly nothing is compared as it was before it.
    np.testing.assert_allclose(found * np.abs(found), expected * np.abs(expected), atol=2e-5)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 20), st.integers(0, 10_000))
def test_neither_order_nor_repeating_all_points_matters(count: int, seed: int) -> None:
    of = mixture(3, 4, seed)
    points = np.random.default_rng(seed + 1).normal(size=(count, 4)).astype(np.float32)
    found = fisher(points, of)
    again = fisher(np.concatenate([points[::-1], points]), of)
    np.testing.assert_allclose(found * np.abs(found), again * np.abs(again), atol=2e-5)


def test_points_that_the_mixture_expects_weigh_little_before_they_are_normalised() -> None:
    _, means, deviations = mixture(1, 2, 1)
    # One standard deviation to either side in each direction has just the mixture's mean and deviation.
    points = (means + deviations * np.array([[1, 1], [-1, -1], [1, -1], [-1, 1]])).astype(np.float32)
    counts, sums = np.empty(1, np.float32), np.empty((1, 4), np.float32)
    gather(np.zeros((4, 1), np.float32), np.concatenate([points, points**2], axis=1), counts, sums)
    assert counts[0] == 4
    np.testing.assert_allclose(sums[0, :2] / 4, means[0], atol=1e-5)
    np.testing.assert_allclose(sums[0, 2:] / 4, means[0] ** 2 + deviations[0] ** 2, atol=1e-5)


def test_what_explains_next_to_nothing_has_no_part() -> None:
    given_ = np.array([[0.0, np.log(LEAST_SHARE) - 0.1, np.log(0.5)]], np.float32)
    counts, sums = np.empty(3, np.float32), np.empty((3, 2), np.float32)
    gather(given_, np.array([[3.0, 9.0]], np.float32), counts, sums)
    np.testing.assert_allclose(counts, [2 / 3, 0, 1 / 3], atol=1e-6)
    np.testing.assert_allclose(given_[0], counts, atol=1e-6)
    np.testing.assert_allclose(sums, counts[:, None] * [[3.0, 9.0]], atol=1e-5)


def test_no_points_but_the_mean_itself() -> None:
    _, means, deviations = mixture(1, 3, 2)
    counts, sums = np.ones(1, np.float32), np.zeros((1, 6), np.float32)
    out = np.full((2, 1, 3), np.nan, np.float32)
    # All numbers 0: a mean of 0 whose spread is the mixture's.
    sums[0, 3:] = deviations[0] ** 2
    fisher_vector(counts, sums, 1, np.ones(1, np.float32), np.zeros_like(means), np.ones_like(deviations), out)
    assert np.isfinite(out).all()
    sums[0, 3:] = 1
    fisher_vector(counts, sums, 1, np.ones(1, np.float32), np.zeros_like(means), np.ones_like(deviations), out)
    assert not out.any()


CHECKED = """
import numpy as np
from test_kernels_fisher import fisher, mixture
for count, components, dimensions in ((1, 1, 1), (3, 1, 5), (17, 4, 3), (64, 128, 30)):
    points = np.random.default_rng(count).normal(size=(count, dimensions)).astype(np.float32)
    assert np.isfinite(fisher(points, mixture(components, dimensions, 1))).all()
print("within")
"""


def test_the_kernels_stay_within_their_arrays() -> None:
    """Compiled anew with every index checked."""
    stays_within(CHECKED)
