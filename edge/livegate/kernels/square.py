"""A square cut out of a colour picture at any size: averaged over areas where it shrinks, bilinear where it grows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.kernels.compiled import kernel

_ZERO, _HALF = np.float32(0), np.float32(0.5)
_I1, _I2 = np.uint64(1), np.uint64(2)


@kernel()
def _sum_rows(image: Any, centre: float, half: float, first: int, sums: Any) -> None:
    """Write the weighted mean of the rows within ``half`` of ``centre``, from byte ``first`` of a row on."""
    height = image.shape[0]
    weight_of_one = 0.5 / half
    sums[:] = _ZERO
    low, high = centre - half, centre + half
    for y in range(int(np.floor(low)), int(np.ceil(high))):
        weight = np.float32((min(high, y + 1.0) - max(low, float(y))) * weight_of_one)
        row = image[min(max(y, 0), height - 1), first : first + sums.shape[0]]
        for k in range(sums.shape[0]):
            sums[k] += weight * np.float32(row[k])


@kernel()
def _sum_columns(sums: Any, left: float, step: float, columns: Any, out: Any) -> None:
    """Write a row of ``out`` (3, side) from the row sums of the picture's columns ``columns``: first and last + 1."""
    half = max(step, 1.0) / 2.0
    whole = np.float32(0.5 / half)
    for j in range(out.shape[1]):
        centre = left + (j + 0.5) * step
        low, high = centre - half, centre + half
        begin, end = int(np.floor(low)), int(np.ceil(high))
        blue, green, red = _HALF, _HALF, _HALF
        for x in range(begin, end):
            # Whole pixels but for the first and the last.
            weight = whole
            if x == begin or x == end - 1:
                weight = np.float32((min(high, x + 1.0) - max(low, float(x))) * 0.5 / half)
            k = np.uint64(3 * (min(max(x, columns[0]), columns[1] - 1) - columns[0]))
            blue += weight * sums[k]
            green += weight * sums[k + _I1]
            red += weight * sums[k + _I2]
        out[0, j], out[1, j], out[2, j] = np.uint8(blue), np.uint8(green), np.uint8(red)


@kernel("void(u1[:, ::1], f8, f8, f8, f4[::1], u1[:, :, ::1])")
def cut_square(
    image: NDArray[np.uint8],
    left: float,
    top: float,
    side: float,
    sums: NDArray[np.float32],
    out: NDArray[np.uint8],
) -> None:
    """Write a square of ``image`` into ``out`` (3, n, n), plane by plane; where it leaves the picture its edge goes on.

    Args:
        image: (H, 3 W) uint8, three channels beside each other, H and W at least 1, C-contiguous.
        left: of the square, in pixels, finite.
        top: of the square.
        side: of the square, positive; the work grows with its square.
        sums: (3 W,) float32, worked in.
        out: (3, n, n) uint8, overwritten: the mean over the part of the picture under each pixel, at least 1 x 1.
    """
    width = image.shape[1] // 3
    step = side / out.shape[1]
    half = max(step, 1.0) / 2.0
    first = min(max(int(np.floor(left + 0.5 * step - half)), 0), width - 1)
    last = min(max(int(np.ceil(left + side - 0.5 * step + half)), first + 1), width)
    seen = sums[: 3 * (last - first)]
    for i in range(out.shape[1]):
        _sum_rows(image, top + (i + 0.5) * step, half, 3 * first, seen)
        _sum_columns(seen, left, step, (first, last), out[:, i])
