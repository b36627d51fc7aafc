"""The square window of a face, and the face a window shows."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from livegate.types import Box

SIDE = 1.15
"""Side of a window over the geometric mean of its face's width and height."""
_MOST_GROWTH = 2.0


def window_of(face: Box) -> Box:
    """Return the square window that shows a face's box as the finder wants it."""
    side = SIDE * math.sqrt(max(face.w, 0.0) * max(face.h, 0.0))
    return Box(face.x + (face.w - side) / 2, face.y + (face.h - side) / 2, side, side)


def face_of(window: Box, offsets: NDArray[np.float32]) -> Box:
    """Return the face's box in ``window``.

    ``offsets`` (4,) are in sides of the window: how far its centre lies to the right of and below the window's, and the
    natural logarithms of its width and height.
    """
    right, down, width, height = (float(value) for value in np.clip(offsets, -_MOST_GROWTH, _MOST_GROWTH))
    width, height = window.w * math.exp(width), window.h * math.exp(height)
    centre_x, centre_y = window.x + window.w * (0.5 + right), window.y + window.h * (0.5 + down)
    return Box(centre_x - width / 2, centre_y - height / 2, width, height)
