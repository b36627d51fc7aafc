"""A face box as a camera sees it: whether it can be looked at, by which camera, and how wide the face is in mm."""

from __future__ import annotations

import math

import numpy as np

from livegate.types import Box, Frame, Intrinsics

USUAL_FACE_WIDTH_MM = 140.0
# Heads, and boxes about them, are this much (natural logarithm) narrower or wider and still a person's.
_USUAL_SPREAD = 0.25
# Without calibration a camera of about 60 degrees is assumed; only sizes in mm depend on it.
_ASSUMED_FX_SHARE = 0.87


def overlaps(box: Box, size: tuple[int, ...]) -> bool:
    """Return whether a box of at least a pixel shares one with a picture of this (height, width, ...)."""
    if not np.isfinite((box.x, box.y, box.w, box.h)).all() or min(box.w, box.h) < 1:
        return False
    return Box(0.0, 0.0, float(size[1]), float(size[0])).iou(box) > 0


def camera_of(frame: Frame) -> Intrinsics:
    """Return the camera of a frame; where nothing is known one of about 60 degrees."""
    if frame.intrinsics is not None:
        return frame.intrinsics
    height, width = frame.image.shape[:2]
    focal = _ASSUMED_FX_SHARE * width
    return Intrinsics(focal, focal, (width - 1) / 2, (height - 1) / 2, width, height)


def width_off(width_mm: float) -> float:
    """Return how far a face's width lies outside what people's have, as a natural logarithm; 0 within it."""
    return max(abs(math.log(max(width_mm, 1.0) / USUAL_FACE_WIDTH_MM)) - _USUAL_SPREAD, 0.0)
