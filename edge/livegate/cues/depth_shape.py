"""Depth shape: is the surface before the camera a face, or paper and glass?

A flat or bent print is a developable surface: along one direction it is straight, across it any curve. A plane test
alone does not tell tightly bent paper from a face; the residual of the best-axis generalised cylinder does. Features
are fitted in millimetres on the face's own depth; the relief of the nose and the metric width come beside them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livegate.types import Box, Intrinsics, Observation, Role

NEEDS = frozenset({Role.RGB, Role.DEPTH})
FEATURES = ("log_plane_mm", "log_cylinder_mm", "log_cylinder_share", "relief_mm", "log_width", "hole_share")

_GRID = 28
_MIN_POINTS = 150
_AXES = 12
_USUAL_FACE_WIDTH_MM = 140.0
# A pixel this far before or behind the face's median depth belongs to something else.
_FACE_DEPTH_MM = 110.0
# Without calibration a camera of about 60 degrees is assumed; only the metric width depends on it.
_ASSUMED_FX_SHARE = 0.87


def measure(observation: Observation) -> NDArray[np.float64] | None:
    """Return the six numbers of :data:`FEATURES`, or None when too little depth came back from the face.

    Residuals are root mean squares in mm (as natural logarithms); relief is how far the middle of the face stands
    before its cheeks, in cm; log_width compares the face's width with 140 mm; hole_share is the part without a return.
    """
    frame = observation.frame_set.frames.get(Role.DEPTH)
    if frame is None:
        return None
    grid = _sample(frame.image, observation.face.box)
    returned = grid > 0
    if np.count_nonzero(returned) < _MIN_POINTS:
        return None
    distance_mm = float(np.median(grid[returned]))
    usable = returned & (np.abs(grid - distance_mm) < _FACE_DEPTH_MM)
    if np.count_nonzero(usable) < _MIN_POINTS:
        return None
    width_mm = _width_mm(observation.face.box, distance_mm, frame.intrinsics, frame.image.shape[1])
    x, y = _coordinates_mm(width_mm, width_mm * observation.face.box.h / observation.face.box.w)
    plane, cylinder = _residuals_mm(x[usable], y[usable], grid[usable])
    return np.array(
        [
            np.log(plane + 0.1),
            np.log(cylinder + 0.1),
            np.log((cylinder + 0.1) / (plane + 0.1)),
            _relief_mm(grid, usable) / 10.0,
            np.log(width_mm / _USUAL_FACE_WIDTH_MM),
            1.0 - np.count_nonzero(returned) / grid.size,
        ]
    )


def _sample(depth: NDArray[np.uint16], box: Box) -> NDArray[np.float64]:
    """Return a _GRID x _GRID sample of the middle of the box, in mm; 0 where nothing returned."""
    height, width = depth.shape
    share = (np.arange(_GRID) + 0.5) / _GRID
    columns = np.floor(box.x + box.w * (0.1 + 0.8 * share)).astype(int)
    rows = np.floor(box.y + box.h * (0.1 + 0.8 * share)).astype(int)
    inside = ((rows >= 0) & (rows < height))[:, None] & ((columns >= 0) & (columns < width))[None, :]
    sample = depth[np.clip(rows, 0, height - 1)[:, None], np.clip(columns, 0, width - 1)[None, :]]
    return np.where(inside, sample, 0).astype(np.float64)


def _width_mm(box: Box, distance_mm: float, intrinsics: Intrinsics | None, picture_width: int) -> float:
    fx = intrinsics.fx if intrinsics else _ASSUMED_FX_SHARE * picture_width
    return max(box.w, 1.0) * distance_mm / fx


def _coordinates_mm(width_mm: float, height_mm: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    share = (np.arange(_GRID) + 0.5) / _GRID - 0.5
    x, y = np.meshgrid(share * 0.8 * width_mm, share * 0.8 * height_mm)
    return x, y


def _residuals_mm(x: NDArray[np.float64], y: NDArray[np.float64], z: NDArray[np.float64]) -> tuple[float, float]:
    """Return the RMS residuals (mm) of the best plane and of the best generalised cylinder z = g(u) + b v.

    u runs across the cylinder's axis and v along it; g is a polynomial of degree four; _AXES directions are tried.
    """
    scale = max(float(np.abs(x).max()), float(np.abs(y).max()), 1.0)
    x, y = x / scale, y / scale
    angles = np.arange(_AXES) * np.pi / _AXES
    u = np.cos(angles)[:, None] * x + np.sin(angles)[:, None] * y
    v = -np.sin(angles)[:, None] * x + np.cos(angles)[:, None] * y
    design = np.stack([np.ones_like(u), u, v, u**2, u**3, u**4], axis=-1)
    plane = _rms(design[0, :, :3][None], z)
    return float(plane[0]), float(_rms(design, z).min())


def _rms(design: NDArray[np.float64], z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the RMS residual (K,) of least squares of ``z`` (N,) on each of K designs (K, N, M)."""
    transposed = design.transpose(0, 2, 1)
    # A trace of ridge keeps the solve defined where the points do not span the design.
    normal = transposed @ design + 1e-9 * z.size * np.eye(design.shape[2])
    coefficients = np.linalg.solve(normal, (transposed @ z)[..., None])
    residual = z - (design @ coefficients)[..., 0]
    return np.asarray(np.sqrt((residual * residual).mean(axis=1)))


def _relief_mm(grid: NDArray[np.float64], usable: NDArray[np.bool_]) -> float:
    """Return how many mm the middle of the face stands before its cheeks; 0 where either lacks depth."""
    rows = slice(int(_GRID * 0.4), int(_GRID * 0.65))
    parts = (slice(int(_GRID * 0.4), int(_GRID * 0.6)), slice(0, int(_GRID * 0.25)), slice(int(_GRID * 0.75), _GRID))
    values = [grid[rows, part][usable[rows, part]] for part in parts]
    if any(part.size < 8 for part in values):
        return 0.0
    nose, left, right = (float(np.median(part)) for part in values)
    return (left + right) / 2.0 - nose
