"""The one rule by which texture cues cut a face out of its picture.

Boulkenafet, Komulainen and Hadid 2016: the face on 64 x 64 pixels. The square has the box's middle as its middle and
its longer side, times ``scale`` (1.0 to 1.2), as its side.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.types import Box

SIDE = 64
"""Pixels along each side of a crop."""
SCALE = 1.1
"""How much longer the square's side is than the box's longer one."""
LEAST_FACE_PX = 16.0
"""Below this a quarter of a face, the finest cell of a pyramid, has not one pattern of its own left."""
LEAST_INSIDE = 0.5
"""The least share of the square that must be picture: what else is in the crop is its edge, repeated."""

_COLOURS = 3


def face_crop(image: NDArray[Any], box: Box, side: int = SIDE, scale: float = SCALE) -> NDArray[np.uint8] | None:
    """Return the face as (3, side, side) uint8, contiguous: the planes blue, green and red.

    ``image`` is (H, W, 3) uint8 in B, G, R order, of any strides; the box may leave it. Each pixel is the mean of the
    part of the picture it covers, exact at the part's borders; where the face is smaller than the crop that becomes
    bilinear interpolation. Outside the picture its outermost pixels are repeated. None, without an error, where there
    is no face to look at: a box that is not finite or has no size, a longer side below :data:`LEAST_FACE_PX`, less
    than :data:`LEAST_INSIDE` of the square in the picture, or an ``image`` that is no such picture.
    """
    if image.ndim != _COLOURS or image.dtype != np.uint8 or image.shape[2] != _COLOURS or image.size == 0:
        return None
    square = _square(box, scale, image.shape)
    if square is None:
        return None
    from livegate.kernels.square import cut_square

    left, top, length = square
    if not (image.flags.c_contiguous and image.flags.writeable):
        # Only what the square covers is copied, with the two pixels around it that interpolation may reach.
        column, row = max(math.floor(left) - 2, 0), max(math.floor(top) - 2, 0)
        image = image[row : math.ceil(top + length) + 2, column : math.ceil(left + length) + 2].copy()
        left, top = left - column, top - row
    rows = image.reshape(image.shape[0], -1)
    out = np.empty((_COLOURS, side, side), dtype=np.uint8)
    cut_square(rows, left, top, length, np.empty(rows.shape[1], dtype=np.float32), out)
    return out


def _square(box: Box, scale: float, shape: tuple[int, ...]) -> tuple[float, float, float] | None:
    """Return left, top and side of a box's square in pixels, or None where it shows no face."""
    x, y, w, h = float(box.x), float(box.y), float(box.w), float(box.h)
    length = max(w, h) * scale
    left, top = x + w / 2 - length / 2, y + h / 2 - length / 2
    if not (math.isfinite(left) and math.isfinite(top) and min(w, h) > 0 and max(w, h) >= LEAST_FACE_PX):
        return None
    across = min(left + length, float(shape[1])) - max(left, 0.0)
    down = min(top + length, float(shape[0])) - max(top, 0.0)
    if not (across > 0 and down > 0 and across / length * (down / length) >= LEAST_INSIDE):
        return None
    return left, top, length
