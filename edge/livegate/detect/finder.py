"""The face finder that needs no neural runtime: it says where faces are, and nothing of whether they live."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.detect.finder_manifest import FinderModel, read_finder
from livegate.detect.grey_stack import MARGIN, GreyStack
from livegate.detect.second_look import SecondLook
from livegate.detect.windows import face_of, window_of
from livegate.errors import PadError
from livegate.installed.shelf import SHIPPED, Shelf
from livegate.kernels.pixel_trees import scan, thin
from livegate.kernels.tree_shape import WINDOW
from livegate.types import Box, Face

NAME = "finder"
_USUAL_PIXELS = 640 * 480
# What has more windows than this is no picture of faces, and must not take longer.
_MOST_WINDOWS, _MOST_LOOKS = 4096, 48
_MOST_SIZES = 4
_WINDOW_IOU, _FACE_IOU, _INSIDE = np.float32(0.45), 0.3, 0.7
# Windows with less than this, in logarithms of odds, are not looked at again.
_LEAST_ODDS = -3.0
# Where a face is looked at a last time: by how much smaller, and how far to the right and down in sides of its window.
# What is a face looks like one from a little beside, too; what only happens to look like one seldom does.
_AROUND = ((1.0, 0.0, 0.0), (0.85, 0.0, 0.04), (1.15, 0.0, -0.04), (1.0, 0.08, 0.0), (1.0, -0.08, 0.0))


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What pictures of one size need: a stack, the trees' offsets in it, and the side of one of its pixels."""

    stack: GreyStack
    trees: tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]
    scale: float


class Finder:
    """A cascade ready to run. Remembers nothing between pictures but its buffers; one thread at a time may use it."""

    def __init__(self, model: FinderModel) -> None:
        """Take a model that was read and checked."""
        self.model = model
        self.second_look = SecondLook(model.network)
        self._views: dict[tuple[int, int], View] = {}
        self._found = np.zeros((_MOST_WINDOWS, 4), dtype=np.float32)
        self._windows = np.zeros((_MOST_WINDOWS, 4), dtype=np.float32)
        self._alive = np.zeros(_MOST_WINDOWS, dtype=np.bool_)
        self._kept = np.zeros(_MOST_LOOKS, dtype=np.int64)

    def detect(self, image: NDArray[Any]) -> tuple[Face, ...]:
        """Return the faces in ``image``, surest first, boxes in its pixels and by YuNet's convention.

        ``image`` is (H, W, 3) uint8 in B, G, R order, of any size from 1x1, contiguous or not. The two probabilities
        of a face are equal: half of the confidence that it is one. Raises PadError when the picture is none.
        """
        decision = self.model.decision
        sure = [(decision.of(odds), box) for odds, box in self.look(image)]
        return tuple(
            Face(box, confidence / 2, confidence / 2) for confidence, box in sure if confidence >= decision.confidence
        )

    def look(self, image: NDArray[Any]) -> list[tuple[float, Box]]:
        """Return whatever may be a face, with the network's logarithm of odds, best first; errors as for detect."""
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
            raise PadError(f"finder: expected an (H, W, 3) uint8 picture, found {image.shape} {image.dtype}")
        view = self._view(image.shape[0], image.shape[1])
        view.stack.fill(np.ascontiguousarray(image))
        found = [seen for window in self.windows(view) if (seen := self._twice(view.stack, window)) is not None]
        likely = [each for each in _apart(sorted(found, key=_worst_first, reverse=True)) if each[0] >= _LEAST_ODDS]
        surer = sorted((self._around(view.stack, *each) for each in likely), key=_worst_first, reverse=True)
        scale = view.scale
        return [(odds, Box(box.x * scale, box.y * scale, box.w * scale, box.h * scale)) for odds, box in surer]

    def windows(self, view: View) -> list[Box]:
        """Return the windows of a filled stack that the trees let by, best first, in pixels of its first level."""
        stack = view.stack
        count = scan(stack.pixels, stack.places, self.model.scan.stride, *view.trees, self._found)
        count = min(count, _MOST_WINDOWS)
        found, windows = self._found[:count], self._windows[:count]
        scale = stack.scales[found[:, 0].astype(np.intp)]
        windows[:, 0], windows[:, 1] = (found[:, 1] - MARGIN) * scale, (found[:, 2] - MARGIN) * scale
        windows[:, 2], windows[:, 3] = WINDOW * scale, found[:, 3]
        number = thin(self._windows, count, _WINDOW_IOU, self._alive, self._kept)
        chosen = self._windows[self._kept[:number]].tolist()
        return [Box(x, y, side, side) for x, y, side, _ in chosen]

    def _twice(self, stack: GreyStack, window: Box) -> tuple[float, Box] | None:
        """Look at a window, and where it may show a face again at where that is; return odds and box."""
        first = self.second_look.of(stack, window)
        if first[0] < _LEAST_ODDS:
            return None
        better = window_of(face_of(window, first[1:]))
        again = self.second_look.of(stack, better)
        return float(again[0]), face_of(better, again[1:])

    def _around(self, stack: GreyStack, odds: float, box: Box) -> tuple[float, Box]:
        """Look at what may be a face from a little beside; return the mean of all odds and boxes."""
        square = window_of(box)
        seen = [(odds, box)]
        for share, right, down in _AROUND:
            side = share * square.w
            x, y = square.x + (square.w - side) / 2 + right * side, square.y + (square.h - side) / 2 + down * side
            window = Box(x, y, side, side)
            again = self.second_look.of(stack, window)
            seen.append((float(again[0]), face_of(window, again[1:])))
        boxes = [(each.x, each.y, each.w, each.h) for _, each in seen]
        mean = [sum(values) / len(seen) for values in zip(*boxes, strict=True)]
        return sum(each for each, _ in seen) / len(seen), Box(*mean)

    def _view(self, height: int, width: int) -> View:
        view = self._views.get((height, width))
        if view is None:
            if len(self._views) == _MOST_SIZES:
                self._views.clear()
            view = self._views[height, width] = self._made(height, width)
        return view

    def _made(self, height: int, width: int) -> View:
        shrink = self.model.scan.smallest_px / WINDOW * max(1.0, math.sqrt(height * width / _USUAL_PIXELS))
        small_width, small_height = max(1, round(width / shrink)), max(1, round(height / shrink))
        stack = GreyStack(small_width, small_height, width)
        scale = math.sqrt(width * height / (small_width * small_height))
        return View(stack, self.model.trees.on(stack.row_bytes), scale)


def _worst_first(found: tuple[float, Box]) -> float:
    return found[0]


def _apart(found: list[tuple[float, Box]]) -> list[tuple[float, Box]]:
    """Of boxes on one face keep the surest; a smaller one inside a face is no face."""
    kept: list[tuple[float, Box]] = []
    for odds, box in found:
        if not any(box.iou(better) > _FACE_IOU or _inside(box, better) for _, better in kept):
            kept.append((odds, box))
    return kept


def _inside(one: Box, other: Box) -> bool:
    width = min(one.x + one.w, other.x + other.w) - max(one.x, other.x)
    height = min(one.y + one.h, other.y + other.h) - max(one.y, other.y)
    return width > 0 and height > 0 and width * height > _INSIDE * min(one.area, other.area)


def open_finder(shelf: Shelf = SHIPPED) -> Finder:
    """Open the face finder of ``shelf``; AssetError for a missing or damaged model."""
    return Finder(read_finder(shelf.model(NAME)))
