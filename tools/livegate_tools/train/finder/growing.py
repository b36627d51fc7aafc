"""Kernels that grow one tree: which two pixels to compare at each node, and what each leaf says.

Second-order boosting of the logistic loss (Friedman, Hastie and Tibshirani: Additive Logistic Regression, 2000) by
trees of a fixed depth. Windows stand in columns, so that a comparison reads two rows from end to end.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livegate.kernels.compiled import kernel
from livegate.kernels.tree_shape import CONTRAST_STEPS, DARK, DEPTH, LEAVES, NODES

BINS = 64
_COARSE = 4


def contrast_bins() -> NDArray[np.uint8]:
    """Return the bin of every pair of pixel values, (65536,) by a * 256 + b."""
    a, b = np.divmod(np.arange(65536), 256)
    steps = np.floor_divide(CONTRAST_STEPS * (a - b), a + b + DARK)
    return ((steps + CONTRAST_STEPS) // _COARSE).astype(np.uint8)


@kernel(
    "float64(uint8[:,::1], int64, int64, float32[::1], float32[::1], uint8[::1], uint8[::1], int64, int64, "
    "float32[:,:,::1])"
)
def _histogram(
    windows: NDArray[np.uint8],
    first: int,
    second: int,
    slope: NDArray[np.float32],
    bend: NDArray[np.float32],
    node: NDArray[np.uint8],
    bins: NDArray[np.uint8],
    start: int,
    end: int,
    sums: NDArray[np.float32],
) -> float:
    """Add up slope and bend by node and bin of contrast into ``sums`` (nodes, BINS, 2)."""
    sums[:] = 0
    a, b = windows[first], windows[second]
    for i in range(start, end):
        k = bins[np.uint32(a[i]) * np.uint32(256) + np.uint32(b[i])]
        sums[node[i], k, 0] += slope[i]
        sums[node[i], k, 1] += bend[i]
    return 0.0


@kernel(
    "void(uint8[:,::1], int32[:,:,::1], float32[::1], float32[::1], uint8[::1], int64, int64, float64, uint8[::1], "
    "float32[:,:,::1], int32[:,::1])"
)
def grow(
    windows: NDArray[np.uint8],
    pairs: NDArray[np.int32],
    slope: NDArray[np.float32],
    bend: NDArray[np.float32],
    bins: NDArray[np.uint8],
    start: int,
    end: int,
    damping: float,
    node: NDArray[np.uint8],
    sums: NDArray[np.float32],
    tree: NDArray[np.int32],
) -> None:
    """Choose the comparisons of a tree from the windows ``start`` to ``end``; write them into ``tree`` (NODES, 3).

    ``windows`` (P, N) pixels; ``pairs`` (DEPTH, K, 2) are the comparisons that may be made at each depth; ``slope`` and
    ``bend`` (N,) are minus the first and the second derivative of the loss. ``node`` (N,) and ``sums`` (LEAVES, BINS,
    2) are worked in.
    """
    node[start:end] = 0
    best = np.zeros(LEAVES, dtype=np.float64)
    for depth in range(DEPTH):
        wide, before = 2**depth, 2**depth - 1
        best[:] = -1.0
        for k in range(pairs.shape[1]):
            _histogram(windows, pairs[depth, k, 0], pairs[depth, k, 1], slope, bend, node, bins, start, end, sums)
            for n in range(wide):
                whole_slope, whole_bend = 0.0, 0.0
                for s in range(BINS):
                    whole_slope += sums[n, s, 0]
                    whole_bend += sums[n, s, 1]
                left_slope, left_bend = 0.0, 0.0
                for s in range(BINS - 1):
                    left_slope += sums[n, s, 0]
                    left_bend += sums[n, s, 1]
                    right_slope, right_bend = whole_slope - left_slope, whole_bend - left_bend
                    gain = left_slope**2 / (left_bend + damping) + right_slope**2 / (right_bend + damping)
                    if gain > best[n]:
                        best[n] = gain
                        tree[before + n, 0], tree[before + n, 1] = pairs[depth, k, 0], pairs[depth, k, 1]
                        tree[before + n, 2] = _COARSE * (s + 1) - CONTRAST_STEPS
        for i in range(start, end):
            place = before + node[i]
            a, b = np.int32(windows[tree[place, 0], i]), np.int32(windows[tree[place, 1], i])
            above = CONTRAST_STEPS * (a - b) >= tree[place, 2] * (a + b + DARK)
            node[i] = 2 * node[i] + (1 if above else 0)


@kernel("void(uint8[:,::1], int32[:,::1], uint8[::1])")
def reached(windows: NDArray[np.uint8], tree: NDArray[np.int32], leaf: NDArray[np.uint8]) -> None:
    """Write into ``leaf`` (N,) which leaf of ``tree`` each window comes to."""
    for i in range(windows.shape[1]):
        place = 0
        for _ in range(DEPTH):
            a, b = np.int32(windows[tree[place, 0], i]), np.int32(windows[tree[place, 1], i])
            above = CONTRAST_STEPS * (a - b) >= tree[place, 2] * (a + b + DARK)
            place = 2 * place + (2 if above else 1)
        leaf[i] = place - NODES
