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
        sizes = _sizes(width, height)
        tops = np.cumsum([MARGIN, *(h + 2 * MARGIN for _, h in sizes)])
        self.row_bytes = width + 2 * MARGIN
        self.stack = np.zeros((max(int(tops[-1]) - MARGIN, 1), self.row_bytes), dtype=np.uint8)
        """(R, row_bytes): the levels one below the other, each with its margin."""
        self.levels = np.array(
            [(top, MARGIN, h, w) for top, (w, h) in zip(tops[:-1], sizes, strict=True)], dtype=np.int64
        ).reshape(-1, 4)
        """(L, 4) first row, first column, height and width of each level in ``stack``."""
        heights, widths = self.levels[:, 2], self.levels[:, 3]
        first, row = (self.levels[:, 0] - MARGIN) * self.row_bytes, np.full(len(sizes), self.row_bytes)
        room = 2 * MARGIN - WINDOW + 1
        self.places = np.column_stack([first, widths + room, heights + room, row]).astype(np.int64)
        """(L, 4) where a level's first window begins in ``pixels``, how many there are across and down, row_bytes."""
        self.scales = np.sqrt(width * height / (widths * heights)).astype(np.float32)
        """(L,) the side of a level's pixel in pixels of the first."""
        self._row = np.zeros(largest_width, dtype=np.uint16)
        self._total = np.zeros(max(largest_width, width), dtype=np.float32)

    def level_for(self, step: float) -> int:
        """Return which is the smallest level whose pixels are no larger than ``step`` pixels of the first, or 0."""
        return max(int(np.searchsorted(self.scales, step, side="right")) - 1, 0)

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """All levels in one row; a window's next row is ``row_bytes`` further."""
        return self.stack.reshape(-1)

    def fill(self, image: NDArray[Any]) -> None:
        """Take a (H, W, 3) uint8 B, G, R picture of any strides, writeable or not, no smaller than the first level."""
        if len(self.levels):
            # Kernels take arrays that could be written only; what a camera hands out often cannot.
            pixel_trees.grey_level(
                np.require(image, np.uint8, ("C", "W")), self.stack, self.levels[0], self._row, self._total
            )
            self._shrink()

    def fill_grey(self, level: NDArray[np.uint8]) -> None:
        """Take the first level itself, (height, width) uint8."""
        if len(self.levels):
            self.picture(0)[:] = level
            self._shrink()

    def picture(self, index: int) -> NDArray[np.uint8]:
        """Return one level, (height, width), without its margin."""
        top, left, height, width = self.levels[index]
        return self.stack[top : top + height, left : left + width]

    def _shrink(self) -> None:
        for index, level in enumerate(self.levels):
            if index:
                pixel_trees.next_level(self.stack, self.levels[index - 1], level, self._total)
            pixel_trees.repeat_edges(self.stack, level)


def _sizes(width: int, height: int) -> list[tuple[int, int]]:
    """Return the width and height of every level in which a window has room."""
    sizes = []
    scale = 1.0
    while min(round(width / scale), round(height / scale)) + 2 * MARGIN >= WINDOW:
        sizes.append((round(width / scale), round(height / scale)))
        scale *= RATIO
    return sizes
