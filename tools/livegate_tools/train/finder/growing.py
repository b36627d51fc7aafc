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
    return np.asarray((steps + CONTRAST_STEPS) // _COARSE, dtype=np.uint8)


@kernel("void(uint8[::1], uint8[::1], float32[:,::1], uint8[::1], uint8[::1], float32[:,:,::1])")
def _histogram(
    a: NDArray[np.uint8],
    b: NDArray[np.uint8],
    loss: NDArray[np.float32],
    node: NDArray[np.uint8],
    bins: NDArray[np.uint8],
    sums: NDArray[np.float32],
) -> None:
    """Add up slope and bend by node and bin of the contrast of ``a`` and ``b`` (N,) into ``sums`` (nodes, BINS, 2)."""
    sums[:] = 0
    for i in range(node.shape[0]):
        k = bins[np.uint32(a[i]) * np.uint32(256) + np.uint32(b[i])]
        sums[node[i], k, 0] += loss[i, 0]
        sums[node[i], k, 1] += loss[i, 1]


@kernel("void(float32[:,::1], float64, float64[::1])")
def _best_split(sums: NDArray[np.float32], damping: float, best: NDArray[np.float64]) -> None:
    """Write into ``best`` (2,) how much a threshold on these bins (BINS, 2) gains at most, and after which bin."""
    whole_slope, whole_bend = 0.0, 0.0
    for s in range(BINS):
        whole_slope += sums[s, 0]
        whole_bend += sums[s, 1]
    best[0], best[1] = -1.0, 0.0
    slope, bend = 0.0, 0.0
    for s in range(BINS - 1):
        slope += sums[s, 0]
        bend += sums[s, 1]
        gain = slope**2 / (bend + damping) + (whole_slope - slope) ** 2 / (whole_bend - bend + damping)
        if gain > best[0]:
            best[0], best[1] = gain, s


@kernel("void(uint8[:,::1], int32[:,:,::1], float32[:,::1], uint8[::1], float64, int64, int32[:,::1])")
def grow(
    windows: NDArray[np.uint8],
    pairs: NDArray[np.int32],
    loss: NDArray[np.float32],
    bins: NDArray[np.uint8],
    damping: float,
    start: int,
    tree: NDArray[np.int32],
) -> None:
    """Choose the comparisons of a tree; write them into ``tree`` (NODES, 3).

    ``windows`` (P, N) pixels, of which those from column ``start`` count, as many as ``loss`` (M, 2) has: minus the
    first and the second derivative of the loss. ``pairs`` (DEPTH, K, 2) are the comparisons that may be made at each
    depth, ``bins`` is that of :func:`contrast_bins`.
    """
    end = start + loss.shape[0]
    node = np.zeros(loss.shape[0], dtype=np.uint8)
    sums = np.zeros((LEAVES, BINS, 2), dtype=np.float32)
    best, split = np.zeros(LEAVES, dtype=np.float64), np.zeros(2, dtype=np.float64)
    for depth in range(DEPTH):
        wide, before = 2**depth, 2**depth - 1
        best[:] = -1.0
        for k in range(pairs.shape[1]):
            first, second = pairs[depth, k]
            _histogram(windows[first, start:end], windows[second, start:end], loss, node, bins, sums[:wide])
            for n in range(wide):
                _best_split(sums[n], damping, split)
                if split[0] > best[n]:
                    best[n] = split[0]
                    tree[before + n, 0], tree[before + n, 1] = first, second
                    tree[before + n, 2] = _COARSE * (np.int32(split[1]) + 1) - CONTRAST_STEPS
        for i in range(node.shape[0]):
            place = before + node[i]
            a, b = np.int32(windows[tree[place, 0], start + i]), np.int32(windows[tree[place, 1], start + i])
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
