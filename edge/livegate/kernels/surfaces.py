"""Fit the surfaces that tell a face from paper: plane, best-axis generalised cylinder, quadric.

``points`` are (3, N) float64: x, y (of about unit size) and z (mm); ``use`` (N,) uint8 says which points count. Every
fit is linear least squares over a few terms, solved by Cholesky factors in ``work``, (WORK_ROWS, MOST_TERMS) float64;
its coefficients are left in row COEFFICIENTS.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.kernels.compiled import kernel

PLANE = 3
"""1, x, y."""
QUADRIC = 6
"""1, x, y, x^2, xy, y^2."""
CYLINDER = 6
"""1, v, u, u^2, u^3, u^4 with u across the axis and v along it: z = g(u) + b v, exact for every tilt."""
MOST_TERMS = 6
RIGHT, WANTED, ROW, COEFFICIENTS, AXIS = range(MOST_TERMS, MOST_TERMS + 5)
"""Rows of ``work`` after the normal equations. AXIS: what points across the cylinder's axis, (0, 0) for no cylinder."""
WORK_ROWS = MOST_TERMS + 5

_AXES, _HALVINGS, _SEARCH_STEP = 4, 3, 3
# A trace of ridge keeps the factors defined where the points do not span the terms.
_RIDGE = 1e-9


@kernel()
def terms_at(x: float, y: float, axis: Any, out: Any) -> None:
    """Write the six terms at a place: of the cylinder across ``axis``, or of the quadric where that is (0, 0)."""
    out[0] = 1.0
    if axis[0] != 0.0 or axis[1] != 0.0:
        u = axis[0] * x + axis[1] * y
        out[1] = axis[0] * y - axis[1] * x
        out[2] = u
        out[3] = u * u
        out[4] = out[3] * u
        out[5] = out[3] * out[3]
    else:
        out[1], out[2] = x, y
        out[3], out[4], out[5] = x * x, x * y, y * y


@kernel()
def factor(normal: Any, terms: int) -> None:
    """Turn the lower triangle of symmetric normal equations into its Cholesky factor, in place."""
    ridge = _RIDGE * (normal[0, 0] + 1.0)
    for i in range(terms):
        for j in range(i + 1):
            total = normal[i, j] + (ridge if i == j else 0.0)
            for k in range(j):
                total -= normal[i, k] * normal[j, k]
            normal[i, j] = math.sqrt(max(total, ridge)) if i == j else total / normal[j, j]


@kernel()
def solve(factored: Any, right: Any, terms: int, out: Any) -> None:
    """Write the solution for one right side of equations that :func:`factor` has prepared."""
    for i in range(terms):
        total = right[i]
        for k in range(i):
            total -= factored[i, k] * out[k]
        out[i] = total / factored[i, i]
    for i in range(terms - 1, -1, -1):
        total = out[i]
        for k in range(i + 1, terms):
            total -= factored[k, i] * out[k]
        out[i] = total / factored[i, i]


@kernel("f8(f8[:, ::1], u1[::1], i8, i8, f8[:, ::1])")
def fit(points: NDArray[np.float64], use: NDArray[np.uint8], terms: int, step: int, work: NDArray[np.float64]) -> float:
    """Fit every ``step``-th point where it is used; return the root mean square residual in mm.

    What is fitted: PLANE or QUADRIC terms, or CYLINDER terms across work[AXIS, :2]. As many points as terms always
    fit, so what is left is shared by the points beyond; with no more than that all coefficients and the result are 0.
    """
    normal, right, row, out = work, work[RIGHT], work[ROW], work[COEFFICIENTS]
    normal[:MOST_TERMS] = 0.0
    right[:] = 0.0
    out[:] = 0.0
    count, squares = 0, 0.0
    for n in range(0, points.shape[1], step):
        if use[n] == 0:
            continue
        z = points[2, n]
        terms_at(points[0, n], points[1, n], work[AXIS], row)
        count += 1
        squares += z * z
        for i in range(terms):
            right[i] += row[i] * z
            for j in range(i + 1):
                normal[i, j] += row[i] * row[j]
    if count <= terms:
        return 0.0
    factor(normal, terms)
    solve(normal, right, terms, out)
    for i in range(terms):
        squares -= out[i] * right[i]
    return math.sqrt(max(squares, 0.0) / (count - terms))


