"""What showing a face once more, on paper or on a screen, does to its picture: image distortion analysis.

Wen, Han, Jain, *Face spoof detection with image distortion analysis* (IEEE TIFS 10(4), 2015): a second surface mirrors
light of its own, a second set of inks or lamps narrows the colours, and a second lens blurs. 121 numbers in all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.texture.crop import face_crop
from livegate.types import Box

SIDE = 128
"""Pixels along each side of the crop: blur shows only where there are pixels enough; the paper has 144 x 120."""
SCALE = 0.8
"""The crop's side over the box's longer one: within the face, for a wall is as grey as any mirrored lamp."""

SPECULAR = slice(0, 3)
"""Share, mean / 150 and deviation / 150 of the mirrored light's spots."""
MOMENTS = slice(3, 18)
"""Hue (red at 0.5), saturation, value: mean, deviation, skewness, share in the lowest tenth, share in the highest."""
COLOURS = slice(18, 118)
"""Shares of the pixels that the hundred commonest of 32^3 colours have, falling."""
DIVERSITY = slice(118, 119)
"""How many colours hold 99 % of the pixels, / 2000."""
BLUR = slice(119, 121)
"""What a second blur leaves of the steps, 0..1; mean width of an edge in pixels / 30."""
LENGTH = 121

# The paper's own: spots are this many times as bright as the mean of the mirrored light, at least and less than.
_SPOT_LOW, _SPOT_HIGH = 1.5, 4.0
_SPOT_UNIT, _DIVERSITY_UNIT, _WIDTH_UNIT = 150.0, 2000.0, 30.0


@dataclass(frozen=True, slots=True, eq=False)
class Specular:
    """The light that a face mirrors, per channel: ``part`` (64, 64) float32, 0..255, over the crop's square.

    ``spots`` (64, 64) bool: where it is 1.5 to 4 times its mean, which is what the descriptor counts.
    """

    part: NDArray[np.float32]
    spots: NDArray[np.bool_]


def distortion(image: NDArray[Any], box: Box) -> NDArray[np.float32] | None:
    """Return the (121,) float32 finite numbers of the face in ``box``, or None where :func:`face_crop` finds no face.

    ``image`` is (H, W, 3) uint8 in B, G, R order, of any strides; the box may leave it.
    """
    crop = face_crop(image, box, SIDE, SCALE)
    if crop is None:
        return None
    out = np.empty(LENGTH)
    _specular(crop, out[SPECULAR])
    _colours(crop, out)
    _blur(crop, out[BLUR])
    return out.astype(np.float32)


def specular(image: NDArray[Any], box: Box) -> Specular | None:
    """Return the light that the face in ``box`` mirrors, or None as :func:`distortion`."""
    crop = face_crop(image, box, SIDE, SCALE)
    if crop is None:
        return None
    part = _mirrored(crop)
    mean = float(part.mean(dtype=np.float64))
    return Specular(part, (part >= _SPOT_LOW * mean) & (part < _SPOT_HIGH * mean))


def _mirrored(crop: NDArray[np.uint8]) -> NDArray[np.float32]:
    from livegate.kernels.specular import GRID, halve, specular_part

    side = crop.shape[1] // 2
    small = np.empty((3, side, side), np.uint8)
    halve(crop, small)
    guide, highest, part = (np.empty((side, side), np.float32) for _ in range(3))
    specular_part(small, guide, highest, np.empty(GRID, np.float32), part)
    return part


def _specular(crop: NDArray[np.uint8], out: NDArray[np.float64]) -> None:
    from livegate.kernels.specular import spots

    spots(_mirrored(crop), _SPOT_LOW, _SPOT_HIGH, out)
    out[1:] /= _SPOT_UNIT


def _colours(crop: NDArray[np.uint8], out: NDArray[np.float64]) -> None:
    from livegate.kernels.moments import BINS, chromatic_moments, common_colours

    chromatic_moments(crop, np.empty((3, 5)), out[MOMENTS].reshape(3, 5))
    counts, often = np.empty(BINS, np.int32), np.empty(crop[0].size + 1, np.int32)
    out[DIVERSITY] = common_colours(crop, counts, often, out[COLOURS]) / _DIVERSITY_UNIT


def _blur(crop: NDArray[np.uint8], out: NDArray[np.float64]) -> None:
    from livegate.kernels.blur import edge_width, luma, reblur

    grey = np.empty(crop.shape[1:], np.uint8)
    luma(crop, grey)
    out[0] = reblur(grey)
    out[1] = edge_width(grey, np.empty(grey.shape, np.int16)) / _WIDTH_UNIT
