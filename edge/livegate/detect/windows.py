"""The square window of a face, and the face of windows: many lie on one face, few on anything else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livegate.types import Box

SIDE = 1.15
"""Side of a window over the geometric mean of its face's width and height."""
_SAME = 0.4
_INSIDE = 0.6


@dataclass(frozen=True, slots=True)
class BoxRule:
    """A face's box in its window, in sides of the window: where its centre lies from the window's, and its size."""

    right: float = 0.0
    down: float = 0.0
    width: float = 0.755
    height: float = 1.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """Windows that lie on one another: where they lie in the mean, and how much they have gathered together."""

    window: Box
    evidence: float
    count: int


def window_of(face: Box) -> Box:
    """Return the square window that shows a face's box as the trees want it."""
    side = SIDE * float(np.sqrt(max(face.w, 0.0) * max(face.h, 0.0)))
    return Box(face.x + (face.w - side) / 2, face.y + (face.h - side) / 2, side, side)


def face_of(window: Box, rule: BoxRule) -> Box:
    """Return the box of the face in ``window``."""
    width, height = window.w * rule.width, window.h * rule.height
    centre_x = window.x + window.w * (0.5 + rule.right)
    centre_y = window.y + window.h * (0.5 + rule.down)
    return Box(centre_x - width / 2, centre_y - height / 2, width, height)


def cluster(windows: NDArray[np.float32], scores: NDArray[np.float32]) -> list[Cluster]:
    """Gather ``windows`` (N, 3) left, top, side by overlap with the best of them, most evidence first.

    ``scores`` (N,) are above 0. What lies for the most part inside something better is dropped.
    """
    found = []
    left = np.argsort(-scores, kind="stable")
    while left.size:
        near = _iou(windows[left[0]], windows[left]) >= _SAME
        members = left[near]
        weight = scores[members].astype(np.float64)
        x, y, side = (windows[members] * weight[:, None]).sum(axis=0) / weight.sum()
        found.append(Cluster(Box(float(x), float(y), float(side), float(side)), float(weight.sum()), members.size))
        left = left[~near]
    return _without_covered(sorted(found, key=lambda each: -each.evidence))


def _without_covered(clusters: list[Cluster]) -> list[Cluster]:
    kept: list[Cluster] = []
    for each in clusters:
        if not any(_covered(each.window, better.window) for better in kept):
            kept.append(each)
    return kept


def _covered(one: Box, other: Box) -> bool:
    """Return whether the smaller of two squares lies for the most part in the larger."""
    width = min(one.x + one.w, other.x + other.w) - max(one.x, other.x)
    height = min(one.y + one.h, other.y + other.h) - max(one.y, other.y)
    return width > 0 and height > 0 and width * height > _INSIDE * min(one.area, other.area)


def _iou(one: NDArray[np.float32], windows: NDArray[np.float32]) -> NDArray[np.float32]:
    x, y, side = windows.T
    width = np.minimum(one[0] + one[2], x + side) - np.maximum(one[0], x)
    height = np.minimum(one[1] + one[2], y + side) - np.maximum(one[1], y)
    shared = np.maximum(width, 0) * np.maximum(height, 0)
    return np.asarray(shared / (one[2] ** 2 + side**2 - shared), dtype=np.float32)
