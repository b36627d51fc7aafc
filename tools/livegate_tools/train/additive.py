"""Fit an additive logistic regression in straight pieces, each feature free or bound to rise or to fall.

Generalized additive model (Hastie and Tibshirani 1990) on ramps between knots; the bounds are those of physics, and
keep few samples from bending a line where they happen to lie. Solved by projected accelerated gradients (Beck and
Teboulle, FISTA, 2009), which is deterministic.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SHARES = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98)
# Knots nearer than this (standard deviations) would learn the noise between them.
_LEAST_STEP = 0.2
_RIDGE = 3e-3
_MOST_ROUNDS = 4000
_TOLERANCE = 1e-7
_POWER_ROUNDS = 30


@dataclass(frozen=True, slots=True)
class Additive:
    """Knots and levels of every feature, in the values given, and the offset of the log-odds."""

    knots: tuple[tuple[float, ...], ...]
    levels: tuple[tuple[float, ...], ...]
    bias: float


@dataclass(frozen=True, slots=True)
class Bounds:
    """Which features, by column, may only speak for the first class as they grow, and which only against it."""

    rising: Collection[int] = ()
    falling: Collection[int] = ()


def fit_additive(
    z: NDArray[np.float64], first: NDArray[np.bool_], weights: NDArray[np.float64], bounds: Bounds
) -> Additive:
    """Fit the log-odds of the ``first`` class to standardised values (N, F), each sample with its weight (N,).

    A feature of one value only keeps one knot and level 0.
    """
    knots = [_knots(z[:, column], weights) for column in range(z.shape[1])]
    ramps = np.concatenate([_ramps(z[:, j], each) for j, each in enumerate(knots)], axis=1)
    low, high = (
        np.concatenate(ends) for ends in zip(*(_limits(j, each, bounds) for j, each in enumerate(knots)), strict=True)
    )
    steps, bias = _solve(ramps, first, weights / weights.sum(), low, high)
    levels, start = [], 0
    for each in knots:
        stop = start + len(each) - 1
        levels.append(np.concatenate([[0.0], np.cumsum(steps[start:stop])]))
        start = stop
    return Additive(tuple(map(_floats, knots)), tuple(map(_floats, levels)), bias)


def _floats(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def _knots(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    order = np.argsort(values, kind="stable")
    share = np.cumsum(weights[order]) / weights.sum()
    wanted = values[order][np.minimum(np.searchsorted(share, _SHARES), values.size - 1)]
    kept = [float(wanted[0])]
    for value in wanted[1:]:
        if value - kept[-1] >= _LEAST_STEP:
            kept.append(float(value))
    return np.array(kept)


def _ramps(values: NDArray[np.float64], knots: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far each value is along each piece, 0..1, (N, knots - 1)."""
    return np.clip((values[:, None] - knots[:-1]) / np.diff(knots), 0.0, 1.0)


def _limits(column: int, knots: NDArray[np.float64], bounds: Bounds) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    pieces = len(knots) - 1
    low = np.full(pieces, 0.0 if column in bounds.rising else -np.inf)
    high = np.full(pieces, 0.0 if column in bounds.falling else np.inf)
    return low, high


def _solve(
    ramps: NDArray[np.float64],
    first: NDArray[np.bool_],
    weights: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
) -> tuple[NDArray[np.float64], float]:
    design = np.concatenate([ramps, np.ones((len(ramps), 1))], axis=1)
    low, high = np.append(low, -np.inf), np.append(high, np.inf)
    ridge = np.append(np.full(ramps.shape[1], _RIDGE), 0.0)
    step = 1.0 / (_largest(design, weights) / 4.0 + _RIDGE)
    now = ahead = np.zeros(design.shape[1])
    momentum = 1.0
    for _ in range(_MOST_ROUNDS):
        p = 1.0 / (1.0 + np.exp(-np.clip(design @ ahead, -50.0, 50.0)))
        gradient = design.T @ (weights * (p - first)) + ridge * ahead
        after = np.clip(ahead - step * gradient, low, high)
        following = (1.0 + np.sqrt(1.0 + 4.0 * momentum**2)) / 2.0
        ahead = after + (momentum - 1.0) / following * (after - now)
        moved, now, momentum = float(np.abs(after - now).max()), after, following
        if moved < _TOLERANCE:
            break
    return now[:-1], float(now[-1])


def _largest(design: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """Return the largest eigenvalue of the weighted normal matrix, by power iteration."""
    normal = (design * weights[:, None]).T @ design
    vector = np.ones(len(normal))
    for _ in range(_POWER_ROUNDS):
        vector = normal @ vector
        vector /= np.linalg.norm(vector)
    return float(vector @ normal @ vector) * 1.05
