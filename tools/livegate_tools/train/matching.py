"""Which priors answer for which face: Liu et al., SSD, ECCV 2016, section 2.2, with a band that is not judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livegate.detect.priors import encode
from livegate.types import Box

BACKGROUND = 0
FACE = 1
IGNORED = -1


@dataclass(frozen=True, slots=True)
class Matches:
    """Per prior: ``state`` (N,) int8 (FACE, BACKGROUND or IGNORED) and ``offsets`` (N, 4) float32, 0 but at faces."""

    state: NDArray[np.int8]
    offsets: NDArray[np.float32]


def centred(boxes: Sequence[Box], width: int, height: int) -> NDArray[np.float32]:
    """Return pixel boxes as (n, 4) float32: centre and size in shares of a width×height input."""
    table = np.array([(b.x + b.w / 2, b.y + b.h / 2, b.w, b.h) for b in boxes], dtype=np.float32).reshape(-1, 4)
    return np.asarray(table / np.array([width, height, width, height]), dtype=np.float32)


def pairwise_iou(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (n, m) intersection over union of boxes given as centre and size in the same unit."""
    shared, area_one, area_other = _overlap(one, other)
    return np.asarray(shared / np.maximum(area_one + area_other - shared, 1e-12), dtype=np.float32)


def _overlap(one: NDArray[np.float32], other: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
    low = np.maximum((one[:, None, :2] - one[:, None, 2:] / 2), (other[None, :, :2] - other[None, :, 2:] / 2))
    high = np.minimum((one[:, None, :2] + one[:, None, 2:] / 2), (other[None, :, :2] + other[None, :, 2:] / 2))
    shared = np.prod(np.maximum(high - low, 0), axis=2)
    return shared, np.prod(one[:, 2:], axis=1)[:, None], np.prod(other[:, 2:], axis=1)[None, :]


def match(
    priors: NDArray[np.float32],
    faces: NDArray[np.float32],
    unsure: NDArray[np.float32],
    match_iou: float,
    ignore_iou: float,
) -> Matches:
    """Assign each prior (N, 4) to background, a face (n, 4) or nobody; all boxes as centre and size in shares.

    A prior answers for the face it overlaps most when that is at least ``match_iou``; every face gets its best prior
    whatever the overlap. Between ``ignore_iou`` and ``match_iou``, and where half a prior lies in an unsure region
    (m, 4), it is not judged.
    """
    state = np.full(len(priors), BACKGROUND, dtype=np.int8)
    offsets = np.zeros((len(priors), 4), dtype=np.float32)
    if len(unsure):
        shared, area, _ = _overlap(priors, unsure)
        state[(shared / np.maximum(area, 1e-12) > 0.5).any(axis=1)] = IGNORED
    if len(faces):
        iou = pairwise_iou(priors, faces)
        owner, best = iou.argmax(axis=1), iou.max(axis=1)
        state[best >= ignore_iou] = IGNORED
        state[best >= match_iou] = FACE
        for face, prior in enumerate(iou.argmax(axis=0)):
            owner[prior], state[prior] = face, FACE
        matched = state == FACE
        offsets[matched] = encode(faces[owner[matched]], priors[matched])
    return Matches(state, offsets)
