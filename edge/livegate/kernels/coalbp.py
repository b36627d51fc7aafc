"""Co-occurrence of adjacent local binary patterns (Nosaka, Ohkawa, Fukui 2011), '+' configuration."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.kernels.compiled import kernel

PATTERNS = 16
DIRECTIONS = 4
PAIRS = DIRECTIONS * PATTERNS * PATTERNS
_U = np.uint8


@kernel()
def _row(plane: Any, row: int, scale: int, out: Any) -> None:
    """Write the patterns of one row's inner pixels: which of the right, upper, left and lower are brighter."""
    width = out.shape[0]
    middle = plane[row, scale : scale + width]
    right, left = plane[row, 2 * scale : 2 * scale + width], plane[row, :width]
    above, below = plane[row - scale, scale : scale + width], plane[row + scale, scale : scale + width]
    for c in range(width):
        v = middle[c]
        code = _U(right[c] > v) | _U(above[c] > v) << _U(1) | _U(left[c] > v) << _U(2) | _U(below[c] > v) << _U(3)
        out[c] = code


@kernel()
def _pairs(firsts: Any, seconds: Any, counts: Any) -> None:
    for c in range(firsts.shape[0]):
        counts[(firsts[c] << _U(4)) | seconds[c]] += np.int32(1)


@kernel("void(u1[:, :, ::1], i8, i8, u1[:, ::1], i4[:, ::1])")
def count_pairs(
    planes: NDArray[np.uint8], scale: int, distance: int, patterns: NDArray[np.uint8], counts: NDArray[np.int32]
) -> None:
    """Count which pattern lies ``distance`` pixels right, lower right, below and lower left of which.

    Args:
        planes: (P, H, W) uint8.
        scale: how far the four neighbours of a pattern are, at least 1; a pattern exists where all four do.
        distance: between the two patterns of a pair, along rows and columns, at least 1.
        patterns: (H, W) uint8, worked in.
        counts: (P, PAIRS) int32, overwritten: direction, then 16 * first pattern + second.
    """
    height, width = planes.shape[1] - 2 * scale, planes.shape[2] - 2 * scale
    counts[:] = 0
    if height <= 0 or width <= 0:
        return
    found, side, many = patterns[:height, :width], max(width - distance, 0), PATTERNS * PATTERNS
    for p in range(planes.shape[0]):
        own = counts[p]
        for r in range(height):
            _row(planes[p], r + scale, scale, found[r])
        for r in range(height):
            _pairs(found[r, :side], found[r, width - side :], own[:many])
        for r in range(height - distance):
            row, other = found[r], found[r + distance]
            _pairs(row[:side], other[width - side :], own[many : 2 * many])
            _pairs(row, other, own[2 * many : 3 * many])
            _pairs(row[width - side :], other[:side], own[3 * many :])
