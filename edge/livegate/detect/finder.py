"""The face finder that needs no neural runtime: it says where faces are, and nothing of whether they live."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.detect.finder_manifest import FinderModel, read_finder
from livegate.detect.grey_stack import MARGIN, GreyStack
from livegate.detect.windows import Cluster, cluster, face_of
from livegate.errors import PadError
from livegate.installed.shelf import SHIPPED, Shelf
from livegate.kernels.pixel_trees import scan
from livegate.kernels.tree_shape import WINDOW
from livegate.types import Face

NAME = "finder"
_USUAL_PIXELS = 640 * 480
# A crowd has a few hundred windows; what has more is no picture of faces, and must not take longer.
_MOST_WINDOWS, _MOST_CLUSTERED = 4096, 512
_MOST_SIZES = 4
# So that the faintest window, too, weighs something.
_LEAST_SCORE = np.float32(0.01)


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """What pictures of one size need: their stack, the trees' offsets in it, and the size of a level's pixels."""

    stack: GreyStack
    trees: tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]
    scales: NDArray[np.float32]


class Finder:
    """A cascade ready to run. Remembers nothing between pictures but its buffers; one thread at a time may use it."""

    def __init__(self, model: FinderModel) -> None:
        """Take a model that was read and checked."""
        self.model = model
        self._views: dict[tuple[int, int], _View] = {}
        self._found = np.zeros((_MOST_WINDOWS, 4), dtype=np.float32)

    def detect(self, image: NDArray[Any]) -> tuple[Face, ...]:
        """Return the faces in ``image``, surest first, boxes in its pixels and by YuNet's convention.

        ``image`` is (H, W, 3) uint8 in B, G, R order, of any size from 1x1, contiguous or not. The two probabilities
        of a face are equal: half of the confidence that it is one. Raises PadError when the picture is none.
        """
        decision = self.model.decision
        sure = [(decision.of(each.evidence), each) for each in self.clusters(image)]
        return tuple(
            Face(face_of(each.window, self.model.box), confidence / 2, confidence / 2)
            for confidence, each in sure
            if confidence >= decision.confidence
        )

    def clusters(self, image: NDArray[Any]) -> list[Cluster]:
        """Return everything that looks like a face at all, most evidence first; arguments and errors as for detect."""
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
            raise PadError(f"finder: expected an (H, W, 3) uint8 picture, found {image.shape} {image.dtype}")
        view = self._view(image.shape[0], image.shape[1])
        stack = view.stack
        stack.fill(np.ascontiguousarray(image))
        count = scan(stack.pixels, stack.places, stack.row_bytes, self.model.scan.stride, *view.trees, self._found)
        found = self._found[: min(count, _MOST_WINDOWS)]
        if len(found) > _MOST_CLUSTERED:
            found = found[np.argsort(-found[:, 3], kind="stable")[:_MOST_CLUSTERED]]
        scale = view.scales[found[:, 0].astype(np.intp)]
        windows = np.column_stack([(found[:, 1] - MARGIN) * scale, (found[:, 2] - MARGIN) * scale, WINDOW * scale])
        return cluster(windows, found[:, 3] - self.model.trees.least[-1] + _LEAST_SCORE)

    def _view(self, height: int, width: int) -> _View:
        view = self._views.get((height, width))
        if view is None:
            if len(self._views) == _MOST_SIZES:
                self._views.clear()
            view = self._views[height, width] = self._made(height, width)
        return view

    def _made(self, height: int, width: int) -> _View:
        shrink = self.model.scan.smallest_px / WINDOW * max(1.0, math.sqrt(height * width / _USUAL_PIXELS))
        stack = GreyStack(max(1, round(width / shrink)), max(1, round(height / shrink)), width)
        scales = np.array([math.sqrt(width * height / (w * h)) for w, h in stack.sizes], dtype=np.float32)
        return _View(stack, self.model.trees.on(stack.row_bytes), scales)


def open_finder(shelf: Shelf = SHIPPED) -> Finder:
    """Open the face finder of ``shelf``; AssetError for a missing or damaged model."""
    return Finder(read_finder(shelf.model(NAME)))
