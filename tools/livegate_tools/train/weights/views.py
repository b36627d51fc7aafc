"""Show a capture as other cameras, drivers and detectors would have: what a texture cue must bear, it has to see.

Only the face and what cues look at around it is cut out, at the picture's own resolution; both classes go through the
same chain, so nothing in it tells them apart.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.types import Box
from livegate_tools.train.augment import photograph
from livegate_tools.train.cache import scale_box
from livegate_tools.train.recipe import Jitter
from livegate_tools.train.weights.common import Picture

# How far the cut reaches beyond the box, in its larger side: more than any cue looks at.
_REACH = 0.6
# Faces come from terminals as small as this and as large as that, in pixels of their width.
_FACE_PX = (48.0, 240.0)
_LIKE_CAMERAS = Jitter(
    blur=0.35, noise=0.5, jpeg=0.6, colour=0.9, grey=0.0, low_light=0.08, sharpen=0.25, resample=0.35
)


def cut(image: NDArray[np.uint8], box: Box) -> Picture | None:
    """Return the part of the picture around the box, as a picture of its own; None where hardly any is in it."""
    reach = _REACH * max(box.w, box.h)
    left, top = max(math.floor(box.x - reach), 0), max(math.floor(box.y - reach), 0)
    right = min(math.ceil(box.x + box.w + reach), image.shape[1])
    bottom = min(math.ceil(box.y + box.h + reach), image.shape[0])
    if min(right - left, bottom - top) < 2:
        return None
    part = np.ascontiguousarray(image[top:bottom, left:right])
    return part, Box(box.x - left, box.y - top, box.w, box.h)


def shown_otherwise(picture: Picture, rng: np.random.Generator) -> Picture:
    """Return the cut mirrored or not, at another resolution, in another light and through another camera."""
    image, box = picture
    if rng.random() < 0.5:
        image = np.ascontiguousarray(image[:, ::-1])
        box = Box(image.shape[1] - box.x - box.w, box.y, box.w, box.h)
    image, box = _resized(image, box, rng)
    return photograph(rng, image, _LIKE_CAMERAS), box


def _resized(image: NDArray[np.uint8], box: Box, rng: np.random.Generator) -> Picture:
    """Return the cut with fewer pixels, as a farther face or a poorer camera has; it never gains any."""
    largest = min(box.w, _FACE_PX[1])
    smallest = min(max(_FACE_PX[0], 0.4 * box.w), largest)
    factor = math.exp(rng.uniform(math.log(smallest), math.log(largest))) / box.w
    size = (max(2, round(image.shape[1] * factor)), max(2, round(image.shape[0] * factor)))
    way = cv2.INTER_AREA if rng.random() < 0.7 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size, interpolation=way), np.uint8), scale_box(box, factor)
