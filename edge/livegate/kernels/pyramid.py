"""How often each pattern occurs in a picture, in its quarters and in its sixteenths (Lazebnik, Schmid, Ponce 2006)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.kernels.compiled import kernel

FINEST = 4
"""Cells along each side of the finest level."""
CELLS = 1 + 4 + FINEST * FINEST
_QUARTERS, _SIXTEENTHS = 1, 5


@kernel()
def _finest(names: Any, border: int, counts: Any) -> None:
    """Count into the sixteenths of one plane, whose counts are 0."""
    height, width = names.shape
    for i in range(border, height - border):
        for across in range(FINEST):
            first, last = across * width // FINEST, (across + 1) * width // FINEST
            cell = counts[_SIXTEENTHS + i * FINEST // height * FINEST + across]
            for name in names[i, max(first, border) : min(last, width - border)]:
                cell[name] += np.int32(1)


@kernel()
def _gather(counts: Any) -> None:
    """Sum the sixteenths of one plane to its quarters, and these to the whole."""
    for k in range(FINEST * FINEST):
        quarter = counts[_QUARTERS + k // (2 * FINEST) * 2 + k % FINEST // 2]
        cell = counts[_SIXTEENTHS + k]
        for name in range(counts.shape[1]):
            quarter[name] += cell[name]
            counts[0, name] += cell[name]


@kernel("void(u1[:, :, ::1], i8, i4[:, :, ::1])")
def count_pyramid(names: NDArray[np.uint8], border: int, counts: NDArray[np.int32]) -> None:
    """Count the names in every cell of three levels: 1 x 1, 2 x 2, 4 x 4, row by row.

    Args:
        names: (P, H, W) uint8, each below the number of bins.
        border: how many pixels along the edges are not counted, 0 or more.
        counts: (P, CELLS, bins) int32, overwritten.
    """
    counts[:] = 0
    for p in range(names.shape[0]):
        _finest(names[p], border, counts[p])
        _gather(counts[p])


@kernel(
    "void(u1[:, :, ::1], i8[:, ::1], i4[:, :, ::1])",
    "void(u2[:, :, ::1], i8[:, ::1], i4[:, :, ::1])",
)
def count_windows(names: NDArray[Any], windows: NDArray[np.int64], counts: NDArray[np.int32]) -> None:
    """Count the names in every window, windows may overlap.

    Args:
        names: (P, H, W) uint8 or uint16, each below the number of bins.
        windows: (N, 4) first row, last row + 1, first column, last column + 1; inside the planes.
        counts: (P, N, bins) int32, overwritten.
    """
    counts[:] = 0
    for p in range(names.shape[0]):
        for n in range(windows.shape[0]):
            cell = counts[p, n]
            for i in range(windows[n, 0], windows[n, 1]):
                for name in names[p, i, windows[n, 2] : windows[n, 3]]:
                    cell[name] += np.int32(1)


@kernel("void(i4[:, ::1], f4[:, ::1])")
def rooted(counts: NDArray[np.int32], out: NDArray[np.float32]) -> None:
    """Write the square roots of ``counts`` (B, n), each row weighing the same and all squares adding up to 1.

    A row without counts becomes zeros.
    """
    for row in range(counts.shape[0]):
        total = np.int64(0)
        for k in range(counts.shape[1]):
            total += counts[row, k]
        per = np.float32(1.0 / (total * counts.shape[0]) if total > 0 else 0.0)
        for k in range(counts.shape[1]):
            out[row, k] = np.sqrt(np.float32(counts[row, k]) * per)
