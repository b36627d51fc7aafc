"""Non-maximum suppression: of several boxes on one face, the surest stays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def suppress(corners: NDArray[np.float32], scores: NDArray[np.float32], iou: float) -> NDArray[np.intp]:
    """Return the indices of the boxes to keep, highest score first; of equal scores the earlier counts as higher.

    ``corners`` (N, 4) float32 left, top, right, bottom; ``scores`` (N,) float32. A box goes when its intersection over
    union with one that stays exceeds ``iou`` (0..1); boxes without area overlap nothing. Greedy, as in Neubeck and Van
    Gool, Efficient Non-Maximum Suppression, ICPR 2006. Memory grows with N squared: bound N before.
    """
    order = np.argsort(-scores, kind="stable")
    overlaps = _overlap(corners[order]) > iou
    alive = np.ones(order.size, dtype=np.bool_)
    kept: list[int] = []
    for place in range(order.size):
        if alive[place]:
            kept.append(place)
            alive &= ~overlaps[place]
    return np.asarray(order[kept], dtype=np.intp)


def _overlap(corners: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the intersection over union (N, N) of every pair of boxes (N, 4)."""
    left, top, right, bottom = corners.T
    width = np.minimum(right[:, None], right) - np.maximum(left[:, None], left)
    height = np.minimum(bottom[:, None], bottom) - np.maximum(top[:, None], top)
    shared = np.maximum(width, 0) * np.maximum(height, 0)
    areas = np.maximum(right - left, 0) * np.maximum(bottom - top, 0)
    union = areas[:, None] + areas - shared
    shares = np.zeros(shared.shape, dtype=np.float32)
    np.divide(shared, union, out=shares, where=union > 0)
    return shares
