"""Kernels that reduce what lies around a face to a small grid of cells, whatever the picture's size and the face's."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.kernels.compiled import kernel

Array = NDArray[Any]

OUTSIDE = -1.0
"""The value of a cell that lies outside the picture."""
MOST_SAMPLES = 4
"""Pixels a cell is averaged over along each side, at most: enough for a mean, and a near face costs what a far one."""


@kernel()
def _samples(side: float) -> int:
    return int(min(max(np.ceil(side), 1.0), MOST_SAMPLES))


@kernel("void(u1[:, :, ::1], f8, f8, f8, f8, f4[:, :, ::1])")
def mean_cells(image: Array, left: float, top: float, width: float, height: float, out: Array) -> None:
    """Write the mean level of every cell of a rectangle into ``out``.

    Args:
        image: (H, W, C) uint8, any H and W, C-contiguous.
        left: of the rectangle, pixels, finite; it may leave the picture.
        top: of the rectangle.
        width: of the rectangle, positive.
        height: of the rectangle, positive.
        out: (rows, columns, C) float32, overwritten: levels 0..255, :data:`OUTSIDE` where no sample is in the picture.
    """
    rows, columns, channels = out.shape
    for row in range(rows):
        for column in range(columns):
            x, y = left + width * column / columns, top + height * row / rows
            across = _samples(width / columns)
            down = _samples(height / rows)
            seen = 0
            for channel in range(channels):
                out[row, column, channel] = 0.0
            for j in range(down):
                py = np.floor(y + height / rows * (j + 0.5) / down)
                if py < 0 or py >= image.shape[0]:
                    continue
                for i in range(across):
                    px = np.floor(x + width / columns * (i + 0.5) / across)
                    if px < 0 or px >= image.shape[1]:
                        continue
                    seen += 1
                    for channel in range(channels):
                        out[row, column, channel] += image[int(py), int(px), channel]
            for channel in range(channels):
                out[row, column, channel] = out[row, column, channel] / seen if seen else OUTSIDE


@kernel("void(u2[:, ::1], f8, f8, f8, f8, f8, f4[:, ::1])")
def depth_cells(
    image: Array, left: float, top: float, width: float, height: float, together: float, out: Array
) -> None:
    """Write the depth of every cell of a rectangle into ``out``.

    It is the mean of what lies together with the return nearest to the cell's middle: the mean of a face and the wall
    behind it would be neither.

    Args:
        image: (H, W) uint16 mm, 0 = no return, C-contiguous.
        left: of the rectangle, pixels, finite; it may leave the picture.
        top: of the rectangle.
        width: of the rectangle, positive.
        height: of the rectangle, positive.
        together: how far apart returns of one surface lie at most, mm.
        out: (rows, columns) float32, overwritten: mm, 0 without a return, :data:`OUTSIDE` outside the picture.
    """
    rows, columns = out.shape
    across, down = _samples(width / columns), _samples(height / rows)
    for row in range(rows):
        for column in range(columns):
            x, y = left + width * column / columns, top + height * row / rows
            nearest, best, inside = 0.0, np.inf, 0
            total, members = 0.0, 0
            for turn in range(2):
                for j in range(down):
                    py = np.floor(y + height / rows * (j + 0.5) / down)
                    if py < 0 or py >= image.shape[0]:
                        continue
                    for i in range(across):
                        px = np.floor(x + width / columns * (i + 0.5) / across)
                        if px < 0 or px >= image.shape[1]:
                            continue
                        inside += 1
                        here = float(image[int(py), int(px)])
                        if here == 0.0:
                            continue
                        away = abs((j + 0.5) / down - 0.5) + abs((i + 0.5) / across - 0.5)
                        if turn == 0 and away < best:
                            nearest, best = here, away
                        elif turn == 1 and abs(here - nearest) <= together:
                            total += here
                            members += 1
            out[row, column] = total / members if members else (0.0 if inside else OUTSIDE)
