"""Whether a face stands too far away for the depth camera, so that its silence says nothing of what the face is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livegate.optics import FACE_WIDTH_MM, camera_of
from livegate.types import Box, Face, FrameSet, Role

# Where depth cameras for faces begin to end: up to here one that returns nothing sees a screen or does not work.
NEAR_MM = 900.0
# Fewer returns on the face than this share are none.
_LEAST_RETURNS = 0.05
# Whatever shows the face, or the hand that holds it, is nearer than the face looks.
_NEARER = 0.75
_SURROUNDINGS = 2.2
_SAMPLES = 40


def beyond_reach(frame_set: FrameSet, face: Face) -> bool:
    """Return whether the depth camera cannot be expected to see this face yet.

    By its width it is further away than NEAR_MM, nothing returns from it, and nothing around it is clearly nearer than
    it looks, as a small screen and the hand that holds it would be. False without a working depth camera.
    """
    frame = frame_set.frames.get(Role.DEPTH)
    if frame is None:
        return False
    looks_mm = FACE_WIDTH_MM * camera_of(frame).fx / max(face.box.w, 1.0)
    if looks_mm < NEAR_MM or _returned(frame.image, face.box, 1.0, looks_mm * _SURROUNDINGS) > _LEAST_RETURNS:
        return False
    return _returned(frame.image, face.box, _SURROUNDINGS, looks_mm * _NEARER) <= _LEAST_RETURNS


def _returned(depth: NDArray[np.uint16], box: Box, scale: float, most_mm: float) -> float:
    """Return the share of a box, scaled about its middle, that returned from nearer than ``most_mm``."""
    height, width = depth.shape
    steps = (np.arange(_SAMPLES) + 0.5) / _SAMPLES - 0.5
    columns = np.clip(box.x + box.w * (0.5 + scale * steps), 0, width - 1).astype(int)
    rows = np.clip(box.y + box.h * (0.5 + scale * steps), 0, height - 1).astype(int)
    sample = depth[rows[:, None], columns[None, :]]
    return float(np.count_nonzero((sample > 0) & (sample < most_mm)) / sample.size)
