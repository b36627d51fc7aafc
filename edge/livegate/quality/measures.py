"""What can be measured of a face's picture before anything is concluded from it.

The terms are those of ISO/IEC 29794-5:2025 (face image quality) where they fit: illumination and exposure, sharpness,
head size, cropping, pose. There are no landmarks at run time, so the distance between the eyes and the turn of the head
are stand-ins learnt from pictures with landmarks (``turn.py``, docs/quality.md).

All is measured on one grey reduction of the box, so the cost hardly depends on how large the face is; blur counts in
shares of the face for the same reason: what the networks see is a reduction, too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.quality.turn import TurnModel, turn_of
from livegate.types import Box

SIDE_PX = 64
"""The box is reduced to this many pixels a side; smaller faces are not enlarged."""
OVEREXPOSED_LEVEL = 250
UNDEREXPOSED_LEVEL = 25
_LEAST_SIDE_PX = 16
# Pixels are skipped where the box has more than this a side; each of the reduction still is the mean of four or more.
_READ_PX = 2 * SIDE_PX
# The rim of a box shows hair and the room behind, whose light says little of the face's.
_RIM = 1 / 8
# Crete et al. 2007 found 9 taps to tell blur best.
_REBLUR_TAPS = 9
_BRIGHT, _DARK = 0.95, 0.05


@dataclass(frozen=True, slots=True)
class QualityMeasures:
    """Measures of one face. Levels are grey levels 0..255 of the inner part of the box, shares are 0..1.

    ``blur`` is 0 (crisp) to 1 (smeared), the worse direction of the two (Crete et al., *The blur effect*, SPIE 2007);
    ``turn`` is how far the nose lies from the middle between the eyes, in distances between the eyes, seen in the
    picture: positive to the right, 0 straight ahead.
    """

    face_px: float
    """The shorter side of the box."""
    inter_eye_px: float
    """The distance between the eyes that a face seen from the front has in a box of this width."""
    height_share: float
    """Height of the box by that of the picture; above 1 the face is larger than the picture."""
    outside_share: float
    """How much of the box lies outside the picture; 1 also for a box that is no box."""
    mean_level: float
    bright_level: float
    """The level that 5 % of the face exceed: a dark skin in ordinary light has it, a face in the dark has not."""
    contrast_levels: float
    """``bright_level`` less the level that 95 % exceed."""
    underexposed_share: float
    overexposed_share: float
    blur: float
    turn: float


def measure(image: NDArray[np.uint8], box: Box, turn: TurnModel) -> QualityMeasures:
    """Return the measures of the face at ``box`` in ``image`` (H, W, 3) uint8 BGR.

    Any box is measured: of one that is not finite, has no area or lies outside, ``outside_share`` is 1 and what would
    be seen in it 0. Raise ValueError for a picture of another shape or without a pixel.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ValueError(f"quality: expected a picture (H, W, 3), found {image.shape}")
    height, width = image.shape[:2]
    seen = _inside(box, width, height)
    if seen is None:
        return QualityMeasures(0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    grey = _reduced(image, box, seen)
    rim_y, rim_x = (int(side * _RIM) for side in grey.shape)
    levels = _Levels.of(grey[rim_y : grey.shape[0] - rim_y, rim_x : grey.shape[1] - rim_x])
    left, top, right, bottom = seen
    return QualityMeasures(
        face_px=min(box.w, box.h),
        inter_eye_px=box.w * turn.inter_eye_share,
        height_share=box.h / height,
        outside_share=min(max(1.0 - ((right - left) / box.w) * ((bottom - top) / box.h), 0.0), 1.0),
        mean_level=levels.mean,
        bright_level=levels.bright,
        contrast_levels=levels.bright - levels.dark,
        underexposed_share=levels.underexposed,
        overexposed_share=levels.overexposed,
        blur=blur_of(grey),
        turn=turn_of(grey, turn),
    )


def blur_of(grey: NDArray[np.uint8]) -> float:
    """Return how blurred (H, W) uint8 is, 0..1: how little its steps shrink when it is blurred once more."""
    down = _blur_along(grey[1:], grey[:-1], cv2.blur(grey, (1, _REBLUR_TAPS)), 0)
    across = _blur_along(grey[:, 1:], grey[:, :-1], cv2.blur(grey, (_REBLUR_TAPS, 1)), 1)
    return max(down, across)


def _blur_along(ahead: NDArray[np.uint8], behind: NDArray[np.uint8], blurred: cv2.typing.MatLike, axis: int) -> float:
    """Return the share of the steps between neighbours, ``ahead`` less ``behind``, that blurring leaves."""
    steps = cv2.absdiff(ahead, behind)
    after = cv2.absdiff(blurred[1:], blurred[:-1]) if axis == 0 else cv2.absdiff(blurred[:, 1:], blurred[:, :-1])
    # Differences of uint8 end at 0 in OpenCV. One level of each is noise and rounding: it makes no smeared face crisp.
    lost = cv2.subtract(steps, after)
    return 1.0 - (cv2.sumElems(lost)[0] - cv2.countNonZero(lost)) / (cv2.sumElems(steps)[0] + steps.size)


def _inside(box: Box, width: int, height: int) -> tuple[float, float, float, float] | None:
    """Return left, top, right, bottom of what lies in the picture, None for nothing."""
    if not all(map(math.isfinite, (box.x, box.y, box.w, box.h))) or box.w <= 0 or box.h <= 0:
        return None
    left, top = max(box.x, 0.0), max(box.y, 0.0)
    right, bottom = min(box.x + box.w, float(width)), min(box.y + box.h, float(height))
    return (left, top, right, bottom) if right > left and bottom > top else None


def reduced(image: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    """Return the box as a grey square of at most SIDE_PX, its edges repeated where it leaves the picture.

    Raise ValueError for a box of which nothing lies in the picture.
    """
    seen = _inside(box, image.shape[1], image.shape[0])
    if seen is None:
        raise ValueError(f"quality: nothing of {box} lies in a picture {image.shape}")
    return _reduced(image, box, seen)


def _reduced(image: NDArray[np.uint8], box: Box, seen: tuple[float, float, float, float]) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    side = int(min(max(min(box.w, box.h), _LEAST_SIDE_PX), SIDE_PX))
    left, right = _whole_pixels(seen[0], seen[2], width)
    top, bottom = _whole_pixels(seen[1], seen[3], height)
    skip = max(1, min(right - left, bottom - top) * side // (_READ_PX * SIDE_PX))
    grey = cv2.cvtColor(np.ascontiguousarray(image[top:bottom:skip, left:right:skip]), cv2.COLOR_BGR2GRAY)
    before, across = _place(seen[0] - box.x, seen[2] - box.x, box.w, side)
    above, down = _place(seen[1] - box.y, seen[3] - box.y, box.h, side)
    small = cv2.resize(grey, (across, down), interpolation=cv2.INTER_AREA)
    if (across, down) != (side, side):
        after, below = side - before - across, side - above - down
        small = cv2.copyMakeBorder(small, above, below, before, after, cv2.BORDER_REPLICATE)
    return np.asarray(small, np.uint8)


def _whole_pixels(low: float, high: float, limit: int) -> tuple[int, int]:
    first = min(int(low), limit - 1)
    return first, max(min(math.ceil(high), limit), first + 1)


def _place(low: float, high: float, whole: float, side: int) -> tuple[int, int]:
    """Return where a part of the box begins in its reduction and how many pixels it gets, at least one."""
    first = min(int(low / whole * side), side - 1)
    return first, max(min(round(high / whole * side), side) - first, 1)


@dataclass(frozen=True, slots=True)
class _Levels:
    mean: float
    bright: float
    dark: float
    underexposed: float
    overexposed: float

    @classmethod
    def of(cls, grey: NDArray[np.uint8]) -> _Levels:
        counts = cv2.calcHist([grey], [0], None, [256], [0, 256])
        below = np.cumsum(counts) / grey.size
        return cls(
            mean=cv2.mean(grey)[0],
            bright=float(np.searchsorted(below, _BRIGHT)),
            dark=float(np.searchsorted(below, _DARK)),
            underexposed=float(below[UNDEREXPOSED_LEVEL - 1]),
            overexposed=1.0 - float(below[OVEREXPOSED_LEVEL - 1]),
        )
