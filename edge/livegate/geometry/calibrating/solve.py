"""Lenses and places of cameras from where they show the corners of a board.

Zhang, A Flexible New Technique for Camera Calibration, 2000, as OpenCV has it: each lens by itself, then each camera's
place to rgb with the lenses held. k3 stays 0: lenses of terminals do not need it, and corners of a board seldom reach
where it could be told from k2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.errors import CalibrationError
from livegate.geometry.calibrating.board import Board
from livegate.geometry.calibrating.views import View
from livegate.types import Role

LEAST_VIEWS = 10
# A focal length less sure than this comes from views that are all alike: a board never tilted, or always far away.
MOST_DOUBT = 0.01
# And a fit to boards that are all but parallel may be sure of anything.
LEAST_TILT_DEG = 8.0
# A view so much worse than the others had the board moving.
_WORSE = 3.0

_CRITERIA = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 100, 1e-8)


@dataclass(frozen=True, slots=True, eq=False)
class Lens:
    """A lens as fitted: ``matrix`` (3, 3), ``distortion`` (5,), its error over ``views`` by name.

    ``doubt`` is the standard deviation of the focal length as a share of it, ``tilt_deg`` by how much the boards were
    turned away from their mean direction, root mean square.
    """

    size: tuple[int, int]
    matrix: NDArray[np.float64]
    distortion: NDArray[np.float64]
    rms_px: float
    views: frozenset[str]
    doubt: float
    tilt_deg: float


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where a camera stands: a point P in its axes lies at ``rotation`` P + ``translation_mm`` in rgb's."""

    rotation: NDArray[np.float64]
    translation_mm: NDArray[np.float64]
    rms_px: float


def lens_of(role: Role, views: Sequence[View], board: Board, size: tuple[int, int], most_rms_px: float) -> Lens:
    """Return the lens of ``role`` from those ``views`` that show it the board.

    CalibrationError for too few views, views that are all alike, or an error beyond ``most_rms_px``; says what to do.
    """
    usable = [view for view in views if role in view.corners]
    _enough(role, len(usable))
    lens, errors = _fitted(role, usable, board, size)
    steady = [view for view, error in zip(usable, errors, strict=True) if error <= _WORSE * float(np.median(errors))]
    if len(steady) < len(usable):
        _enough(role, len(steady))
        lens, _ = _fitted(role, steady, board, size)
    if not lens.rms_px <= most_rms_px:
        raise CalibrationError(
            f"{role}: reprojection error {lens.rms_px:.2f} px, expected at most {most_rms_px:g}; hold the board still, "
            "flat and in focus, check --board, and take the pictures again"
        )
    if not (lens.doubt <= MOST_DOUBT and lens.tilt_deg >= LEAST_TILT_DEG):
        raise CalibrationError(
            f"{role}: the views are too much alike: the focal length is unsure by {lens.doubt:.1%} (expected at most "
            f"{MOST_DOUBT:.0%}), the board tilted by {lens.tilt_deg:.0f} degrees (at least {LEAST_TILT_DEG:.0f}); "
            "tilt it by up to 45 degrees to all sides, hold it near and far and into every corner of the picture"
        )
    return lens


def place_of(role: Role, views: Sequence[View], board: Board, lenses: dict[Role, Lens], most_rms_px: float) -> Place:
    """Return where the camera of ``role`` stands, from views that show the board to it and to rgb; errors as above."""
    rgb, other = lenses[Role.RGB], lenses[role]
    common = [view for view in views if {view.name} <= rgb.views & other.views]
    if len(common) < LEAST_VIEWS:
        raise CalibrationError(
            f"{role}: {len(common)} views show the board to it and to rgb, expected at least {LEAST_VIEWS}; "
            "hold it where both see all of it"
        )
    rms_px, *_, turn, shift, _, _ = cv2.stereoCalibrate(
        _objects(board, len(common)),
        _points(common, Role.RGB),
        _points(common, role),
        rgb.matrix,
        rgb.distortion,
        other.matrix,
        other.distortion,
        rgb.size,
        flags=cv2.CALIB_FIX_INTRINSIC,
        criteria=_CRITERIA,
    )
    if not rms_px <= most_rms_px:
        raise CalibrationError(
            f"{role}: reprojection error {rms_px:.2f} px together with rgb, expected at most {most_rms_px:g}; "
            "the board must not move between the cameras' pictures: lay it down, or hold it stiller"
        )
    # OpenCV tells the way from rgb to the camera.
    back = np.asarray(turn, dtype=np.float64).T
    return Place(back, -back @ np.asarray(shift, dtype=np.float64).ravel(), float(rms_px))


def _enough(role: Role, views: int) -> None:
    if views < LEAST_VIEWS:
        raise CalibrationError(
            f"{role}: {views} views show all of the board sharply, expected at least {LEAST_VIEWS}; "
            "take more, and check --board (inner corners), light and focus"
        )


def _fitted(role: Role, views: list[View], board: Board, size: tuple[int, int]) -> tuple[Lens, NDArray[np.float64]]:
    start: Any = None
    try:
        rms_px, matrix, distortion, turns, _, deviations, _, errors = cv2.calibrateCameraExtended(
            _objects(board, len(views)), _points(views, role), size, start, start, flags=cv2.CALIB_FIX_K3,
            criteria=_CRITERIA,
        )  # fmt: skip
    except cv2.error as exc:
        raise CalibrationError(f"{role}: no lens fits these views ({exc.err}); check --board and take others") from exc
    focal = np.array([matrix[0, 0], matrix[1, 1]])
    doubt = float((np.asarray(deviations).ravel()[:2] / focal).max())
    flat = np.asarray(distortion, dtype=np.float64).ravel()[:5]
    names = frozenset(view.name for view in views)
    lens = Lens(size, np.asarray(matrix, dtype=np.float64), flat, float(rms_px), names, doubt, _tilt_deg(turns))
    return lens, np.asarray(errors, dtype=np.float64).ravel()


def _tilt_deg(turns: Sequence[Any]) -> float:
    normals = np.stack([cv2.Rodrigues(turn)[0][:, 2] for turn in turns])
    mean = normals.mean(axis=0)
    cosines = np.clip(normals @ mean / np.linalg.norm(mean), -1.0, 1.0)
    return float(np.rad2deg(np.sqrt((np.arccos(cosines) ** 2).mean())))


def _objects(board: Board, number: int) -> list[NDArray[np.float32]]:
    return [board.corners_mm.astype(np.float32)] * number


def _points(views: Sequence[View], role: Role) -> list[NDArray[np.float32]]:
    return [view.corners[role].astype(np.float32).reshape(-1, 1, 2) for view in views]
