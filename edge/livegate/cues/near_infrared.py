"""Near infrared: a living face under the terminal's own illuminator against its surroundings.

Sun et al. 2016 [R]: skin is bright at 850-940 nm and the background falls off with the square of its distance; screens
emit nothing there and show a glint, dye inks turn transparent so the printed face vanishes from the picture. Their
exact features could not be had; these are a reconstruction, weighted by the scorer trained on simulated captures.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.types import Box, Observation, Role

NEEDS = frozenset({Role.RGB, Role.NIR})
FEATURES = (
    "log_face_over_surround",
    "face_level",
    "face_level_squared",
    "face_contrast",
    "face_contrast_squared",
    "rgb_agreement",
    "glint_share",
    "log_detail_ratio",
    "nir_highlight",
    "nir_shade",
    "rgb_highlight",
    "rgb_shade",
)

_GRID = 24
_GLINT_LEVEL = 245
_MIN_FACE_PX = 16
# Every third pixel of a face is some thousand: enough for a hundredth of them.
_STRIDE = 3


def measure(observation: Observation) -> NDArray[np.float64] | None:
    """Return the numbers of :data:`FEATURES`, or None when the face is too small or leaves the picture.

    Levels are shares of full scale; the agreement is the correlation (-1..1) of 24 x 24 brightness grids of the face in
    both lights; the detail ratio compares their Laplacian energy; highlight and shade are logarithms of brightness.
    """
    nir, rgb = observation.frame_set.image(Role.NIR), observation.frame_set.image(Role.RGB)
    if nir is None or rgb is None or nir.shape != rgb.shape[:2]:
        return None
    face = _cut(nir, observation.face.box, 0.8)
    colour = _cut(rgb, observation.face.box, 0.8)
    if min(face.shape) < _MIN_FACE_PX:
        return None
    level = float(np.median(face))
    small = cv2.resize(face, (_GRID, _GRID), interpolation=cv2.INTER_AREA).astype(np.float64)
    luma = cv2.cvtColor(cv2.resize(colour, (_GRID, _GRID), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    share, contrast = level / 255.0, small.std() / (small.mean() + 8.0)
    return np.array(
        [
            np.log((level + 2.0) / (_surround(nir, observation.face.box) + 2.0)),
            share,
            # Skin lies between dark screens and white paper: a straight line in these two cannot say so.
            share * share,
            contrast,
            contrast * contrast,
            _correlation(small, luma.astype(np.float64)),
            np.count_nonzero(face >= _GLINT_LEVEL) / face.size,
            np.log((_detail(small) + 0.5) / (_detail(luma.astype(np.float64)) + 0.5)),
            # The illuminator stands beside the lens, so whatever is glossy shows its lamp: plastic more than skin.
            *_extremes(face),
            *_extremes(cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY)),
        ]
    )


def _cut(image: NDArray[Any], box: Box, scale: float) -> NDArray[Any]:
    """Return the part of ``image`` inside ``box`` scaled about its centre; what leaves the picture is cut off."""
    height, width = image.shape[:2]
    x, y = box.x + box.w / 2, box.y + box.h / 2
    left, right = (int(np.clip(x + side * box.w * scale / 2, 0, width)) for side in (-1, 1))
    top, bottom = (int(np.clip(y + side * box.h * scale / 2, 0, height)) for side in (-1, 1))
    return image[top:bottom, left:right]


def _surround(nir: NDArray[Any], box: Box) -> float:
    """Return the median level left and right of the face and above it: what lies behind a person, not their chest."""
    around = Box(box.x - box.w * 0.6, box.y - box.h * 0.5, box.w * 2.2, box.h * 1.1)
    height, width = nir.shape
    left, right = int(np.clip(around.x, 0, width)), int(np.clip(around.x + around.w, 0, width))
    top, bottom = int(np.clip(around.y, 0, height)), int(np.clip(around.y + around.h, 0, height))
    inner_left, inner_right = int(np.clip(box.x - box.w * 0.25, 0, width)), int(np.clip(box.x + box.w * 1.25, 0, width))
    sides = (nir[top:bottom, left:inner_left], nir[top:bottom, inner_right:right])
    levels = np.concatenate([side[::4, ::4].ravel() for side in sides])
    return float(np.median(levels)) if levels.size else 0.0


def _extremes(face: NDArray[Any]) -> tuple[float, float]:
    """Return how far the brightest hundredth lies above the median and the darkest three below it, as logarithms."""
    dark, middle, bright = np.percentile(face[::_STRIDE, ::_STRIDE], (3, 50, 99))
    return float(np.log((bright + 2.0) / (middle + 2.0))), float(np.log((middle + 2.0) / (dark + 2.0)))


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / norm if norm > 0 else 0.0


def _detail(grid: NDArray[np.float64]) -> float:
    """Return the root mean square of the Laplacian of a brightness grid, in grey levels."""
    laplacian = 4 * grid[1:-1, 1:-1] - grid[:-2, 1:-1] - grid[2:, 1:-1] - grid[1:-1, :-2] - grid[1:-1, 2:]
    return float(np.sqrt((laplacian * laplacian).mean()))
