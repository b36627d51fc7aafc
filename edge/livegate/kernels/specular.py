"""What of a picture's light is the lamp's own colour, mirrored by a surface, and what the surface gave its colour.

Yang, Wang, Ahuja, *Real-time specular highlight removal using bilateral filtering* (ECCV 2010), under the dichromatic
model and white light. The joint bilateral filter is a bilateral grid (Chen, Paris, Durand, *Real-time edge-aware image
processing with the bilateral grid*, 2007) of the paper's spreads: a quarter of the picture, and 0.04 of chromaticity.
Ours [R]: bright pixels count more, for a dark pixel's chromaticity is noise; and a pixel without any colour, of which
the paper says nothing, is held against all that lies about it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.kernels.compiled import kernel

QUARTERS = 4
LEVELS = 14
"""Levels of chromaticity of the grid: half to one in steps of 0.04, and one beyond."""
GRID = (QUARTERS + 1, QUARTERS + 1, LEVELS + 1, 2)
"""The shape of the grid: rows, columns, levels and a last one for all of them; weights and weighted sums."""
ROUNDS = 4
"""The filter is repeated this often at most; the paper saw two to three suffice."""

_RANGE, _SETTLED = np.float32(0.04), np.float32(0.03)
_ZERO, _ONE, _HALF, _THIRD = np.float32(0), np.float32(1), np.float32(0.5), np.float32(1 / 3)
_TWO, _THREE, _FOUR = np.float32(2), np.float32(3), np.float32(4)
# Rounding and noise alone make chromaticities differ by this much, so less colour than that has no hue.
_COLOURLESS = np.float32(0.03)


@kernel()
def _chromaticities(planes: Any, guide: Any, highest: Any) -> None:
    """Write each pixel's highest chromaticity, and the same of its colour less any white: 0 where that is nothing."""
    for y in range(guide.shape[0]):
        for x in range(guide.shape[1]):
            b, g, r = np.float32(planes[0, y, x]), np.float32(planes[1, y, x]), np.float32(planes[2, y, x])
            high, low, total = max(b, g, r), min(b, g, r), b + g + r
            highest[y, x] = high / total if total > _ZERO else _THIRD
            coloured = total - _THREE * low
            guide[y, x] = (high - low) / coloured if coloured > _COLOURLESS * total else _ZERO


@kernel()
def _along(place: int, size: int) -> Any:
    """Return where the middle of a pixel lies in a grid of quarters."""
    return (np.float32(place) + _HALF) / np.float32(size) * _FOUR


@kernel()
def _gather(planes: Any, guide: Any, highest: Any, grid: Any) -> None:
    """Give each coloured pixel, as heavy as it is bright, to the eight cells of the grid about it."""
    rows, columns = guide.shape
    grid[:] = _ZERO
    for y in range(rows):
        v = _along(y, rows)
        top = int(v)
        down = v - np.float32(top)
        for x in range(columns):
            if guide[y, x] <= _ZERO:
                continue
            u = _along(x, columns)
            left = int(u)
            across = u - np.float32(left)
            w = (guide[y, x] - _HALF) / _RANGE
            level = int(w)
            up = w - np.float32(level)
            bright = np.float32(planes[0, y, x]) + np.float32(planes[1, y, x]) + np.float32(planes[2, y, x])
            for i in range(2):
                row_share = bright * (down if i else _ONE - down)
                for j in range(2):
                    cell = grid[top + i, left + j]
                    share = row_share * (across if j else _ONE - across)
                    upper = share * up
                    lower = share - upper
                    cell[level, 0] += lower
                    cell[level, 1] += lower * highest[y, x]
                    cell[level + 1, 0] += upper
                    cell[level + 1, 1] += upper * highest[y, x]


@kernel()
def _blur_line(line: Any) -> None:
    """Blur a line of (cells, 2) by 1-2-1 in place; beyond its ends there is nothing."""
    for k in range(2):
        before = _ZERO
        for n in range(line.shape[0]):
            here = line[n, k]
            after = line[n + 1, k] if n + 1 < line.shape[0] else _ZERO
            line[n, k] = (before + _TWO * here + after) / _FOUR
            before = here


@kernel()
def _blur(grid: Any) -> None:
    """Blur the grid along its three ways, and sum up its levels in the last."""
    for i in range(grid.shape[0]):
        for j in range(grid.shape[1]):
            _blur_line(grid[i, j, :LEVELS])
    for level in range(LEVELS):
        for i in range(grid.shape[0]):
            _blur_line(grid[i, :, level])
        for j in range(grid.shape[1]):
            _blur_line(grid[:, j, level])
    for i in range(grid.shape[0]):
        for j in range(grid.shape[1]):
            for k in range(2):
                total = _ZERO
                for level in range(LEVELS):
                    total += grid[i, j, level, k]
                grid[i, j, LEVELS, k] = total


