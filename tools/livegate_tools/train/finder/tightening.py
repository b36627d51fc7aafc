"""Give windows up earlier: of all windows on a face the best few are enough.

After Zhang and Viola: Multiple-Instance Pruning for Learning Efficient Cascade Detectors, 2007.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from livegate.detect.cascade import Trees
from livegate.detect.grey_stack import GreyStack
from livegate.detect.windows import window_of
from livegate.kernels import pixel_trees
from livegate_tools.train.finder.boosting import PIXELS
from livegate_tools.train.finder.growing import reached
from livegate_tools.train.finder.mining import cut, overlaps, varied
from livegate_tools.train.finder.pictures import Seen

_BEST = 3
_LEAST_IOU = 0.5
_LOST = 0.01
_STRIDE, _MOST_WINDOWS = 2, 4096


def tightened(trees: Trees, pictures: Sequence[Seen], count: int, rng: np.random.Generator) -> Trees:
    """Return the trees with bounds as high as the best windows of the faces in ``count`` varied pictures allow.

    Of the faces that had a window left, at most a hundredth lose their best three by it, as many with every tree.
    """
    sums = np.array([each for index in rng.integers(len(pictures), size=count)
                     for each in _of_faces(trees, pictures[index], rng)], np.float32)  # fmt: skip
    if not len(sums):
        return trees
    least = trees.least.copy()
    alive = np.isfinite(sums[:, :, -1])
    for tree in range(len(least)):
        best = np.where(alive, sums[:, :, tree], -np.inf).max(axis=1)
        lost = int((best == -np.inf).sum())
        allowed = max(int(_LOST * len(sums) * (tree + 1) / len(least)) - lost, 0)
        least[tree] = max(least[tree], np.sort(best)[lost + allowed])
        alive &= sums[:, :, tree] >= least[tree]
    return Trees(trees.nodes, trees.leaves, least)


def _of_faces(trees: Trees, seen: Seen, rng: np.random.Generator) -> list[NDArray[np.float32]]:
    """Return of each face that has windows left what its best sum up to after each tree, (_BEST, T), else -inf."""
    grey, boxes = varied(seen, rng)
    stack = GreyStack(grey.shape[1], grey.shape[0], grey.shape[1])
    stack.fill_grey(grey)
    found = np.zeros((_MOST_WINDOWS, 4), np.float32)
    number = pixel_trees.scan(stack.pixels, stack.places, _STRIDE, *trees.on(stack.row_bytes), found)
    found = found[:number]
    best = []
    for face in boxes[: len(seen.faces)]:
        on = found[overlaps(found, stack, window_of(face)) >= _LEAST_IOU]
        if len(on):
            on = on[np.argsort(-on[:, 3], kind="stable")[:_BEST]]
            sums = np.full((_BEST, len(trees.least)), -np.inf, np.float32)
            sums[: len(on)] = _running(trees, cut(stack, on))
            best.append(sums)
    return best


def _running(trees: Trees, windows: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the sums (N, T) after each tree."""
    columns = np.ascontiguousarray(windows.reshape(len(windows), PIXELS).T)
    leaf = np.zeros(len(windows), np.uint8)
    said = np.zeros((len(windows), len(trees.least)), np.float32)
    for tree, (nodes, leaves) in enumerate(zip(trees.nodes, trees.leaves, strict=True)):
        reached(columns, nodes, leaf)
        said[:, tree] = leaves[leaf]
    return np.cumsum(said, axis=1, dtype=np.float32)
