"""How blurred a picture is, told without another to compare it with: by blurring it again, and by its edges' widths.

Both count whole grey levels, so they are exact, and the same on every machine.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.kernels.compiled import kernel

TAPS = 9
"""The length of the mean that a picture is blurred again with."""
EDGE_OVER_MEAN = 4
"""An edge's squared slope is at least this many times the picture's mean squared slope."""

_REACH = TAPS // 2


@kernel("void(u1[:, :, ::1], u1[:, ::1])")
def luma(planes: NDArray[np.uint8], out: NDArray[np.uint8]) -> None:
    """Write the brightness of ``planes`` (3, H, W), in B, G, R order, into ``out`` (H, W): ITU-R BT.601, rounded."""
    for y in range(out.shape[0]):
        blue, green, red, row = planes[0, y], planes[1, y], planes[2, y], out[y]
        for x in range(row.shape[0]):
            weighed = (
                np.uint32(29) * np.uint32(blue[x])
                + np.uint32(150) * np.uint32(green[x])
                + np.uint32(77) * np.uint32(red[x])
            )
            row[x] = np.uint8((weighed + np.uint32(128)) >> np.uint32(8))


@kernel()
def _lost(before: Any, here: Any, behind: Any, ahead: Any) -> Any:
    """Return what steps from ``before`` to ``here`` come to, and what of them is lost, in ninths of a grey level.

    The difference of two neighbouring means of nine is that of the two ends that they do not share, over nine.
    """
    steps, lost = np.int32(0), np.int32(0)
    for x in range(here.shape[0]):
        step = abs(np.int32(here[x]) - np.int32(before[x])) * np.int32(TAPS)
        steps += step
        lost += max(step - abs(np.int32(ahead[x]) - np.int32(behind[x])), np.int32(0))
    return steps, lost


@kernel("f8(u1[:, ::1])")
def reblur(grey: NDArray[np.uint8]) -> float:
    """Return how blurred ``grey`` (H, W) is, 0..1: the share of its steps that a second blur leaves, the larger way.

    Crete, Dolmière, Ladret, Nicolas, *The blur effect* (2007), with a mean of nine along rows and along columns. Only
    steps whose both means lie in the picture count; 1 where there are none, as on a picture of one value.
    """
    rows, columns = grey.shape
    across = lost_across = down = lost_down = np.int64(0)
    for y in range(rows):
        row = grey[y]
        if columns > TAPS:
            steps, lost = _lost(
                row[_REACH : columns - TAPS + _REACH],
                row[_REACH + 1 : columns - TAPS + _REACH + 1],
                row[: columns - TAPS],
                row[TAPS:],
            )
            across, lost_across = across + steps, lost_across + lost
        if _REACH < y < rows - _REACH:
            steps, lost = _lost(grey[y - 1], row, grey[y - _REACH - 1], grey[y + _REACH])
            down, lost_down = down + steps, lost_down + lost
    kept_across = (across - lost_across) / across if across > 0 else 1.0
    kept_down = (down - lost_down) / down if down > 0 else 1.0
    return max(kept_across, kept_down)


@kernel()
def _slopes(above: Any, row: Any, below: Any, slopes: Any) -> Any:
    """Write Sobel's slope along a row, 0 at its ends, and return the sum of its squares."""
    last = row.shape[0] - 1
    slopes[0] = slopes[last] = np.int16(0)
    squares = np.int64(0)
    for x in range(1, last):
        left = np.int32(above[x - 1]) + np.int32(2) * np.int32(row[x - 1]) + np.int32(below[x - 1])
        right = np.int32(above[x + 1]) + np.int32(2) * np.int32(row[x + 1]) + np.int32(below[x + 1])
        slope = right - left
        slopes[x] = np.int16(slope)
        squares += np.int64(slope * slope)
    return squares


@kernel()
def _width(row: Any, x: int, rises: bool) -> int:
    """Return how many pixels the brightness goes on rising (or falling) through ``x``."""
    first = last = x
    if rises:
        while first > 0 and row[first - 1] < row[first]:
            first -= 1
        while last < row.shape[0] - 1 and row[last + 1] > row[last]:
            last += 1
    else:
        while first > 0 and row[first - 1] > row[first]:
            first -= 1
        while last < row.shape[0] - 1 and row[last + 1] < row[last]:
            last += 1
    return last - first


@kernel("f8(u1[:, ::1], i2[:, ::1])")
def edge_width(grey: NDArray[np.uint8], slopes: NDArray[np.int16]) -> float:
    """Return the mean width in pixels of the upright edges of ``grey`` (H, W); 0 where there is none.

    Marziliano, Dufaux, Winkler, Ebrahimi, *A no-reference perceptual blur metric* (2002): an edge is a pixel whose
    slope along its row is the steepest about it and well above the picture's; its width is the distance of the places
    where its rise or fall begins and ends. ``slopes`` (H, W) is worked in; H and W at least 3.
    """
    rows, columns = grey.shape
    squares = np.int64(0)
    for y in range(1, rows - 1):
        squares += _slopes(grey[y - 1], grey[y], grey[y + 1], slopes[y])
    count = np.int64((rows - 2) * columns)
    edges = widths = np.int64(0)
    for y in range(1, rows - 1):
        row, slope = grey[y], slopes[y]
        for x in range(1, columns - 1):
            here = np.int64(slope[x])
            square = here * here
            if square == 0 or square * count < EDGE_OVER_MEAN * squares:
                continue
            sign = np.int32(1) if here > 0 else np.int32(-1)
            steep = sign * np.int32(slope[x])
            if sign * np.int32(slope[x - 1]) < steep and sign * np.int32(slope[x + 1]) <= steep:
                edges += 1
                widths += _width(row, x, here > 0)
    return widths / edges if edges > 0 else 0.0
