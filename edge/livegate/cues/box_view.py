"""A face box as a camera sees it: whether it can be looked at, and whether the face is as wide as faces are."""

from __future__ import annotations

import math

import numpy as np

from livegate.optics import FACE_WIDTH_MM
from livegate.types import Box

# Heads, and boxes about them, are this much (natural logarithm) narrower or wider and still a person's.
_USUAL_SPREAD = 0.25


def overlaps(box: Box, size: tuple[int, ...]) -> bool:
    """Return whether a box of at least a pixel shares one with a picture of this (height, width, ...)."""
    if not np.isfinite((box.x, box.y, box.w, box.h)).all() or min(box.w, box.h) < 1:
        return False
    return Box(0.0, 0.0, float(size[1]), float(size[0])).iou(box) > 0


def width_off(width_mm: float) -> float:
    """Return how far a face's width lies outside what people's have, as a natural logarithm; 0 within it."""
    return max(abs(math.log(max(width_mm, 1.0) / FACE_WIDTH_MM)) - _USUAL_SPREAD, 0.0)
