"""A surface without holes out of a depth map with some: each hole gets the distance of what is nearest around it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.kernels.compiled import kernel

CELL = 16
"""Side of a cell in pixels."""
_STRIDE = 2
# So many of a cell's 64 samples make a surface; one or two are flying pixels.
_LEAST = 4
# Depths within this share of a cell's nearest belong to that surface, further ones to what is behind.
_SURFACE = np.float32(1.08)
# How many cells a surface reaches into the unknown: a hand's breadth at a face's distance.
_REACH = 4


@kernel()
def _cell(depth: Any, top: int, left: int) -> Any:
    """Return the mean depth of the nearest surface in a cell, 0 where too little returned."""
    bottom, right = min(top + CELL, depth.shape[0]), min(left + CELL, depth.shape[1])
    nearest, seen = np.uint16(65535), 0
    for y in range(top, bottom, _STRIDE):
        for x in range(left, right, _STRIDE):
            value = depth[y, x]
            if value > 0:
                seen += 1
                nearest = value if value < nearest else nearest
    if seen < _LEAST:
        return np.uint16(0)
    most = np.uint16(min(np.float32(nearest) * _SURFACE, np.float32(65535)))
    total, count = np.int64(0), 0
    for y in range(top, bottom, _STRIDE):
        for x in range(left, right, _STRIDE):
            value = depth[y, x]
            if value > 0 and value <= most:
                total += np.int64(value)
                count += 1
    return np.uint16((total + count // 2) // count)


@kernel()
def _grow(cells: Any, grown: Any) -> None:
    """Give every empty cell the nearest distance among its eight neighbours."""
    rows, columns = cells.shape
    for y in range(rows):
        for x in range(columns):
            grown[y, x] = cells[y, x]
            if cells[y, x] == 0:
                for j in range(max(y - 1, 0), min(y + 2, rows)):
                    for i in range(max(x - 1, 0), min(x + 2, columns)):
                        value = cells[j, i]
                        if value > 0 and (grown[y, x] == 0 or value < grown[y, x]):
                            grown[y, x] = value


@kernel("void(uint16[:,::1], uint16, uint16[:,:,::1], uint16[:,::1])")
def fill(depth: NDArray[np.uint16], nominal_mm: int, cells: NDArray[np.uint16], out: NDArray[np.uint16]) -> None:
    """Write ``depth`` (H, W), in mm, without its holes (0) into ``out`` (H, W).

    A hole gets the mean depth of the nearest surface in its cell of CELL x CELL pixels, or in the nearest of the cells
    up to four away that have one, else ``nominal_mm``. ``cells`` (2, ceil(H / CELL), ceil(W / CELL)) is worked in.
    """
    rows, columns = cells.shape[1], cells.shape[2]
    for y in range(rows):
        for x in range(columns):
            cells[0, y, x] = _cell(depth, y * CELL, x * CELL)
    for step in range(_REACH):
        _grow(cells[step % 2], cells[(step + 1) % 2])
    grown = cells[_REACH % 2]
    for y in range(depth.shape[0]):
        for x in range(depth.shape[1]):
            value = depth[y, x]
            if value == 0:
                value = grown[y // CELL, x // CELL]
            out[y, x] = value if value > 0 else np.uint16(nominal_mm)
