"""Dense upright SURF: what brightness does around every point of a regular grid (Bay, Ess, Tuytelaars, Van Gool 2008).

Section 4 of the paper, upright (U-SURF): a window of 20 scales, 4 by 4 parts of 5 by 5 samples, Haar wavelets of two
scales from an integral image, weighted by a Gaussian of 3.3 scales about the point; of each part the sums of dx, dy,
abs(dx), abs(dy); 64 numbers of length 1. The Gaussian is a product of one along rows and one along columns, so the
sums are taken first down and then across, and neighbouring points share the first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.kernels.compiled import kernel

PARTS, SAMPLES, SUMS = 4, 5, 4
"""Parts along each side of the window, samples along each side of a part, and sums of each part."""
NUMBERS = PARTS * PARTS * SUMS
_TAPS = PARTS * SAMPLES
_LANES = PARTS * SUMS
_FALL = 3.3
# Left of its point the first sample lies this many scales, its wavelet's outer half one more.
_BEFORE = _TAPS // 2
_GAUSSIAN = np.exp(-((np.arange(_TAPS) - (_TAPS - 1) / 2) ** 2) / (2 * _FALL**2)).astype(np.float32)
_ZERO, _ONE = np.float32(0), np.float32(1)


def margin(scale: int) -> int:
    """Return how many pixels beyond the picture's edge a window may reach at a scale."""
    return (_BEFORE + 1) * scale


def scratch(height: int, width: int, scale: int) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
    """Return the three arrays :func:`dense_surf` works in for pictures of this size."""
    rows, columns = height + 2 * margin(scale) + 1, width + 2 * margin(scale) + 1
    integral = np.zeros((rows, columns), np.int32)
    # Below the responses there is room for their sums down each part, below the lanes for one window.
    responses = np.zeros((SUMS, rows + PARTS, columns), np.float32)
    return integral, responses, np.zeros((columns + PARTS + 1, _LANES), np.float32)


@kernel()
def _sum_up(plane: Any, beyond: int, integral: Any) -> None:
    """Write the integral image of a plane whose edge is repeated ``beyond`` times; its first row and column are 0."""
    height, width = plane.shape
    for y in range(integral.shape[0] - 1):
        row = plane[min(max(y - beyond, 0), height - 1)]
        total = np.int32(0)
        for x in range(integral.shape[1] - 1):
            total += np.int32(row[min(max(x - beyond, 0), width - 1)])
            integral[y + 1, x + 1] = integral[y, x + 1] + total


@kernel()
def _haar(integral: Any, scale: int, responses: Any) -> None:
    """Write dx, dy and their amounts at every corner of four pixels that has ``scale`` pixels on all sides."""
    dx, dy, ax, ay = responses[0], responses[1], responses[2], responses[3]
    count = integral.shape[1] - 2 * scale
    for y in range(scale, integral.shape[0] - scale):
        above, level, below = integral[y - scale], integral[y], integral[y + scale]
        for x in range(scale, scale + count):
            # Sums of the four quarters about the corner.
            left = below[x] - above[x] - below[x - scale] + above[x - scale]
            right = below[x + scale] - above[x + scale] - below[x] + above[x]
            upper = level[x + scale] - above[x + scale] - level[x - scale] + above[x - scale]
            dx[y, x] = np.float32(right - left)
            dy[y, x] = np.float32(left + right - upper - upper)
        for x in range(scale, scale + count):
            ax[y, x], ay[y, x] = abs(dx[y, x]), abs(dy[y, x])


@kernel()
def _sum_down(responses: Any, first: int, scale: int, lanes: Any) -> None:
    """Write the sums over the rows of each part, for every column, into ``lanes`` (columns, parts * sums)."""
    below, columns = responses.shape[1] - PARTS, responses.shape[2]
    for part in range(PARTS):
        for kind in range(SUMS):
            total = responses[kind, below + part]
            total[:] = _ZERO
            for sample in range(SAMPLES):
                tap = part * SAMPLES + sample
                weight, row = _GAUSSIAN[tap], responses[kind, first + tap * scale]
                for x in range(columns):
                    total[x] += weight * row[x]
            for x in range(columns):
                lanes[x, part * SUMS + kind] = total[x]


@kernel()
def _sum_across(lanes: Any, first: int, scale: int, sums: Any) -> None:
    """Write the sums of the parts of one window into ``sums`` (parts across, parts down * sums)."""
    for part in range(PARTS):
        total = sums[part]
        total[:] = _ZERO
        for sample in range(SAMPLES):
            tap = part * SAMPLES + sample
            weight, column = _GAUSSIAN[tap], lanes[first + tap * scale]
            for lane in range(_LANES):
                total[lane] += weight * column[lane]


@kernel()
def _of_length_one(sums: Any, squares: Any, out: Any) -> None:
    """Write the sums in the paper's order, part by part and row by row, divided by their length; zeros stay."""
    squares[:] = _ZERO
    for part in range(PARTS):
        for lane in range(_LANES):
            squares[lane] += sums[part, lane] * sums[part, lane]
    square = _ZERO
    for lane in range(_LANES):
        square += squares[lane]
    factor = _ONE / np.sqrt(square) if square > _ZERO else _ZERO
    for part in range(PARTS):
        for lane in range(_LANES):
            row, kind = lane // SUMS, lane % SUMS
            out[(row * PARTS + part) * SUMS + kind] = sums[part, lane] * factor


@kernel("void(u1[:, :, ::1], i8, i8, i4[:, ::1], f4[:, :, ::1], f4[:, ::1], f4[:, :, :, ::1])")
def dense_surf(
    planes: NDArray[np.uint8],
    step: int,
    scale: int,
    integral: NDArray[np.int32],
    responses: NDArray[np.float32],
    lanes: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Write the descriptors of all points of a grid, of every plane, into ``out``.

    Args:
        planes: (P, H, W) uint8, C-contiguous; beyond their edge it is repeated.
        step: pixels between points, at least 1; the first lies on pixel (0, 0).
        scale: pixels between samples, at least 1.
        integral: the first array of :func:`scratch`.
        responses: the second.
        lanes: the third.
        out: (ceil(H / step), ceil(W / step), P, 64) float32, overwritten: of length 1, 0 where nothing changes.
    """
    beyond = (_BEFORE + 1) * scale
    # A point is the middle of its pixel, wavelets stand on corners: half a scale is made up for by whole pixels.
    start = beyond - _BEFORE * scale + (scale + 1) // 2
    columns = lanes.shape[0] - PARTS - 1
    sums, squares = lanes[columns : columns + PARTS], lanes[columns + PARTS]
    for plane in range(planes.shape[0]):
        _sum_up(planes[plane], beyond, integral)
        _haar(integral, scale, responses)
        for row in range(out.shape[0]):
            _sum_down(responses, start + row * step, scale, lanes)
            for column in range(out.shape[1]):
                _sum_across(lanes, start + column * step, scale, sums)
                _of_length_one(sums, squares, out[row, column, plane])
