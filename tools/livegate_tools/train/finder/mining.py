"""Windows without a face that the trees so far take for one."""

from __future__ import annotations

import time
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.detect.cascade import Trees
from livegate.detect.grey_stack import MARGIN, GreyStack
from livegate.detect.windows import window_of
from livegate.kernels import pixel_trees
from livegate.kernels.tree_shape import WINDOW
from livegate.types import Box
from livegate_tools.train.finder.pictures import Seen

MOST_IOU = 0.3
"""A window that overlaps a face's window by more is no example of anything but a face."""
_MOST_OF_ONE = 24
_SMALLEST_WORK, _LARGEST_WORK = 120, 300


class Miner:
    """Draws windows from pictures, in a fixed order by its random numbers."""

    def __init__(self, pictures: Sequence[Seen], rng: np.random.Generator) -> None:
        """Take the pictures; those with faces give what lies beside them."""
        self._pictures = pictures
        self._rng = rng
        self._stacks: dict[tuple[int, int], GreyStack] = {}
        self.looked_at = 0

    def mine(self, trees: Trees, wanted: int, seconds: float) -> NDArray[np.uint8]:
        """Return up to ``wanted`` windows (N, WINDOW, WINDOW) that ``trees`` let pass; fewer when time is over."""
        end = time.thread_time() + seconds
        found: list[NDArray[np.uint8]] = []
        count = 0
        while count < wanted and time.thread_time() < end:
            seen = self._pictures[int(self._rng.integers(len(self._pictures)))]
            windows = self._of(seen, trees)
            found.append(windows)
            count += len(windows)
            self.looked_at += 1
        return np.concatenate(found)[:wanted] if found else np.zeros((0, WINDOW, WINDOW), np.uint8)

    def _of(self, seen: Seen, trees: Trees) -> NDArray[np.uint8]:
        grey, boxes = varied(seen, self._rng)
        stack = self._stacks.setdefault(grey.shape[::-1], GreyStack(grey.shape[1], grey.shape[0], grey.shape[1]))
        stack.fill_grey(grey)
        found = np.zeros((100_000 if not trees.leaves.size else 4096, 4), np.float32)
        count = pixel_trees.scan(stack.pixels, stack.places, 2, *trees.on(stack.row_bytes), found)
        hits = found[: min(count, len(found))]
        hits = hits[~_on_faces(hits, stack, [window_of(box) for box in boxes])]
        if len(hits) > _MOST_OF_ONE:
            hits = hits[self._rng.choice(len(hits), _MOST_OF_ONE, replace=False)]
        return cut(stack, hits)


def varied(seen: Seen, rng: np.random.Generator) -> tuple[NDArray[np.uint8], list[Box]]:
    """Return the picture at another size, sometimes mirrored, turned or in other light, and its faces and doubts."""
    grey, boxes = seen.grey, [*seen.faces, *seen.unsure]
    # Few sizes, so that buffers are used again.
    size = 20 * int(rng.integers(_SMALLEST_WORK // 20, _LARGEST_WORK // 20 + 1))
    shape = (size, round(size * grey.shape[0] / grey.shape[1] / 10) * 10 or 10)
    across, down = shape[0] / grey.shape[1], shape[1] / grey.shape[0]
    way = cv2.INTER_AREA if across < 1 else cv2.INTER_LINEAR
    grey = np.asarray(cv2.resize(grey, shape, interpolation=way), dtype=np.uint8)
    boxes = [Box(box.x * across, box.y * down, box.w * across, box.h * down) for box in boxes]
    if rng.random() < 0.5:
        grey = grey[:, ::-1]
        boxes = [Box(shape[0] - box.x - box.w, box.y, box.w, box.h) for box in boxes]
    if not boxes:
        grey = np.rot90(grey, rng.choice([0, 0, 0, 1, 2, 3]))
        if rng.random() < 0.1:
            grey = 255 - grey
    if rng.random() < 0.5:
        table = np.clip(255 * (np.arange(256) / 255) ** np.exp(rng.normal(0, 0.4)), 0, 255)
        grey = table.astype(np.uint8)[grey]
    return np.ascontiguousarray(grey), boxes


def _on_faces(hits: NDArray[np.float32], stack: GreyStack, faces: Sequence[Box]) -> NDArray[np.bool_]:
    on = np.zeros(len(hits), dtype=np.bool_)
    for face in faces:
        on |= overlaps(hits, stack, face) > MOST_IOU
    return on


def overlaps(hits: NDArray[np.float32], stack: GreyStack, box: Box) -> NDArray[np.float32]:
    """Return the intersection over union of windows (N, 4), as ``scan`` found them in ``stack``, with ``box``."""
    scale = stack.scales[hits[:, 0].astype(int)]
    side = WINDOW * scale
    x, y = (hits[:, 1] - MARGIN) * scale, (hits[:, 2] - MARGIN) * scale
    across = np.minimum(x + side, box.x + box.w) - np.maximum(x, box.x)
    down = np.minimum(y + side, box.y + box.h) - np.maximum(y, box.y)
    shared = np.maximum(across, 0) * np.maximum(down, 0)
    return np.asarray(shared / (side**2 + box.area - shared), dtype=np.float32)


def cut(stack: GreyStack, hits: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the windows (N, WINDOW, WINDOW) that ``scan`` found in ``stack``."""
    first = stack.places[hits[:, 0].astype(int), 0] + hits[:, 2].astype(int) * stack.row_bytes + hits[:, 1].astype(int)
    within = np.arange(WINDOW)[:, None] * stack.row_bytes + np.arange(WINDOW)
    return np.asarray(stack.pixels[first[:, None, None] + within])
