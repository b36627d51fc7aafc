"""Grow trees one after another, against windows that the trees before still take for faces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livegate.detect.cascade import Trees
from livegate.kernels.tree_shape import DEPTH, LEAVES, NODES, WINDOW
from livegate_tools.train.finder.growing import contrast_bins, grow, reached

PIXELS = WINDOW * WINDOW
# After so many trees all is lost that may be; the first few may lose most.
_ALL_LOST = 120


@dataclass(frozen=True, slots=True)
class Recipe:
    """How trees are grown. ``lost`` is the share of faces' windows that may be given up.

    A face has a dozen windows, and one is enough.
    """

    stages: tuple[int, ...] = (4, 8, 14, 22, 34, 50)
    comparisons: int = 900
    share: float = 0.6
    rate: float = 0.35
    damping: float = 2.0
    lost: float = 0.28


class Grower:
    """The trees so far, and the sums they give to the windows at hand."""

    def __init__(self, faces: NDArray[np.uint8], recipe: Recipe, rng: np.random.Generator) -> None:
        """Take the windows of faces (N, WINDOW, WINDOW); windows without are given with every stage."""
        self._faces = faces
        self._recipe = recipe
        self._rng = rng
        self._bins = contrast_bins()
        self._nodes: list[NDArray[np.int32]] = []
        self._leaves: list[NDArray[np.float32]] = []
        self._least: list[float] = []
        self._others = np.zeros((0, WINDOW, WINDOW), np.uint8)

    @property
    def trees(self) -> Trees:
        """What was grown so far."""
        count = len(self._nodes)
        return Trees(
            np.array(self._nodes, np.int32).reshape(count, NODES, 3),
            np.array(self._leaves, np.float32).reshape(count, LEAVES),
            np.array(self._least, np.float32),
        )

    def resume(self, trees: Trees) -> None:
        """Go on from these trees."""
        self._nodes, self._leaves = list(trees.nodes), list(trees.leaves)
        self._least = [float(least) for least in trees.least]

    def keep(self, most: int) -> int:
        """Forget windows without a face that the trees give up by now, keep ``most`` of the others; return how many."""
        passing = self._others[self._passing(self._others)]
        self._others = passing[self._rng.permutation(len(passing))[:most]]
        return len(self._others)

    def add(self, others: NDArray[np.uint8]) -> None:
        """Take further windows without a face."""
        self._others = np.concatenate([self._others, others])

    def grow_to(self, count: int) -> tuple[float, float]:
        """Grow to ``count`` trees; return the shares of faces, and of the rest, that they let pass."""
        faces = self._faces[self._passing(self._faces)]
        windows = np.concatenate([faces, self._others])
        sign = np.repeat(np.array([1, -1], np.float32), [len(faces), len(self._others)])
        order = self._rng.permutation(len(windows))
        sign = sign[order]
        columns = np.ascontiguousarray(windows[order].reshape(len(windows), PIXELS).T)
        total, _ = self._sums(columns)
        weight = np.where(sign > 0, 0.5 / max(len(faces), 1), 0.5 / max(len(self._others), 1)).astype(np.float32)
        weight *= len(windows)
        while len(self._nodes) < count:
            total += self._one_tree(columns, sign, weight, total)
            self._least.append(self._bound(total[sign > 0]))
        alive = total >= self._least[-1]
        return float(alive[sign > 0].mean()), float(alive[sign < 0].mean())

    def _one_tree(
        self,
        columns: NDArray[np.uint8],
        sign: NDArray[np.float32],
        weight: NDArray[np.float32],
        total: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Grow a tree and return what it says of every window."""
        recipe, count = self._recipe, len(sign)
        wrong = 1 / (1 + np.exp(sign * total))
        slope = (weight * sign * wrong).astype(np.float32)
        bend = (weight * wrong * (1 - wrong)).astype(np.float32)
        some = int(recipe.share * count)
        start = int(self._rng.integers(count - some + 1))
        loss = np.column_stack([slope, bend])[start : start + some]
        tree, node = np.zeros((NODES, 3), np.int32), np.zeros(count, np.uint8)
        grow(columns, self._pairs(), np.ascontiguousarray(loss), self._bins, recipe.damping, start, tree)
        reached(columns, tree, node)
        slopes, bends = (np.bincount(node, each, LEAVES) for each in (slope, bend))
        leaves = (recipe.rate * np.clip(slopes / (bends + recipe.damping), -4, 4)).astype(np.float32)
        self._nodes.append(tree)
        self._leaves.append(leaves)
        return np.asarray(leaves[node])

    def _pairs(self) -> NDArray[np.int32]:
        """Draw comparisons: half of them anywhere, half between neighbours."""
        shape = (DEPTH, self._recipe.comparisons)
        first = self._rng.integers(0, WINDOW, (*shape, 2))
        second = self._rng.integers(0, WINDOW, (*shape, 2))
        near = np.clip(first + np.rint(self._rng.normal(0, 3, (*shape, 2))).astype(int), 0, WINDOW - 1)
        second[:, ::2] = near[:, ::2]
        return np.stack([first @ [WINDOW, 1], second @ [WINDOW, 1]], axis=-1).astype(np.int32)

    def _bound(self, faces: NDArray[np.float32]) -> float:
        """Return what a sum must reach after this tree: of the faces let in at first, few are lost by then."""
        share = self._recipe.lost * min(1.0, (len(self._nodes) / _ALL_LOST) ** 0.5)
        lost = int(share * len(self._faces)) - (len(self._faces) - len(faces))
        return float(np.partition(faces, max(lost, 0))[max(lost, 0)])

    def _passing(self, windows: NDArray[np.uint8]) -> NDArray[np.bool_]:
        columns = np.ascontiguousarray(windows.reshape(len(windows), PIXELS).T)
        return self._sums(columns)[1]

    def _sums(self, columns: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        total = np.zeros(columns.shape[1], np.float32)
        passing = np.ones(columns.shape[1], dtype=np.bool_)
        leaf = np.zeros(columns.shape[1], np.uint8)
        for nodes, leaves, least in zip(self._nodes, self._leaves, self._least, strict=True):
            reached(columns, nodes, leaf)
            total += leaves[leaf]
            passing &= total >= least
        return total, passing
