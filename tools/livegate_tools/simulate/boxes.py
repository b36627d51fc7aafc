"""Face boxes in YuNet's convention from a head's eight landmarks."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]

_WIDTH_SHARE, _HEIGHT_SHARE, _SHIFT_X, _SHIFT_Y = 1.143, 1.145, 0.0, -0.065


def face_box(pixels: Array) -> tuple[float, float, float, float]:
    """Return x, y, width, height of the box YuNet would draw round landmarks (8, 2) in pixels, see Head.

    The box spanned by the points, scaled and moved by medians over rendered live faces that YuNet found.
    """
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    size = high - low
    centre = (low + high) / 2 + size * (_SHIFT_X, _SHIFT_Y)
    width, height = float(size[0] * _WIDTH_SHARE), float(size[1] * _HEIGHT_SHARE)
    return float(centre[0] - width / 2), float(centre[1] - height / 2), width, height
