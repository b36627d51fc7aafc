"""From the network's raw outputs to faces in the picture's own pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livegate.detect.nms import suppress
from livegate.detect.preprocess import View
from livegate.detect.priors import decode
from livegate.errors import PadError
from livegate.types import Box, Face

# Bounds the time a picture may take, whatever a damaged model or a crowd makes of it.
MAX_CANDIDATES = 256
# A centre a thousand priors away: no picture is that large, and much more would overflow.
MAX_OFFSET = 1e4


@dataclass(frozen=True, slots=True)
class Decoder:
    """How one model's outputs are read.

    ``priors`` (N, 4) float32; ``width`` and ``height`` of the input in pixels. A face has p_bona_fide + p_attack of at
    least ``confidence``; of two that overlap by more than ``nms_iou`` the surer stays.
    """

    priors: NDArray[np.float32]
    width: int
    height: int
    confidence: float
    nms_iou: float

    def faces(self, offsets: NDArray[np.float32], scores: NDArray[np.float32], view: View) -> tuple[Face, ...]:
        """Return the faces, surest first, with boxes in pixels of the picture ``view`` describes; they may leave it.

        ``offsets`` (N, 4) against the priors and ``scores`` (N, 3), the probabilities of background, bona fide and
        attack, both float32. Raises PadError when an output is not finite or a box is beyond all reason.
        """
        if not (np.isfinite(scores).all() and np.isfinite(offsets).all()):
            raise PadError("detector: the network's output is not finite; this picture cannot be judged")
        chosen, sureness = candidates(scores, self.confidence)
        if chosen.size == 0:
            return ()
        if np.abs(offsets[chosen]).max() > MAX_OFFSET:
            raise PadError("detector: the network's boxes are beyond all reason; this picture cannot be judged")
        boxes = decode(offsets[chosen], self.priors[chosen])
        corners = picture_corners(boxes, (self.width, self.height), view)
        kept = suppress(corners, sureness, self.nms_iou)
        return tuple(
            _face(corner, probabilities)
            for corner, probabilities in zip(corners[kept].tolist(), scores[chosen[kept]].tolist(), strict=True)
        )


def candidates(scores: NDArray[np.float32], confidence: float) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return which priors may be faces, at most MAX_CANDIDATES, surest first, and how sure each is."""
    sureness = scores[:, 1] + scores[:, 2]
    chosen = np.flatnonzero(sureness >= confidence)
    order = chosen[np.argsort(-sureness[chosen], kind="stable")][:MAX_CANDIDATES]
    return order, sureness[order]


def picture_corners(boxes: NDArray[np.float32], size: tuple[int, int], view: View) -> NDArray[np.float32]:
    """Turn ``boxes`` (N, 4), centre and size in shares of the input, into left, top, right, bottom in pixels."""
    across = np.array([size[0] / view.scale_x, size[1] / view.scale_y], dtype=np.float32)
    centres, halves = boxes[:, :2] * across, boxes[:, 2:] * across / 2
    return np.concatenate([centres - halves, centres + halves], axis=1)


def _face(corner: list[float], probabilities: list[float]) -> Face:
    left, top, right, bottom = corner
    _, p_bona_fide, p_attack = (min(max(p, 0.0), 1.0) for p in probabilities)
    return Face(Box(left, top, right - left, bottom - top), p_bona_fide, p_attack)
