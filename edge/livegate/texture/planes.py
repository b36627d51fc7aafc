"""The colour planes of a crop, in the ranges of the literature, and as bytes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NAMES = ("hue", "saturation", "value", "luma", "chroma_blue", "chroma_red")
"""The planes in their order: HSV, then Y, Cb, Cr."""
HSV, YCBCR = slice(0, 3), slice(3, 6)
"""Which of the planes make which colour space."""
_COLOURS = 3


def colour_planes(crop: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the planes of a crop (3, H, W) uint8 B, G, R, contiguous: (6, H, W) float32.

    H, S, V on [0, 1]; Y on [16, 235]; Cb, Cr on [16, 240]. Greys have the hue 0, black the saturation 0. ValueError
    for what is no such crop.
    """
    from livegate.kernels import planes

    if crop.ndim != _COLOURS or crop.shape[0] != _COLOURS or crop.dtype != np.uint8 or not crop.flags.c_contiguous:
        how = "" if crop.flags.c_contiguous else ", not contiguous"
        found = f"{crop.dtype} of shape {crop.shape}{how}"
        raise ValueError(f"crop: expected (3, height, width) of uint8 in B, G, R, contiguous, found {found}")
    out = np.empty((planes.PLANES, *crop.shape[1:]), dtype=np.float32)
    planes.colour_planes(crop, out)
    return out


def byte_planes(planes: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return planes (6, H, W) rounded to whole levels, uint8: H, S, V on 0..255; Y, Cb, Cr as they are."""
    from livegate.kernels.planes import to_bytes

    out = np.empty(planes.shape, dtype=np.uint8)
    to_bytes(planes, out)
    return out