@kernel()
def _raise(guide: Any, grid: Any, highest: Any) -> Any:
    """Raise each pixel's highest chromaticity to the mean of those of its colour about it; return by how much most."""
    rows, columns = guide.shape
    most = _ZERO
    for y in range(rows):
        v = _along(y, rows)
        top = int(v)
        down = v - np.float32(top)
        for x in range(columns):
            u = _along(x, columns)
            left = int(u)
            across = u - np.float32(left)
            level, above, up = LEVELS, LEVELS, _ZERO
            if guide[y, x] > _ZERO:
                w = (guide[y, x] - _HALF) / _RANGE
                level = int(w)
                above, up = level + 1, w - np.float32(level)
            weight, mean = _ZERO, _ZERO
            for i in range(2):
                row_share = down if i else _ONE - down
                for j in range(2):
                    cell = grid[top + i, left + j]
                    share = row_share * (across if j else _ONE - across)
                    weight += share * (cell[level, 0] + up * (cell[above, 0] - cell[level, 0]))
                    mean += share * (cell[level, 1] + up * (cell[above, 1] - cell[level, 1]))
            if weight > _ZERO:
                by = mean / weight - highest[y, x]
                if by > _ZERO:
                    highest[y, x] += by
                    most = max(most, by)
    return most


@kernel("void(u1[:, :, ::1], u1[:, :, ::1])")
def halve(planes: NDArray[np.uint8], out: NDArray[np.uint8]) -> None:
    """Write ``planes`` (C, 2 H, 2 W) at half their size into ``out`` (C, H, W): means of four pixels, rounded."""
    for c in range(out.shape[0]):
        for y in range(out.shape[1]):
            upper, lower, row = planes[c, 2 * y], planes[c, 2 * y + 1], out[c, y]
            for x in range(row.shape[0]):
                left = np.uint32(upper[2 * x]) + np.uint32(lower[2 * x])
                right = np.uint32(upper[2 * x + 1]) + np.uint32(lower[2 * x + 1])
                row[x] = np.uint8((left + right + np.uint32(2)) >> np.uint32(2))


@kernel("void(u1[:, :, ::1], f4[:, ::1], f4[:, ::1], f4[:, :, :, ::1], f4[:, ::1])")
def specular_part(
    planes: NDArray[np.uint8],
    guide: NDArray[np.float32],
    highest: NDArray[np.float32],
    grid: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Write into ``out`` (H, W) how much of each channel of ``planes`` (3, H, W) is mirrored light, 0..255.

    It is no more than the least of the three channels, and 0 where nothing about has any colour to tell it from.
    ``guide`` (H, W), ``highest`` (H, W) and ``grid`` (of shape :data:`GRID`) are worked in; ``highest`` is left as the
    highest chromaticity of what the surface coloured.
    """
    _chromaticities(planes, guide, highest)
    for _ in range(ROUNDS):
        _gather(planes, guide, highest, grid)
        _blur(grid)
        if _raise(guide, grid, highest) < _SETTLED:
            break
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            b, g, r = np.float32(planes[0, y, x]), np.float32(planes[1, y, x]), np.float32(planes[2, y, x])
            beyond_grey = _THREE * highest[y, x] - _ONE
            mirrored = _ZERO
            if beyond_grey > _COLOURLESS:
                mirrored = (highest[y, x] * (b + g + r) - max(b, g, r)) / beyond_grey
            out[y, x] = min(max(mirrored, _ZERO), b, g, r)


@kernel("void(f4[:, ::1], f8, f8, f8[::1])")
def spots(part: NDArray[np.float32], low: float, high: float, out: NDArray[np.float64]) -> None:
    """Write share, mean and deviation of what of ``part`` (H, W) lies in [low, high) times its mean into ``out`` (3,).

    All three are 0 where nothing does.
    """
    total = 0.0
    for y in range(part.shape[0]):
        for x in range(part.shape[1]):
            total += float(part[y, x])
    mean = total / (part.shape[0] * part.shape[1])
    count, inside, squares = 0, 0.0, 0.0
    for turn in range(2):
        usual = inside / count if count > 0 else 0.0
        for y in range(part.shape[0]):
            for x in range(part.shape[1]):
                value = float(part[y, x])
                if low * mean <= value < high * mean:
                    if turn == 0:
                        count += 1
                        inside += value
                    else:
                        squares += (value - usual) ** 2
    out[:] = 0.0
    if count > 0:
        out[0], out[1] = count / (part.shape[0] * part.shape[1]), inside / count
        out[2] = np.sqrt(squares / count)
