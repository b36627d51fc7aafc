"""Stereo: the shape of a face from two colour cameras side by side, matched on a template grid over the face.

Song, Zhao, Fang and Lin 2019, "template face matched binocular depth" [R]: landmarks in both rectified views, depth
Z = f B / d, aligned to a template face, its plane removed, classified. The paper's own parameters could not be had.
Here the template is a grid over the detector's box; every cell is matched by normalised correlation at sub-pixel
accuracy, coarse to fine and back from the right picture, and the shape is judged as :mod:`livegate.cues.shape` says.
Without a known baseline the shape is that of a face 140 mm wide.

Never silent while both cameras work: a face that the right camera does not show where the left one's would be (swapped
cameras have negative disparities, a covered one shows nothing) has nothing matched, and that is evidence.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.cues import shape
from livegate.cues.box_view import overlaps, width_off
from livegate.cues.shape import Grid
from livegate.optics import FACE_WIDTH_MM, camera_of
from livegate.types import Box, Frame, Observation, Role

NEEDS = frozenset({Role.RGB, Role.RGB_RIGHT})
KERNELS = ("stereo_match", *shape.KERNELS)
FEATURES = (*shape.FEATURES, "width_off", "match_share", "match_quality")
RISING = shape.RISING | {"match_share", "match_quality"}
FALLING = shape.FALLING | {"width_off"}

# A face wider than this is matched in smaller pictures: windows keep to about a centimetre.
_FINE_WIDTH_PX = 160.0
_COARSE_WIDTH_PX = 40.0
# Shares of the face's width: from a large face far off seen with a short baseline to a small one near with a long one.
_LEAST_DISPARITY, _MOST_DISPARITY = 0.08, 1.3
# Rectification is off by a pixel or two, more is another calibration.
_MOST_ROWS_OFF_PX = 3
# Relief of a head over its distance, nose to ear, and what the coarse match is off.
_RELIEF_SHARE = 0.15
_LEAST_REACH_PX, _MOST_REACH_PX = 3, 12
_LEAST_CORRELATION = 0.6
# Of pictures that have nothing in common an eighth of the grid matches by chance, and chance has relief.
_LEAST_MATCHED = 0.3


def measure(observation: Observation) -> NDArray[np.float64] | None:
    """Return the numbers of :data:`FEATURES`, or None where the box has no pixel in common with the picture.

    Beside those of the shape: width_off is how far the face's width is off what heads have (0 within it, and where no
    baseline is known), match_share the part of the grid that was found in both pictures (0..1), match_quality the
    median correlation there (0..1).
    """
    frames = observation.frame_set.frames
    left, right = frames.get(Role.RGB), frames.get(Role.RGB_RIGHT)
    box = observation.face.box
    if left is None or right is None or not overlaps(box, left.image.shape):
        return None
    found = _matched(left.image, right.image, box) if left.image.shape == right.image.shape else None
    if found is None:
        return np.array([*shape.NOTHING, 0.0, 0.0, 0.0])
    grid = _grid(found, left, right.baseline_mm, box)
    seen = shape.measure_shape(grid) if grid.valid.mean() >= _LEAST_MATCHED else None
    width = 0.0
    if right.baseline_mm is not None:
        width = width_off(box.w * float(np.median(grid.z[found.valid])) / camera_of(left).fx)
    return np.array(
        [
            *(shape.NOTHING if seen is None else seen.values),
            width,
            float(found.valid.mean()),
            float(np.median(found.correlation[found.valid])),
        ]
    )


@dataclass(frozen=True, slots=True)
class _Matches:
    """Disparity in pixels of the picture and correlation, (ROWS, COLUMNS), where ``valid``."""

    disparity: NDArray[np.float64]
    correlation: NDArray[np.float64]
    valid: NDArray[np.bool_]


def _matched(left: NDArray[np.uint8], right: NDArray[np.uint8], box: Box) -> _Matches | None:
    """Return what of the face's grid is found in both pictures, None for nothing."""
    from livegate.kernels.stereo_match import match_places

    top, bottom = _band(box, left.shape[0])
    if bottom - top < _MOST_ROWS_OFF_PX or box.w > left.shape[1]:
        return None
    grey, other = _grey(left[top:bottom]), _grey(right[top:bottom])
    face = Box(box.x, box.y - top, box.w, box.h)
    disparity = _coarse(grey, other, face)
    if disparity is None:
        return None
    scale = min(1.0, _FINE_WIDTH_PX / box.w)
    fine, fine_other = _resized(grey, scale).astype(np.float32), _resized(other, scale).astype(np.float32)
    reach = int(np.clip(math.ceil(_RELIEF_SHARE * disparity * scale), _LEAST_REACH_PX, _MOST_REACH_PX))
    middle, rows_off = _refined(fine, fine_other, _scaled(face, scale), round(disparity * scale))
    across, down = shape.box_shares()
    columns, rows = np.floor((face.x + face.w * across) * scale), np.floor((face.y + face.h * down) * scale)
    places = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2).astype(np.int64)
    found = np.zeros((len(places), 2))
    span = np.array([max(middle - reach, 1), middle + reach, rows_off])
    match_places(fine, fine_other, places, span, _LEAST_CORRELATION, found, np.zeros((1, 2)))
    valid = (found[:, 1] > 0) & (found[:, 0] > 0)
    if not valid.any():
        return None
    values = np.where(valid, found[:, 0], 1.0) / scale
    size = (shape.ROWS, shape.COLUMNS)
    return _Matches(values.reshape(size), found[:, 1].reshape(size), valid.reshape(size))


