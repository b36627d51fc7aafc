"""Improved Fisher vectors: how a face's descriptors differ from those a Gaussian mixture expects.

Perronnin, Sanchez, Mensink 2010: the gradient of the mixture's log-likelihood by its means and deviations, whitened;
then the signed square root of each number, and length 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.kernels.compiled import kernel

LEAST_SHARE = 1e-4
"""A component that explains a descriptor by less than this share of the likeliest one has no part in it."""

_ZERO, _ONE, _TWO = np.float32(0), np.float32(1), np.float32(2)
_REACH = np.float32(-np.log(LEAST_SHARE))


@kernel()
def _add(point: Any, share: Any, total: Any) -> None:
    for k in range(total.shape[0]):
        total[k] += share * point[k]


@kernel("void(f4[:, ::1], f4[:, ::1], f4[::1], f4[:, ::1])")
def gather(
    likelihoods: NDArray[np.float32],
    points: NDArray[np.float32],
    counts: NDArray[np.float32],
    sums: NDArray[np.float32],
) -> None:
    """Sum the points of every component of a mixture, each counted by its posterior probability.

    Args:
        likelihoods: (N, K) finite float32, the logarithm of each component's weighted density at each point, up to a
            constant per point; overwritten with the posteriors, those below :data:`LEAST_SHARE` of the largest 0.
        points: (N, M) float32.
        counts: (K,) float32, overwritten: the sums of the posteriors.
        sums: (K, M) float32, overwritten: the sums of the points times their posteriors.
    """
    counts[:] = _ZERO
    sums[:] = _ZERO
    for n in range(points.shape[0]):
        row = likelihoods[n]
        most = row[0]
        for k in range(row.shape[0]):
            most = max(most, row[k])
        total = _ZERO
        for k in range(row.shape[0]):
            behind = most - row[k]
            row[k] = np.exp(-behind) if behind <= _REACH else _ZERO
            total += row[k]
        for k in range(row.shape[0]):
            if row[k] > _ZERO:
                row[k] /= total
                counts[k] += row[k]
                _add(points[n], row[k], sums[k])


@kernel("void(f4[::1], f4[:, ::1], i8, f4[::1], f4[:, ::1], f4[:, ::1], f4[:, :, ::1])")
def fisher_vector(
    counts: NDArray[np.float32],
    sums: NDArray[np.float32],
    points: int,
    weights: NDArray[np.float32],
    means: NDArray[np.float32],
    deviations: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Write the improved Fisher vector of what :func:`gather` made of points and their squares.

    Args:
        counts: (K,) float32.
        sums: (K, 2 D) float32: of the points' numbers, then of their squares.
        points: how many points there were, positive.
        weights: (K,) float32 of the components, positive.
        means: (K, D) float32.
        deviations: (K, D) float32, positive.
        out: (2, K, D) float32, overwritten: by means, then by deviations; of length 1, or 0 where nothing differs.
    """
    dimensions = means.shape[1]
    length = 0.0
    for k in range(means.shape[0]):
        by_mean = _ONE / (np.float32(points) * np.sqrt(weights[k]))
        by_deviation = by_mean / np.sqrt(_TWO)
        first, second, total = sums[k, :dimensions], sums[k, dimensions:], np.float32(0)
        for d in range(dimensions):
            mean, deviation = means[k, d], deviations[k, d]
            shifted = first[d] - mean * counts[k]
            spread = (second[d] - mean * (first[d] + shifted)) / (deviation * deviation) - counts[k]
            out[0, k, d] = by_mean * shifted / deviation
            out[1, k, d] = by_deviation * spread
        # The square of a signed root is the amount itself.
        for d in range(dimensions):
            total += abs(out[0, k, d]) + abs(out[1, k, d])
        length += float(total)
    factor = np.float32(1.0 / np.sqrt(length)) if length > 0.0 else _ZERO
    for side in range(2):
        for k in range(means.shape[0]):
            row = out[side, k]
            for d in range(dimensions):
                root = np.sqrt(abs(row[d])) * factor
                row[d] = root if row[d] >= _ZERO else -root
