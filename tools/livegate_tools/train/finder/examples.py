"""What the network learns from: windows that the trees let by, and where in them a face is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.detect.finder import Finder, View
from livegate.detect.grey_stack import GreyStack
from livegate.detect.windows import face_of, window_of
from livegate.kernels.tree_shape import LOOK
from livegate.types import Box
from livegate_tools.train.finder.mining import MOST_IOU, varied
from livegate_tools.train.finder.pictures import Seen
from livegate_tools.train.finder.windows import FOR_NETWORK, face_windows, spoilt

_LEAST_IOU = 0.45
_SPOILT = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Windows (N, LOOK, LOOK) uint8, ``face`` (N,) 1, 0 or NaN for neither, and ``offsets`` (N, 4), NaN without one."""

    windows: NDArray[np.uint8]
    face: NDArray[np.float32]
    offsets: NDArray[np.float32]

    def __add__(self, other: Examples) -> Examples:
        """Return both together."""
        return Examples(
            np.concatenate([self.windows, other.windows]),
            np.concatenate([self.face, other.face]),
            np.concatenate([self.offsets, other.offsets]),
        )


def cut_faces(pictures: Sequence[Seen], repeats: int, rng: np.random.Generator) -> Examples:
    """Return windows of faces as :func:`face_windows` cuts them."""
    windows, offsets = face_windows(pictures, repeats, LOOK, FOR_NETWORK, rng)
    return Examples(windows, np.ones(len(windows), np.float32), offsets)


def let_by(finder: Finder, pictures: Sequence[Seen], count: int, twice: bool, rng: np.random.Generator) -> Examples:
    """Return the windows of ``count`` varied pictures that the trees of ``finder`` let by.

    With ``twice`` those that its network doubts or mistakes, and where it would look again.
    """
    found: list[tuple[NDArray[np.uint8], float, NDArray[np.float32]]] = []
    views: dict[tuple[int, int], View] = {}
    for index in rng.integers(len(pictures), size=count):
        seen = pictures[index]
        grey, boxes = varied(seen, rng)
        view = views.setdefault(grey.shape, _view(finder, grey))
        view.stack.fill_grey(grey)
        for window in finder.windows(view):
            for again in _looked_at(finder, view.stack, window) if twice else [window]:
                face, offsets = _told(again, boxes, len(seen.faces))
                cut = _cut(view.stack, again)
                found.append((spoilt(cut, rng) if rng.random() < _SPOILT else cut, face, offsets))
    return Examples(
        np.stack([window for window, _, _ in found]),
        np.array([face for _, face, _ in found], np.float32),
        np.stack([offsets for _, _, offsets in found]),
    )


def _view(finder: Finder, grey: NDArray[np.uint8]) -> View:
    stack = GreyStack(grey.shape[1], grey.shape[0], grey.shape[1])
    return View(stack, finder.model.trees.on(stack.row_bytes), 1.0)


def _looked_at(finder: Finder, stack: GreyStack, window: Box) -> list[Box]:
    first = finder.second_look.of(stack, window).copy()
    return [window, window_of(face_of(window, first[1:]))] if first[0] > -3 else []


def _told(window: Box, boxes: Sequence[Box], faces: int) -> tuple[float, NDArray[np.float32]]:
    """Return whether ``window`` shows a face, NaN where that cannot be said, and the face's offsets in it."""
    nowhere = np.full(4, np.nan, np.float32)
    overlaps = [window.iou(window_of(box)) for box in boxes]
    if not overlaps or max(overlaps) < MOST_IOU:
        return 0.0, nowhere
    best = int(np.argmax(overlaps))
    if best >= faces:
        return np.nan, nowhere
    box = boxes[best]
    right, down = (box.x + box.w / 2 - window.x) / window.w - 0.5, (box.y + box.h / 2 - window.y) / window.h - 0.5
    offsets = np.array([right, down, np.log(box.w / window.w), np.log(box.h / window.h)], np.float32)
    return 1.0 if overlaps[best] >= _LEAST_IOU else np.nan, offsets


def _cut(stack: GreyStack, window: Box) -> NDArray[np.uint8]:
    """Return what the network would see of ``window``, (LOOK, LOOK) uint8."""
    index = stack.level_for(window.w / LOOK)
    scale = float(stack.scales[index])
    step = window.w / scale / LOOK
    matrix = np.array([[step, 0, window.x / scale + step / 2 - 0.5], [0, step, window.y / scale + step / 2 - 0.5]])
    flags, border = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, cv2.BORDER_REPLICATE
    return np.asarray(cv2.warpAffine(stack.picture(index), matrix, (LOOK, LOOK), flags=flags, borderMode=border))
