"""What a depth camera's counts are worth, measured against the board: millimetres a count and an offset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.errors import CalibrationError
from livegate.geometry.calibrating.board import Board
from livegate.geometry.calibrating.solve import LEAST_VIEWS, Lens
from livegate.geometry.calibrating.views import View
from livegate.types import Role

# An offset and a scale are told apart only where the board was held at different distances.
_SPREAD = 1.25
# Beyond this the depth does not belong to the pictures the board was found in: another view, size or moment.
MOST_ERROR_SHARE = 0.03
# Drivers deliver millimetres. What is further off them, slope and mean alike, is a board of another size or a camera of
# another unit; an offset alone moves the mean, trembling alone the slope.
MOST_FACTOR_SHARE = 0.03
# Through pictures of another view the board lies beside where the depth sees it, which no straight line explains.
_CLEARLY_WORSE = 2.0
_LEAST_RETURNS = 30

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scale:
    """``unit_mm`` times a count plus ``offset_mm`` is a distance; ``rms_mm`` is what is left over between views."""

    unit_mm: float
    offset_mm: float
    rms_mm: float
    views: int
    spread: float
    """The farthest view's distance by the nearest's."""


def scale_of(views: Sequence[View], board: Board, lens: Lens, through: Role) -> Scale:
    """Return the scale of the depth pictures of ``views``, whose pixels are those of the role ``through``.

    CalibrationError where too few views have depth on the board, or the depth does not follow it.
    """
    pairs = [pair for view in views if view.name in lens.views and (pair := _pair(view, board, lens, through))]
    if len(pairs) < LEAST_VIEWS:
        raise CalibrationError(
            f"depth: {len(pairs)} views have depth on the board, expected at least {LEAST_VIEWS}; "
            "hold it within the depth camera's range, on matt paper"
        )
    counts, distances = np.array(pairs).T
    spread = float(distances.max() / distances.min())
    unit_mm, offset_mm = _line(counts, distances) if spread >= _SPREAD else (float((distances / counts).mean()), 0.0)
    left_over = unit_mm * counts + offset_mm - distances
    rms_mm = float(np.sqrt((left_over**2).mean()))
    if not rms_mm <= MOST_ERROR_SHARE * float(distances.mean()) or unit_mm <= 0:
        raise CalibrationError(
            f"depth: {rms_mm:.1f} mm off the board, expected at most {MOST_ERROR_SHARE:.0%} of its distance; "
            "name the pictures whose pixels the depth's are with --depth-view, and hold the board still"
        )
    _check_size(unit_mm, float(distances.mean() / counts.mean()))
    return Scale(unit_mm, offset_mm, rms_mm, len(pairs), spread)


def check_view(asked: Scale, through: Role, other: Scale, instead: Role) -> None:
    """Raise CalibrationError where the pictures of the role ``instead`` explain the depth clearly better."""
    if asked.rms_mm > _CLEARLY_WORSE * other.rms_mm:
        raise CalibrationError(
            f"depth: {asked.rms_mm:.1f} mm off the board on {through}'s pixels, {other.rms_mm:.1f} mm on {instead}'s: "
            f"it is of {instead}'s view; say --depth-view {instead}"
        )


def _check_size(unit_mm: float, ratio: float) -> None:
    if min(abs(unit_mm - 1), abs(ratio - 1)) > MOST_FACTOR_SHARE:
        raise CalibrationError(
            f"depth: one count is {ratio:.4g} mm by the board, expected 1 mm within {MOST_FACTOR_SHARE:.0%}; "
            "measure a square again (--square-mm), or give the depth camera's driver its unit ('unit_mm')"
        )


def _pair(view: View, board: Board, lens: Lens, through: Role) -> tuple[float, float] | None:
    """Return the mean count and the mean distance, in mm, of the board's pixels of a view."""
    frame = view.frames.get(Role.DEPTH)
    if frame is None:
        return None
    corners = view.corners[through]
    found, turn, shift = cv2.solvePnP(board.corners_mm, corners, lens.matrix, lens.distortion)
    if not found:
        return None
    inside = np.zeros(frame.image.shape, np.uint8)
    cv2.fillConvexPoly(inside, cv2.convexHull(np.rint(corners).astype(np.int32)), 1)
    rows, columns = np.nonzero((inside > 0) & (frame.image > 0) & (frame.image < 65535))
    if rows.size < _LEAST_RETURNS:
        return None
    normal = np.asarray(cv2.Rodrigues(turn)[0])[:, 2]
    pixels = np.stack([columns, rows], axis=1).astype(np.float64).reshape(-1, 1, 2)
    rays = np.asarray(cv2.undistortPoints(pixels, lens.matrix, lens.distortion)).reshape(-1, 2)
    distances = float(normal @ shift.ravel()) / (rays @ normal[:2] + normal[2])
    counts = frame.image[rows, columns].astype(np.float64)
    ratios = counts / distances
    # Flying pixels and what a finger covers are not the board.
    near = np.abs(ratios / np.median(ratios) - 1) < 0.1
    return float(counts[near].mean()), float(distances[near].mean())


def _line(counts: Array, distances: Array) -> tuple[float, float]:
    design = np.stack([counts, np.ones_like(counts)], axis=1)
    unit_mm, offset_mm = np.linalg.lstsq(design, distances, rcond=None)[0]
    return float(unit_mm), float(offset_mm)