def _band(box: Box, height: int) -> tuple[int, int]:
    """Return the rows of the picture that matter: the face's, and as much around it as windows reach."""
    around = 0.15 * box.h
    return max(math.floor(box.y - around), 0), min(math.ceil(box.y + box.h + around), height)


def _scaled(box: Box, scale: float) -> Box:
    return Box(box.x * scale, box.y * scale, box.w * scale, box.h * scale)


def _grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_BGR2GRAY), np.uint8)


def _resized(grey: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    if scale == 1.0:
        return grey
    size = (max(round(grey.shape[1] * scale), 1), max(round(grey.shape[0] * scale), 1))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)


def _coarse(left: NDArray[np.uint8], right: NDArray[np.uint8], face: Box) -> float | None:
    """Return the disparity of the face as a whole in pixels, found in small pictures."""
    scale = min(1.0, _COARSE_WIDTH_PX / face.w)
    small = _resized(left, scale), _resized(right, scale)
    patch = _Patch.of(small[0], _scaled(face, scale))
    if patch is None:
        return None
    first = max(patch.column - math.ceil(_MOST_DISPARITY * face.w * scale), 0)
    last = patch.column - max(math.floor(_LEAST_DISPARITY * face.w * scale), 1)
    if last < first:
        return None
    off = math.ceil(_MOST_ROWS_OFF_PX * scale)
    strip, _ = patch.strip(small[1], first, last, off)
    column = _best(strip, patch.image)[1]
    return float(patch.column - (first + column)) / scale


def _refined(left: NDArray[Any], right: NDArray[Any], face: Box, disparity: int) -> tuple[int, int]:
    """Return the disparity of the face as a whole and how many rows lower it lies in the right picture, in pixels."""
    patch = _Patch.of(left, face)
    if patch is None:
        return disparity, 0
    slack = max(math.ceil(face.w / _COARSE_WIDTH_PX), 1)
    first, last = max(patch.column - disparity - slack, 0), patch.column - max(disparity - slack, 1)
    if last < first or last + patch.image.shape[1] > right.shape[1]:
        return disparity, 0
    strip, top = patch.strip(right, first, last, _MOST_ROWS_OFF_PX)
    row, column = _best(strip, patch.image)
    return patch.column - (first + column), top + row - patch.row


@dataclass(frozen=True, slots=True)
class _Patch:
    """The middle of a face, and where its upper left corner lies."""

    image: NDArray[Any]
    row: int
    column: int

    @staticmethod
    def of(grey: NDArray[Any], face: Box) -> _Patch | None:
        """Cut the patch out, None where less than a few pixels of it lie in the picture."""
        rows = [int(np.clip(face.y + share * face.h, 0, grey.shape[0])) for share in (0.15, 0.9)]
        columns = [int(np.clip(face.x + share * face.w, 0, grey.shape[1])) for share in (0.15, 0.85)]
        image = grey[rows[0] : rows[1], columns[0] : columns[1]]
        return _Patch(image, rows[0], columns[0]) if min(image.shape) >= _LEAST_REACH_PX else None

    def strip(self, other: NDArray[Any], first: int, last: int, off: int) -> tuple[NDArray[Any], int]:
        """Return the part of the other picture where it may lie, and its first row."""
        height, width = self.image.shape
        top = max(self.row - off, 0)
        return other[top : min(self.row + height + off, other.shape[0]), first : last + width], top


def _best(strip: NDArray[Any], patch: NDArray[Any]) -> tuple[int, int]:
    found = cv2.matchTemplate(strip, patch, cv2.TM_CCOEFF_NORMED)
    row, column = np.unravel_index(int(np.argmax(found)), found.shape)
    return int(row), int(column)


def _grid(found: _Matches, left: Frame, baseline_mm: float | None, box: Box) -> Grid:
    """Return the face's points in mm; without a baseline as they were if it were as wide as faces usually are."""
    camera = camera_of(left)
    product = camera.fx * baseline_mm if baseline_mm else None
    if product is None:
        usual_mm = camera.fx * FACE_WIDTH_MM / box.w
        product = usual_mm * float(np.median(found.disparity[found.valid]))
    z = product / np.maximum(found.disparity, 1e-3)
    across, down = shape.box_shares()
    x = z * ((box.x + box.w * across - camera.cx) / camera.fx)
    y = z * ((box.y + box.h * down - camera.cy) / camera.fy)[:, None]
    middle = float(np.median(z[found.valid]))
    valid = found.valid & (np.abs(z - middle) < shape.FACE_DEPTH_MM)
    return Grid(x, y, z, valid, min(box.w, _FINE_WIDTH_PX))
