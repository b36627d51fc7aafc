"""What a device's numbers become in a frame: B, G, R or grey of 8 bits, and depth in millimetres."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.types import Role


def as_role(picture: NDArray[Any], role: Role) -> NDArray[Any]:
    """Return a B, G, R or grey uint8 ``picture`` as ``role`` rgb, rgb_right or nir needs it."""
    if role is Role.NIR:
        return picture if picture.ndim == 2 else np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))
    return picture if picture.ndim == 3 else np.asarray(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR))


def eight_bits(picture: NDArray[np.uint16], bits: int) -> NDArray[np.uint8]:
    """Return an infrared picture, ``bits`` of whose pixels are significant, without the lower ones.

    v >> (bits - 8), at most 255, the same for every picture: stretched to what is in view, a dark room would look lit.
    """
    return np.asarray(np.minimum(picture >> (bits - 8), 255), np.uint8)


def in_mm(counts: NDArray[Any], unit_mm: float) -> NDArray[np.uint16]:
    """Return depth of ``unit_mm`` a count in millimetres, halves rounded up; what 16 bits cannot hold is no return, 0.

    ``counts`` are 16 bits of any byte order; where they are millimetres already they are returned as they are.
    """
    counts = counts.astype(np.uint16, copy=False)
    return counts if unit_mm == 1.0 else np.asarray(_millimetres(unit_mm)[counts])


@lru_cache(maxsize=4)
def _millimetres(unit_mm: float) -> NDArray[np.uint16]:
    """Return the millimetres of every count."""
    depth_mm = np.floor(np.arange(2**16) * unit_mm + 0.5)
    table = np.where(depth_mm < 2**16, depth_mm, 0).astype(np.uint16)
    table.setflags(write=False)
    return table
