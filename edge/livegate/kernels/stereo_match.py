"""Disparity of single places between two rectified pictures, at sub-pixel accuracy, by normalised correlation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.kernels.compiled import kernel

_HALF = 4
"""Half the side of a window, in pixels."""
_COUNT = np.float32((2 * _HALF + 1) ** 2)
# Below this variance (grey levels squared) a window is noise alone.
_LEAST_VARIANCE = np.float32(4.0)
_AGREE_PX = 1.0


@kernel()
def _correlation(a: Any, b: Any, row: int, row_b: int, column: int, column_b: int) -> float:
    """Return the normalised correlation of two windows, -1 where one leaves its picture or has no texture."""
    inside = (
        _HALF <= row < a.shape[0] - _HALF
        and _HALF <= row_b < b.shape[0] - _HALF
        and _HALF <= column < a.shape[1] - _HALF
        and _HALF <= column_b < b.shape[1] - _HALF
    )
    if not inside:
        return -1.0
    zero = np.float32(0.0)
    sum_a, sum_b, sum_aa, sum_bb, sum_ab = zero, zero, zero, zero, zero
    for i in range(-_HALF, _HALF + 1):
        for j in range(-_HALF, _HALF + 1):
            va, vb = a[row + i, column + j], b[row_b + i, column_b + j]
            sum_a += va
            sum_b += vb
            sum_aa += va * va
            sum_bb += vb * vb
            sum_ab += va * vb
    variance_a = sum_aa / _COUNT - (sum_a / _COUNT) ** 2
    variance_b = sum_bb / _COUNT - (sum_b / _COUNT) ** 2
    if variance_a < _LEAST_VARIANCE or variance_b < _LEAST_VARIANCE:
        return -1.0
    return float((sum_ab / _COUNT - sum_a * sum_b / (_COUNT * _COUNT)) / math.sqrt(variance_a * variance_b))


@kernel()
def _search(a: Any, b: Any, place: Any, towards: int, span: Any, found: Any) -> None:
    """Search along a row of ``b`` for the window at ``place`` (row, column, row in b) of ``a``.

    ``towards`` is -1 from the left picture to the right one, 1 back; ``span`` the first and last disparity. ``found``
    gets the disparity and its correlation; -1 as correlation where the best lies at an end, so is no maximum.
    """
    found[0], found[1] = 0.0, -1.0
    best, before_best, after_best, previous = -1.0, -1.0, -1.0, -1.0
    at = span[0] - 1
    for disparity in range(span[0], span[1] + 1):
        value = _correlation(a, b, place[0], place[2], place[1], place[1] + towards * disparity)
        if value > best:
            best, before_best, after_best, at = value, previous, -1.0, disparity
        elif disparity == at + 1:
            after_best = value
        previous = value
    if before_best <= -1.0 or after_best <= -1.0:
        return
    bend = before_best - 2.0 * best + after_best
    found[0] = at + (0.5 * (before_best - after_best) / bend if bend < 0.0 else 0.0)
    found[1] = best


@kernel("void(f4[:, ::1], f4[:, ::1], i8[:, ::1], i8[::1], f8, f8[:, ::1], f8[:, ::1])")
def match_places(
    left: NDArray[np.float32],
    right: NDArray[np.float32],
    places: NDArray[np.int64],
    span: NDArray[np.int64],
    least: float,
    found: NDArray[np.float64],
    scratch: NDArray[np.float64],
) -> None:
    """Write disparity (pixels, left column minus right column) and correlation of every place, (N, 2).

    ``places`` (N, 2) are row and column in ``left``; ``span`` (3,) the first and last disparity to try and how many
    rows lower the same lies in ``right``. A match counts where its correlation is at least ``least`` and the search
    back from the right picture comes within a pixel; others get a correlation of 0. ``scratch`` (1, 2).
    """
    for n in range(places.shape[0]):
        row, column = places[n, 0], places[n, 1]
        _search(left, right, (row, column, row + span[2]), -1, span, found[n])
        if found[n, 1] < least:
            found[n, 1] = 0.0
            continue
        back = math.floor(column - found[n, 0] + 0.5)
        _search(right, left, (row + span[2], back, row), 1, span, scratch[0])
        if scratch[0, 1] < least or abs(scratch[0, 0] - found[n, 0]) > _AGREE_PX:
            found[n, 1] = 0.0
