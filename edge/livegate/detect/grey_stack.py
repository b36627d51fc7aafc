"""The stack of grey levels that the face finder looks through: one picture, smaller and smaller."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.kernels import pixel_trees
from livegate.kernels.tree_shape import WINDOW

MARGIN = 4
"""By how much a window may leave the picture; the edge is repeated there."""
RATIO = 1.2
"""Each level is this much smaller than the one before."""


class GreyStack:
    """Buffers for pictures of one size; filled anew for every picture, without taking memory."""

    def __init__(self, width: int, height: int, largest_width: int) -> None:
        """Make room for levels from ``width`` x ``height`` down; pictures are up to ``largest_width`` wide."""
        self.sizes = _sizes(width, height)
        self.row_bytes = width + 2 * MARGIN
        rows = sum(h + 2 * MARGIN for _, h in self.sizes)
        self._stack = np.zeros((max(rows, 1), self.row_bytes), dtype=np.uint8)
        self._row = np.zeros(largest_width, dtype=np.uint16)
        self._total = np.zeros(max(largest_width, width), dtype=np.float32)
        self._tops: list[int] = []
        top = MARGIN
        for _, h in self.sizes:
            self._tops.append(top)
            top += h + 2 * MARGIN
        self.places = np.array(
            [
                ((top - MARGIN) * self.row_bytes, w + 2 * MARGIN - WINDOW + 1, h + 2 * MARGIN - WINDOW + 1)
                for top, (w, h) in zip(self._tops, self.sizes, strict=True)
            ],
            dtype=np.int64,
        ).reshape(-1, 3)
        """(L, 3) where a level's first window begins in ``pixels``, and how many windows it has across and down."""

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """All levels in one row; a window's next row is ``row_bytes`` further."""
        return self._stack.reshape(-1)

    def fill(self, image: NDArray[Any]) -> None:
        """Take a contiguous (H, W, 3) uint8 B, G, R picture, at least as large as the first level."""
        if self.sizes:
            (width, height), top = self.sizes[0], self._tops[0]
            pixel_trees.grey_level(image, self._stack, top, height, width, MARGIN, self._row, self._total)
            self._shrink()

    def fill_grey(self, level: NDArray[np.uint8]) -> None:
        """Take the first level itself, (height, width) uint8."""
        if self.sizes:
            self._level(0)[:] = level
            self._shrink()

    def _level(self, index: int) -> NDArray[np.uint8]:
        (width, height), top = self.sizes[index], self._tops[index]
        return self._stack[top : top + height, MARGIN : MARGIN + width]

    def _shrink(self) -> None:
        for index, ((width, height), top) in enumerate(zip(self.sizes, self._tops, strict=True)):
            if index:
                (above_width, above_height), above = self.sizes[index - 1], self._tops[index - 1]
                pixel_trees.next_level(
                    self._stack, above, above_height, above_width, top, height, width, MARGIN, self._total
                )
            pixel_trees.repeat_edges(self._stack, top, height, width, MARGIN)


def _sizes(width: int, height: int) -> list[tuple[int, int]]:
    """Return the width and height of every level in which a window has room."""
    sizes = []
    scale = 1.0
    while min(round(width / scale), round(height / scale)) + 2 * MARGIN >= WINDOW:
        sizes.append((round(width / scale), round(height / scale)))
        scale *= RATIO
    return sizes
