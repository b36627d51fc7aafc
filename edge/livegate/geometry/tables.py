"""What the kernels need to know of two cameras, computed once: rays, models and maps.

An eye is a :class:`CalibratedCamera`: a real one, or a virtual one without distortion that stands where a real one does
and looks another way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livegate.geometry.calibration import CalibratedCamera
from livegate.geometry.lens import directions, distorted
from livegate.kernels import register as kernel

# Neighbouring patches whose rows are not quite parallel leave cracks at their corners without a little overlap.
_MARGIN_PX = 0.06
# Two neighbours of one surface: at 0.5 m and 600 pixels a focal length, 10 mm over 0.8 mm are a slant of 85 degrees.
_STEP_SHARE = 0.02
# What the picture shows and a little more: a point just outside must not be taken for one that folds back.
_BEYOND = 1.1

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Crossing:
    """From one eye's pixels and depth to another's: ``rays`` (h, 3, w) float32 and ``model`` for the kernels."""

    rays: NDArray[np.float32]
    model: NDArray[np.float32]


def crossing(source: CalibratedCamera, target: CalibratedCamera) -> Crossing:
    """Return the way from the pixels of ``source``, whose depth is known, to those of ``target``."""
    x, y = directions(source)
    turn = rotation(target).T @ rotation(source)
    rays = np.einsum("ij,jhw->hiw", turn, np.stack([x, y, np.ones_like(x)]))
    place = rotation(target).T @ (np.array(source.translation_mm) - np.array(target.translation_mm))
    model = np.zeros(kernel.MODEL_SIZE, np.float32)
    model[[kernel.UNIT, kernel.OFFSET]] = source.unit_mm, source.offset_mm
    model[[kernel.TX, kernel.TY, kernel.TZ]] = place
    model[[kernel.FX, kernel.FY, kernel.CX, kernel.CY]] = target.fx, target.fy, target.cx, target.cy
    model[[kernel.K1, kernel.K2, kernel.P1, kernel.P2, kernel.K3]] = target.distortion
    model[kernel.MOST_R2] = farthest_r2(target) * _BEYOND
    model[kernel.HALF_U] = _half(target.fx, turn[0], source)
    model[kernel.HALF_V] = _half(target.fy, turn[1], source)
    model[kernel.STEP] = _STEP_SHARE
    return Crossing(np.ascontiguousarray(rays, np.float32), model)


def lookup(virtual: CalibratedCamera, real: CalibratedCamera) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the column and row, (H, W) float32 each, at which ``real`` shows each pixel of ``virtual``.

    Both stand in one place. NaN where the real one's lens shows nothing.
    """
    x, y = directions(virtual)
    turn = rotation(real).T @ rotation(virtual)
    ahead = np.einsum("ij,jhw->ihw", turn, np.stack([x, y, np.ones_like(x)]))
    with np.errstate(all="ignore"):
        x, y = ahead[0] / ahead[2], ahead[1] / ahead[2]
    seen = (ahead[2] > 0) & (x * x + y * y <= farthest_r2(real) * _BEYOND)
    across, down = distorted(x, y, real.distortion)
    columns, rows = across * real.fx + real.cx, down * real.fy + real.cy
    return np.where(seen, columns, np.nan).astype(np.float32), np.where(seen, rows, np.nan).astype(np.float32)


def rotation(camera: CalibratedCamera) -> Matrix:
    """Return the camera's rotation (3, 3) into rgb's axes, float64."""
    return np.array(camera.rotation, dtype=np.float64).reshape(3, 3)


def farthest_r2(camera: CalibratedCamera) -> float:
    """Return the greatest squared X/Z, Y/Z of what its picture shows."""
    x, y = directions(camera)
    return float(np.nanmax(x * x + y * y))


def _half(focal_px: float, row: Matrix, source: CalibratedCamera) -> float:
    """Return half the extent of a source pixel along one axis of the target, in its pixels, seen at one distance."""
    return float(0.5 * focal_px * (abs(row[0]) / source.fx + abs(row[1]) / source.fy) + _MARGIN_PX)
