"""A small convolutional network, step by step: the second look of the face finder at the few windows that trees let by.

Channels come last, so that what is added up at a place lies side by side. Four channels are added at a time, for each
sum waits for the one before. In the manner of the refining network of Zhang, Zhang, Li and Qiao: Joint Face Detection
and Alignment Using Multitask Cascaded Convolutional Networks, 2016.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livegate.kernels.compiled import kernel

_ZERO, _ONE = np.float32(0), np.float32(1)
_FLAT = 3.0


@kernel("void(uint8[:,::1], int64[::1], float32[::1], float32[:,:,::1])")
def look(
    stack: NDArray[np.uint8], level: NDArray[np.int64], square: NDArray[np.float32], out: NDArray[np.float32]
) -> None:
    """Write a square of a level of ``stack`` into ``out`` (S, S, 1), of mean 0 and deviation 1, flat ones nearly 0.

    ``level`` (4,) is its first row and column, height and width; ``square`` (3,) left, top and side in its pixels, all
    finite. Bilinear, the edge repeated outside.
    """
    top, left, height, width = level
    x, y, side = square
    size = out.shape[0]
    step = side / np.float32(size)
    mean, squares = 0.0, 0.0
    for j in range(size):
        v = min(max(y + (np.float32(j) + np.float32(0.5)) * step - np.float32(0.5), _ZERO), np.float32(height - 1))
        upper = min(int(v), max(height - 2, 0))
        lower = min(upper + 1, height - 1)
        down = v - np.float32(upper)
        for i in range(size):
            u = min(max(x + (np.float32(i) + np.float32(0.5)) * step - np.float32(0.5), _ZERO), np.float32(width - 1))
            first = min(int(u), max(width - 2, 0))
            second = min(first + 1, width - 1)
            across = u - np.float32(first)
            a = np.float32(stack[top + upper, left + first]) * (_ONE - across)
            a += np.float32(stack[top + upper, left + second]) * across
            b = np.float32(stack[top + lower, left + first]) * (_ONE - across)
            b += np.float32(stack[top + lower, left + second]) * across
            value = a * (_ONE - down) + b * down
            out[j, i, 0] = value
            mean += value
            squares += value * value
    count = size * size
    mean /= count
    scale = np.float32(1.0 / (np.sqrt(max(squares / count - mean * mean, 0.0)) + _FLAT))
    for j in range(size):
        for i in range(size):
            out[j, i, 0] = (out[j, i, 0] - np.float32(mean)) * scale


@kernel("void(float32[:,:,::1], float32[:,:,:,::1], float32[::1], float32[:,:,::1])")
def convolve_halving(
    image: NDArray[np.float32], weight: NDArray[np.float32], bias: NDArray[np.float32], out: NDArray[np.float32]
) -> None:
    """Convolve ``image`` (H, W, C) at every second place with ``weight`` (3, 3, C, D), zeros around it; cut at 0.

    ``out`` is (ceil(H / 2), ceil(W / 2), D).
    """
    height, width, channels = image.shape
    many, whole = out.shape[2], channels - channels % 4
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            total = out[y, x]
            for d in range(many):
                total[d] = bias[d]
            for j in range(3):
                row = 2 * y + j - 1
                if row < 0 or row >= height:
                    continue
                for i in range(3):
                    column = 2 * x + i - 1
                    if column < 0 or column >= width:
                        continue
                    seen, part = image[row, column], weight[j, i]
                    for c in range(0, whole, 4):
                        a, b, e, f = seen[c], seen[c + 1], seen[c + 2], seen[c + 3]
                        of_a, of_b, of_e, of_f = part[c], part[c + 1], part[c + 2], part[c + 3]
                        for d in range(many):
                            total[d] += (a * of_a[d] + b * of_b[d]) + (e * of_e[d] + f * of_f[d])
                    for c in range(whole, channels):
                        value, of_value = seen[c], part[c]
                        for d in range(many):
                            total[d] += value * of_value[d]
            for d in range(many):
                total[d] = max(total[d], _ZERO)


@kernel("void(float32[::1], float32[:,::1], float32[::1], boolean, float32[::1])")
def combine(
    values: NDArray[np.float32],
    weight: NDArray[np.float32],
    bias: NDArray[np.float32],
    cut: bool,
    out: NDArray[np.float32],
) -> None:
    """Write ``bias`` (D,) + ``values`` (C,) times ``weight`` (C, D) into ``out`` (D,), at least 0 if ``cut``."""
    many = out.shape[0]
    for d in range(many):
        out[d] = bias[d]
    whole = values.shape[0] - values.shape[0] % 4
    for c in range(0, whole, 4):
        a, b, e, f = values[c], values[c + 1], values[c + 2], values[c + 3]
        of_a, of_b, of_e, of_f = weight[c], weight[c + 1], weight[c + 2], weight[c + 3]
        for d in range(many):
            out[d] += (a * of_a[d] + b * of_b[d]) + (e * of_e[d] + f * of_f[d])
    for c in range(whole, values.shape[0]):
        value, of_value = values[c], weight[c]
        for d in range(many):
            out[d] += value * of_value[d]
    if cut:
        for d in range(many):
            out[d] = max(out[d], _ZERO)
