"""Kernels that explain a face's brightness by smooth shading and by what another camera sees of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.kernels.compiled import kernel
from livegate.kernels.surfaces import smallest

Array = NDArray[Any]

RIDGE = 1e-3
"""Added to the normal equations' diagonal: a column without any structure gets no weight instead of no solution."""
LEAST_PIVOT = 1e-12
TRIM_AT, TRIM_LEAST = 3.0, 0.01
"""A row counts as an outlier beyond this many median deviations, and beyond this deviation in any case."""


@kernel("void(f8[:, :, ::1], u1[:, ::1], f8[:, :, ::1])")
def smooth(values: Array, seen: Array, out: Array) -> None:
    """Write the binomial mean over 3 x 3 cells of what is seen.

    Args:
        values: (R, C, K) float64, finite where seen.
        seen: (R, C) uint8, not 0 for the cells that count.
        out: (R, C, K) float64, overwritten; 0 where neither a cell nor any neighbour is seen.
    """
    rows, columns, channels = values.shape
    for row in range(rows):
        for column in range(columns):
            weight = 0.0
            for channel in range(channels):
                out[row, column, channel] = 0.0
            for j in range(max(row - 1, 0), min(row + 2, rows)):
                for i in range(max(column - 1, 0), min(column + 2, columns)):
                    if seen[j, i] == 0:
                        continue
                    here = (2.0 - abs(j - row)) * (2.0 - abs(i - column))
                    weight += here
                    for channel in range(channels):
                        out[row, column, channel] += here * values[j, i, channel]
            for channel in range(channels):
                out[row, column, channel] = out[row, column, channel] / weight if weight > 0.0 else 0.0


@kernel()
def _solve(normal: Array, out: Array) -> None:
    """Solve a symmetric positive definite system by Cholesky: ``normal``'s lower triangle, ``out`` its right side.

    Both are overwritten, ``out`` by the solution.
    """
    size = out.size
    for i in range(size):
        for j in range(i + 1):
            total = normal[i, j]
            for k in range(j):
                total -= normal[i, k] * normal[j, k]
            normal[i, j] = np.sqrt(max(total, LEAST_PIVOT)) if i == j else total / normal[j, j]
    for i in range(size):
        total = out[i]
        for k in range(i):
            total -= normal[i, k] * out[k]
        out[i] = total / normal[i, i]
    for i in range(size - 1, -1, -1):
        total = out[i]
        for k in range(i + 1, size):
            total -= normal[k, i] * out[k]
        out[i] = total / normal[i, i]


@kernel("void(f8[:, ::1], f8[::1], u1[::1], i8, f8[::1], f8[::1], f8[:, ::1], f8[::1])")
def explain(  # noqa: PLR0913, PLR0917 - a kernel takes its arrays flat
    design: Array,
    values: Array,
    used: Array,
    rounds: int,
    coefficients: Array,
    residual: Array,
    normal: Array,
    deviations: Array,
) -> None:
    """Fit ``values`` by least squares on the used rows of ``design``; outliers of a round are left out of the next.

    Args:
        design: (N, M) float64, finite.
        values: (N,) float64, finite.
        used: (N,) uint8, not 0 for the rows that count; outliers are set to 0.
        rounds: how often to fit again without outliers, 0 or more.
        coefficients: (M,) float64, overwritten.
        residual: (N,) float64, overwritten for every row, used or not: what the fit leaves of its value.
        normal: (M, M) float64, room to work in.
        deviations: (N,) float64, room to work in.
    """
    count, columns = design.shape
    for turn in range(rounds + 1):
        normal[:] = 0.0
        coefficients[:] = 0.0
        for n in range(count):
            if used[n] == 0:
                continue
            for i in range(columns):
                coefficients[i] += design[n, i] * values[n]
                for j in range(i + 1):
                    normal[i, j] += design[n, i] * design[n, j]
        for i in range(columns):
            normal[i, i] += RIDGE
        _solve(normal, coefficients)
        members = 0
        for n in range(count):
            left = values[n]
            for i in range(columns):
                left -= design[n, i] * coefficients[i]
            residual[n] = left
            if used[n]:
                deviations[members] = abs(left)
                members += 1
        if turn == rounds or members == 0:
            return
        limit = TRIM_AT * smallest(deviations, members, members // 2) + TRIM_LEAST
        for n in range(count):
            if used[n] and abs(residual[n]) >= limit:
                used[n] = 0
