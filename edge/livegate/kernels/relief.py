"""The small relief of a face on its grid: how noisy the surface is, and whether a nose stands where a nose belongs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.kernels.compiled import kernel
from livegate.kernels.surfaces import (
    AXIS,
    QUADRIC,
    RIGHT,
    ROW,
    WANTED,
    fit,
    residuals,
    smallest,
    solve,
    terms_at,
    trimmed,
)

# The median of |a - 2 b + c| of three independent values of standard deviation 1.
_SECOND_DIFFERENCE = 0.6745 * math.sqrt(6.0)
_FEWEST = 30
_ROUNDS = 2


@kernel("f8(f8[::1], u1[::1], i8, i8, f8[::1])")
def noise(
    z: NDArray[np.float64], valid: NDArray[np.uint8], columns: int, lag: int, scratch: NDArray[np.float64]
) -> float:
    """Return the standard deviation (mm) of the noise of a grid (rows * columns,), 0 where too little of it is known.

    From the median second difference over ``lag`` cells along rows and along columns, the smaller of both: paper bent
    one way and most of a face are straight over that distance. ``lag`` is at least the length of the noise's own
    correlation. ``scratch`` (N,) is worked in.
    """
    rows, least = z.size // columns, np.inf
    for along in range(2):
        count = 0
        stride = lag if along == 0 else lag * columns
        for i in range(rows if along == 0 else rows - 2 * lag):
            for j in range(columns - 2 * lag if along == 0 else columns):
                n = i * columns + j
                if valid[n] != 0 and valid[n + stride] != 0 and valid[n + 2 * stride] != 0:
                    scratch[count] = abs(z[n] - 2.0 * z[n + stride] + z[n + 2 * stride])
                    count += 1
        if count >= _FEWEST:
            least = min(least, smallest(scratch, count, count // 2) / _SECOND_DIFFERENCE)
    return least if least < np.inf else 0.0


@kernel()
def _compare(points: Any, residual: Any, use: Any, template: Any, work: Any, found: Any) -> None:
    """Keep in ``found`` the height and correlation of a template where it correlates better than those before.

    ``work`` holds the factors of the quadric over the used cells, of which ``residual`` is free already.
    """
    right, out, row = work[RIGHT], work[WANTED], work[ROW]
    right[:] = 0.0
    own, both, squares = 0.0, 0.0, 0.0
    for n in range(residual.size):
        if use[n] != 0:
            terms_at(points[0, n], points[1, n], work[AXIS], row)
            for i in range(QUADRIC):
                right[i] += row[i] * template[n]
            own += template[n] * template[n]
            both -= template[n] * residual[n]
            squares += residual[n] * residual[n]
    solve(work, right, QUADRIC, out)
    for i in range(QUADRIC):
        own -= out[i] * right[i]
    if own <= 0.0 or squares <= 0.0:
        return
    correlation = both / math.sqrt(own * squares)
    if correlation > found[1]:
        found[0], found[1] = both / own, correlation


@kernel("void(f8[:, ::1], u1[:, ::1], f8[:, ::1], f8[::1], f8[:, ::1], f8[:, ::1], f8[::1])")
def bump(
    points: NDArray[np.float64],
    masks: NDArray[np.uint8],
    templates: NDArray[np.float64],
    limits: NDArray[np.float64],
    work: NDArray[np.float64],
    lists: NDArray[np.float64],
    found: NDArray[np.float64],
) -> None:
    """Find which of ``templates`` (K, N) stands out of a grid's quadric most alike; write (2,) what was found.

    The template's height in mm towards the camera, and its correlation 0..1 with what the quadric leaves; 0, 0 where
    none stands out or too few cells are valid. ``limits`` (2,): the share of the valid cells that the quadric is
    fitted to, and how many mm off it is an outlier. ``masks`` (3, N): valid cells, room for those used, and the region
    that is compared; there a quadric is taken out of both sides. ``work`` and ``lists`` as for
    :func:`~livegate.kernels.surfaces.trimmed`.
    """
    found[:] = 0.0
    work[AXIS] = 0.0
    trimmed(points, masks, 1, limits[0], _ROUNDS, work, lists)
    valid, use, region, residual, count = masks[0], masks[1], masks[2], lists[0], 0
    for n in range(residual.size):
        use[n] = 1 if valid[n] != 0 and region[n] != 0 and abs(residual[n]) < limits[1] else 0
        count += use[n]
    if count < 2 * _FEWEST:
        return
    # Once more over these cells alone, so that what is left is free of every quadric.
    fit(points, use, QUADRIC, 1, work)
    residuals(points, 1, work, residual)
    for k in range(templates.shape[0]):
        _compare(points, residual, use, templates[k], work, found)
