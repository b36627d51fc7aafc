"""A sum of trees that is given up early: what the face finder has learnt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livegate.kernels.tree_shape import WINDOW


@dataclass(frozen=True, slots=True, eq=False)
class Trees:
    """Trees of one cascade, in the order they are asked.

    ``nodes`` (T, NODES, 3) int32: two pixels of a window, row by row, and the threshold of their contrast; ``leaves``
    (T, LEAVES) float32; ``least`` (T,) float32 what the sum must reach after each tree.
    """

    nodes: NDArray[np.int32]
    leaves: NDArray[np.float32]
    least: NDArray[np.float32]

    def on(self, row_bytes: int) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
        """Return nodes, leaves and bounds for pictures whose rows are ``row_bytes`` wide."""
        nodes = self.nodes.copy()
        rows, columns = np.divmod(self.nodes[..., :2], WINDOW)
        nodes[..., :2] = rows * row_bytes + columns
        return np.ascontiguousarray(nodes), self.leaves, self.least