@kernel()
def residuals(points: Any, step: int, work: Any, out: Any) -> None:
    """Write how far every ``step``-th point lies behind what was fitted last, in mm, whether it was used or not."""
    f, row = work[COEFFICIENTS], work[ROW]
    for n in range(0, points.shape[1], step):
        terms_at(points[0, n], points[1, n], work[AXIS], row)
        inner = f[0] + f[1] * row[1] + f[2] * row[2] + f[3] * row[3] + f[4] * row[4] + f[5] * row[5]
        out[n] = points[2, n] - inner


@kernel()
def smallest(values: Any, count: int, rank: int) -> float:
    """Return the ``rank``-th smallest (from 0) of the first ``count`` values, reordering them (Hoare's selection)."""
    low, high = 0, count - 1
    while low < high:
        pivot = values[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if rank <= j:
            high = j
        elif rank >= i:
            low = i
        else:
            break
    return float(values[rank])


@kernel()
def concentrate(residual: Any, step: int, valid: Any, share: float, scratch: Any, use: Any) -> None:
    """Set ``use`` to the given share of every ``step``-th valid point, those closest (a least-trimmed-squares step)."""
    count = 0
    for n in range(0, residual.size, step):
        if valid[n] != 0:
            scratch[count] = abs(residual[n])
            count += 1
    limit = smallest(scratch, count, max(int(share * count) - 1, 0)) if count else 0.0
    for n in range(0, residual.size, step):
        use[n] = 1 if valid[n] != 0 and abs(residual[n]) <= limit else 0


@kernel("f8(f8[:, ::1], u1[:, ::1], i8, f8, i8, f8[:, ::1], f8[:, ::1])")
def trimmed(
    points: NDArray[np.float64],
    masks: NDArray[np.uint8],
    step: int,
    share: float,
    rounds: int,
    work: NDArray[np.float64],
    lists: NDArray[np.float64],
) -> float:
    """Fit six terms to the share of the valid points that lie closest; return their rms residual in mm.

    Least trimmed squares (Rousseeuw 1984) by ``rounds`` concentration steps over every ``step``-th point. ``masks``
    (2, N): the valid points, and room for those that were used. ``lists`` (2, N): their residuals, and scratch.
    """
    valid, use = masks[0], masks[1]
    use[:] = valid
    for _ in range(rounds):
        fit(points, use, MOST_TERMS, step, work)
        residuals(points, step, work, lists[0])
        concentrate(lists[0], step, valid, share, lists[1], use)
    rms = float(fit(points, use, MOST_TERMS, step, work))
    residuals(points, step, work, lists[0])
    return rms


@kernel("f8(f8[:, ::1], u1[:, ::1], f8, i8, f8[:, ::1], f8[:, ::1])")
def best_cylinder(
    points: NDArray[np.float64],
    masks: NDArray[np.uint8],
    share: float,
    rounds: int,
    work: NDArray[np.float64],
    lists: NDArray[np.float64],
) -> float:
    """Find the cylinder that the given share of the valid points fits best; return their rms residual in mm.

    Four directions of its axis are tried, then on both sides of the best in steps halved three times; the arguments,
    and what is left in them, are those of :func:`trimmed`.
    """
    step, best, middle, least = math.pi / _AXES, 0.0, 0.0, np.inf
    for k in range(_AXES + 2 * _HALVINGS):
        angle = k * step
        if k >= _AXES:
            if (k - _AXES) % 2 == 0:
                middle = best
                step /= 2.0
            angle = middle + (step if k % 2 else -step)
        work[AXIS, 0], work[AXIS, 1] = math.cos(angle), math.sin(angle)
        rms = trimmed(points, masks, _SEARCH_STEP, share, 1, work, lists)
        if rms < least:
            least, best = rms, angle
    work[AXIS, 0], work[AXIS, 1] = math.cos(best), math.sin(best)
    rms = float(trimmed(points, masks, 1, share, rounds, work, lists))
    work[AXIS] = 0.0
    return rms
