"""Find windows that look like a face: trees that compare two pixels at a time, over all places and scales.

After Markuš, Frljak, Pandžić, Ahlberg, Forchheimer: Object Detection with Pixel Intensity Comparisons Organized in
Decision Trees, 2013, a sum of trees that is given up as soon as it falls too low. The comparison is that of Liao, Jain
and Li: A Fast and Accurate Unconstrained Face Detector, PAMI 2016: the difference of two pixels over their sum, against
a threshold, so that neither gain nor exposure counts; here in whole numbers, and blunted where both are dark.

A picture becomes a stack of grey levels, each smaller than the one before, in one array of rows of one width: so a
comparison is the same two offsets in every level. Each level has a margin that repeats its edge.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livegate.kernels.compiled import kernel
from livegate.kernels.tree_shape import CONTRAST_STEPS, DARK, DEPTH, NODES

_ONE, _HALF = np.float32(1), np.float32(0.5)
# What stands where in a node.
_FIRST, _SECOND, _LEAST = np.uint32(0), np.uint32(1), np.uint32(2)


@kernel("void(uint8[:,:,::1], int64, int64, uint16[::1])")
def _grey_row(image: NDArray[np.uint8], y: int, width: int, out: NDArray[np.uint16]) -> None:
    """Write the brightness of row ``y`` times 256 (ITU-R BT.601) into ``out`` (W,)."""
    for x in range(width):
        blue, green, red = np.uint16(image[y, x, 0]), np.uint16(image[y, x, 1]), np.uint16(image[y, x, 2])
        out[x] = np.uint16(29) * blue + np.uint16(150) * green + np.uint16(77) * red


@kernel("void(uint16[::1], float32, float32[::1])")
def _add_row(row: NDArray[np.uint16], share: np.float32, total: NDArray[np.float32]) -> None:
    for x in range(total.shape[0]):
        total[x] += share * np.float32(row[x])


@kernel("void(float32[::1], float32, float32, uint8[::1])")
def _shrink_row(total: NDArray[np.float32], step: np.float32, scale: np.float32, out: NDArray[np.uint8]) -> None:
    """Average ``total`` (W,) over pieces of ``step`` pixels, ``scale`` times the sum, into ``out`` (w,)."""
    last = total.shape[0] - 1
    for x in range(out.shape[0]):
        left, right = np.float32(x) * step, np.float32(x + 1) * step
        first, end = int(left), min(int(right), last)
        if end <= first:
            value = total[min(first, last)] * (right - left)
        else:
            value = total[first] * (np.float32(first + 1) - left)
            for k in range(first + 1, end):
                value += total[k]
            value += total[end] * min(right - np.float32(end), _ONE)
        value = value * scale + _HALF
        out[x] = np.uint8(min(value, np.float32(255)))


@kernel("void(uint8[:,:,::1], uint8[:,::1], int64[::1], uint16[::1], float32[::1])")
def grey_level(
    image: NDArray[np.uint8],
    stack: NDArray[np.uint8],
    level: NDArray[np.int64],
    row: NDArray[np.uint16],
    total: NDArray[np.float32],
) -> None:
    """Write ``image`` (H, W, 3) B, G, R as a grey picture, averaged over areas, into a level of ``stack``.

    ``level`` (4,) is its first row and column, height and width; it is no larger than the image. ``row`` and ``total``
    (>= W,) are worked in.
    """
    top, left, height, width = level
    high, wide = image.shape[0], image.shape[1]
    down, across = np.float32(high / height), np.float32(wide / width)
    scale = np.float32(1.0 / (256.0 * down * across))
    sums, held = total[:wide], -1
    for y in range(height):
        above, below = np.float32(y) * down, np.float32(y + 1) * down
        sums[:] = 0
        for k in range(int(above), min(int(np.ceil(below)), high)):
            if k != held:
                _grey_row(image, k, wide, row)
                held = k
            share = min(below, np.float32(k + 1)) - max(above, np.float32(k))
            if share > 0:
                _add_row(row, share, sums)
        _shrink_row(sums, across, scale, stack[top + y, left : left + width])


@kernel("void(uint8[:,::1], int64[::1], int64[::1], float32[::1])")
def next_level(
    stack: NDArray[np.uint8], larger: NDArray[np.int64], level: NDArray[np.int64], total: NDArray[np.float32]
) -> None:
    """Write a level of ``stack`` from a ``larger`` one, both as for :func:`grey_level`; ``total`` is worked in."""
    top, left, height, width = level
    first, _, high, wide = larger
    down, across = np.float32(high / height), np.float32(wide / width)
    scale = np.float32(1.0 / (down * across))
    sums = total[:wide]
    for y in range(height):
        above, below = np.float32(y) * down, np.float32(y + 1) * down
        sums[:] = 0
        for k in range(int(above), min(int(np.ceil(below)), high)):
            share = min(below, np.float32(k + 1)) - max(above, np.float32(k))
            if share > 0:
                for x in range(wide):
                    sums[x] += share * np.float32(stack[first + k, left + x])
        _shrink_row(sums, across, scale, stack[top + y, left : left + width])


@kernel("void(uint8[:,::1], int64[::1])")
def repeat_edges(stack: NDArray[np.uint8], level: NDArray[np.int64]) -> None:
    """Fill the margin around a level of ``stack``, as wide on all sides as on its left, with its nearest pixels."""
    top, margin, height, width = level
    for y in range(top, top + height):
        for x in range(margin):
            stack[y, x] = stack[y, margin]
            stack[y, margin + width + x] = stack[y, margin + width - 1]
    for y in range(margin):
        for x in range(width + 2 * margin):
            stack[top - 1 - y, x] = stack[top, x]
            stack[top + height + y, x] = stack[top + height - 1, x]


@kernel("int64(uint8[::1], int64[:,::1], int64, int32[:,:,::1], float32[:,::1], float32[::1], float32[:,::1])")
def scan(
    pixels: NDArray[np.uint8],
    levels: NDArray[np.int64],
    stride: int,
    nodes: NDArray[np.int32],
    leaves: NDArray[np.float32],
    least: NDArray[np.float32],
    found: NDArray[np.float32],
) -> int:
    """Try every window of every level; write those that no tree gave up into ``found`` and return how many there were.

    ``pixels`` is the stack in one row; ``levels`` (L, 4) where a level's first window begins, how many places it has
    across and down, and how far it is to the next row; ``nodes`` (T, NODES, 3) of a tree two offsets from a window's
    first pixel and a threshold, the children of node n being 2n + 1 (not above it) and 2n + 2; ``leaves`` (T, LEAVES);
    ``least`` (T,) what the sum must reach after each tree. ``found`` (N, 4) gets level, place across, place down and
    sum, of the last level first. More than N are counted, and not written. The caller sees to it that every offset of
    every window lies within ``pixels``.
    """
    count, trees = 0, nodes.shape[0]
    for level in range(levels.shape[0] - 1, -1, -1):
        start, across, down, row_bytes = levels[level]
        for y in range(0, down, stride):
            for x in range(0, across, stride):
                # Unsigned, so that no index is asked whether it counts from the end.
                at = np.uint32(start + y * row_bytes + x)
                total = np.float32(0)
                alive = True
                for tree in range(trees):
                    t, node = np.uint32(tree), np.uint32(0)
                    for _ in range(DEPTH):
                        a = np.int32(pixels[at + np.uint32(nodes[t, node, _FIRST])])
                        b = np.int32(pixels[at + np.uint32(nodes[t, node, _SECOND])])
                        above = np.int32(CONTRAST_STEPS) * (a - b) >= nodes[t, node, _LEAST] * (a + b + np.int32(DARK))
                        node = node + node + _SECOND + np.uint32(above)
                    total += leaves[t, node - np.uint32(NODES)]
                    if total < least[t]:
                        alive = False
                        break
                if alive:
                    if count < found.shape[0]:
                        found[count, 0], found[count, 1], found[count, 2] = level, x, y
                        found[count, 3] = total
                    count += 1
    return count


@kernel("int64(float32[:,::1], int64, float32, boolean[::1], int64[::1])")
def thin(
    windows: NDArray[np.float32], count: int, most_iou: np.float32, alive: NDArray[np.bool_], kept: NDArray[np.int64]
) -> int:
    """Keep the best of windows that overlap; write their indices, best first, into ``kept`` and return their number.

    ``windows`` (N, 4) are left, top, side and score, of which ``count`` count; one goes when its intersection over
    union with a better one that stays exceeds ``most_iou``. ``alive`` (N,) is worked in. No more than ``kept`` has room
    for are kept.
    """
    alive[:count] = True
    number = 0
    while number < kept.shape[0]:
        best = -1
        for i in range(count):
            if alive[i] and (best < 0 or windows[i, 3] > windows[best, 3]):
                best = i
        if best < 0:
            break
        kept[number] = best
        number += 1
        x, y, side = windows[best, 0], windows[best, 1], windows[best, 2]
        for i in range(count):
            across = min(x + side, windows[i, 0] + windows[i, 2]) - max(x, windows[i, 0])
            down = min(y + side, windows[i, 1] + windows[i, 2]) - max(y, windows[i, 1])
            if across > 0 and down > 0:
                shared = across * down
                alive[i] &= not shared > most_iou * (side * side + windows[i, 2] * windows[i, 2] - shared)
        alive[best] = False
    return number
