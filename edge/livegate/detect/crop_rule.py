"""Cut the face and its surroundings out of the picture, as a crop classifier was trained to see them.

Training and the terminal share this file. The rule ``shift`` is that of Silent-Face-Anti-Spoofing (minivision, 2020),
``CropImage._get_new_box``, so that its networks see here exactly what they see there.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.detect.crop_manifest import Crop, CropRule, Resize
from livegate.types import Box

_INTERPOLATION = {
    Resize.LINEAR: cv2.INTER_LINEAR,
    Resize.AREA: cv2.INTER_AREA,
    Resize.HALVING: cv2.INTER_AREA,
}
# A cut-out of more than this many pictures is nothing but replicated edge, and would only cost memory.
_MOST_PICTURES = 4.0


def crop(image: NDArray[Any], box: Box, rule: Crop, width: int, height: int) -> NDArray[np.uint8]:
    """Return what ``rule`` cuts around ``box`` out of ``image`` (H, W, 3) uint8, as (height, width, 3) uint8.

    The box may leave the picture and may be without size; the aspect ratio is not kept.
    """
    return resized(cut(image, box, rule), rule, width, height)


def cut(image: NDArray[Any], box: Box, rule: Crop) -> NDArray[np.uint8]:
    """Return what ``rule`` cuts around ``box`` out of ``image``, at the picture's own resolution; it may be a view."""
    return _shifted(image, box, rule.scale) if rule.rule is CropRule.SHIFT else _padded(image, box, rule.scale)


def resized(part: NDArray[Any], rule: Crop, width: int, height: int) -> NDArray[np.uint8]:
    """Return a cut-out (h, w, 3) uint8 at the size of the network's input: (height, width, 3) uint8."""
    if rule.resize is Resize.HALVING:
        part = _halved(part, width, height)
    return np.asarray(cv2.resize(part, (width, height), interpolation=_INTERPOLATION[rule.resize]), dtype=np.uint8)


def _halved(part: NDArray[Any], width: int, height: int) -> NDArray[Any]:
    """Return the part averaged two by two until it is less than twice ``width`` or ``height``."""
    while part.shape[0] >= 2 * height and part.shape[1] >= 2 * width:
        rows, columns = part.shape[0] // 2, part.shape[1] // 2
        # Only whole factors are averaged quickly: an odd last row or column is left out.
        part = cv2.resize(part[: 2 * rows, : 2 * columns], (columns, rows), interpolation=cv2.INTER_AREA)
    return part


def _shifted(image: NDArray[Any], box: Box, scale: float) -> NDArray[Any]:
    """Return the enlarged box, shrunk to what the picture has and shifted into it; both ends are included."""
    height, width = image.shape[:2]
    w, h = max(box.w, 1.0), max(box.h, 1.0)
    scale = min(scale, (height - 1) / h, (width - 1) / w)
    left, right = _inside(box.x + box.w / 2, w * scale, width - 1)
    top, bottom = _inside(box.y + box.h / 2, h * scale, height - 1)
    return image[top : bottom + 1, left : right + 1]


def _inside(centre: float, length: float, last: int) -> tuple[int, int]:
    low, high = centre - length / 2, centre + length / 2
    if low < 0:
        low, high = 0.0, high - low
    if high > last:
        low, high = low - (high - last), float(last)
    return int(max(low, 0.0)), int(high)


def _padded(image: NDArray[Any], box: Box, scale: float) -> NDArray[Any]:
    """Return the enlarged box, sides rounded to whole pixels; outside the picture its edge is repeated."""
    height, width = image.shape[:2]
    left, right = _around(box.x + box.w / 2, max(box.w, 1.0) * scale, width)
    top, bottom = _around(box.y + box.h / 2, max(box.h, 1.0) * scale, height)
    # A box that lies wholly outside still has the nearest pixel of the picture.
    rows = slice(min(max(top, 0), height - 1), max(min(bottom, height), 1))
    columns = slice(min(max(left, 0), width - 1), max(min(right, width), 1))
    inner = image[rows, columns]
    above, below = max(rows.start - top, 0), max(bottom - rows.stop, 0)
    before, behind = max(columns.start - left, 0), max(right - columns.stop, 0)
    if not (above or below or before or behind):
        return inner
    return np.asarray(cv2.copyMakeBorder(inner, above, below, before, behind, cv2.BORDER_REPLICATE))


def _around(centre: float, length: float, size: int) -> tuple[int, int]:
    length = min(length, _MOST_PICTURES * size)
    centre = min(max(centre, -length / 2), size + length / 2)
    low = round(centre - length / 2)
    return low, low + max(round(length), 1)
