"""The shape of a face's surface, from whatever measured it: is it a face's, or that of paper and glass?

A flat or bent print is developable: along one direction it is straight, across it any curve; a face is not. A plane
test alone does not tell tightly bent paper from a face, the best-axis generalised cylinder does; and in the middle of
a face stands a nose. All fits bear holes and outliers (hands, hair, the wearer's head behind a cut-out): they are made
to the part of the face that agrees. How noisy the sensor is at this distance is told by the face itself, so that a
noisy time of flight at 0.8 m and a fine structured light at 0.3 m mean the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

KERNELS = ("relief", "surfaces")
FEATURES = (
    "log_plane_mm",
    "log_cylinder_mm",
    "log_quadric_mm",
    "log_cylinder_over_noise",
    "log_core_over_noise",
    "core_developable_share",
    "bulge_least_mm",
    "bulge_most_mm",
    "nose_mm",
    "nose_agreement",
    "socket_mm",
)
NOTHING = np.zeros(len(FEATURES))
"""What stands for a surface that cannot be measured: a sensor that works and sees none sees no relief either."""

RISING = frozenset(FEATURES[:5]) | {"bulge_least_mm", "bulge_most_mm", "nose_mm", "nose_agreement"}
FALLING = frozenset({"core_developable_share"})
"""What can only speak for a face, or only against it, as it grows."""
FACE_DEPTH_MM = 110.0
"""What lies this far before or behind the face's middle belongs to something else."""

ROWS, COLUMNS = 28, 24
LEFT, TOP, RIGHT, BOTTOM = 0.1, 0.08, 0.9, 0.95
"""The part of a face box that the grid covers: cheek to cheek, brow to chin."""

_AGREEING_SHARE = 0.8
_ROUNDS = 3
_LEAST_POINTS = 60
# The step of a fine sensor: below it a residual says nothing.
_FLOOR_MM = 0.3
_MOST_MM = 60.0
# Matching windows and filters make the noise of pixels this near alike.
_NOISE_REACH_PX = 8.0
_WITHIN_DEVIATIONS = 2.5
# A usual face box in mm, and the nose in it: a ridge this wide and long (standard deviations), somewhere near the
# middle, for heads turn and boxes lie askew. Its height is measured.
_BOX_MM = (140.0, 190.0)
_NOSE_MM = (13.0, 24.0)
_ASIDE_MM = (-20.0, -10.0, 0.0, 10.0, 20.0)
_DOWN_MM = (-10.0, 0.0, 10.0, 20.0)
# Cheek to cheek, from the eyes to the chin.
_CORE_MM = (48.0, -25.0, 75.0)
_OUTLIER_MM = 30.0
_FEWEST_OF_EYE = 9


def box_shares() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where in a face box the grid's columns (COLUMNS,) and rows (ROWS,) lie, as shares of its size."""
    across = LEFT + (RIGHT - LEFT) * (np.arange(COLUMNS) + 0.5) / COLUMNS
    return across, TOP + (BOTTOM - TOP) * (np.arange(ROWS) + 0.5) / ROWS


@dataclass(frozen=True, slots=True)
class Grid:
    """Points of a face on a grid (ROWS, COLUMNS) over its box: x right, y down, z away from the camera, in mm.

    ``valid`` (bool) says where there is one; x, y and z of others are anything finite. ``width_px`` is the box's.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    z: NDArray[np.float64]
    valid: NDArray[np.bool_]
    width_px: float


@dataclass(frozen=True, slots=True)
class Shape:
    """The numbers of :data:`FEATURES` (float64), the plane through the agreeing points, and the noise about it in mm.

    ``plane`` (3,): z = plane[0] + plane[1] x + plane[2] y.
    """

    values: NDArray[np.float64]
    plane: NDArray[np.float64]
    noise_mm: float


def measure_shape(grid: Grid) -> Shape | None:
    """Return the shape of a face, None where it has too few points.

    Residuals are root mean squares in mm as natural logarithms, those of cylinders also over the noise. The core is
    the face from the eyes down, which a cut-out covers however much of its wearer's head shows; its developable share
    is the part that lies on its best cylinder within the noise. The bulges are the smaller and the larger principal
    curvature as mm over half the face's width, positive towards the camera; then the nose's height in mm, how well it
    agrees with a nose (correlation 0..1), and how far both eyes lie behind brow and cheek in mm.
    """
    if np.count_nonzero(grid.valid) < _LEAST_POINTS:
        return None
    places = _Places.of(grid)
    found = _fits(places)
    lean = math.sqrt(1.0 + float(found.plane[1:] @ found.plane[1:]) / places.scale**2)
    nose = _nose(places)
    values = np.array(
        [
            *(_log(rms / lean) for rms in (found.plane_mm, found.cylinder_mm, found.quadric_mm)),
            _log(found.cylinder_mm) - _log(found.noise_mm),
            _log(found.core_mm) - _log(found.noise_mm),
            found.core_developable_share,
            *np.clip(np.linalg.eigvalsh(found.hessian) / lean, -_MOST_MM, _MOST_MM),
            min(nose[0] / lean, _MOST_MM),
            nose[1],
            _socket(grid) / lean,
        ]
    )
    slope = found.plane[1:] / places.scale
    plane = np.array([found.plane[0] + places.centre[2] - slope @ places.centre[:2], *slope])
    return Shape(values, plane, found.noise_mm)


@dataclass(frozen=True, slots=True)
class _Places:
    """The points (3, N) about their centre, x and y in half widths of the face (``scale`` mm), and which are valid.

    The noise of cells ``lag`` apart is not alike any more.
    """

    points: NDArray[np.float64]
    valid: NDArray[np.uint8]
    centre: NDArray[np.float64]
    scale: float
    lag: int

    @staticmethod
    def of(grid: Grid) -> _Places:
        points = np.stack([grid.x, grid.y, grid.z]).reshape(3, -1)
        seen = points[:, grid.valid.ravel()]
        centre = (seen.min(axis=1) + seen.max(axis=1)) / 2
        scale = max(float(np.ptp(seen[0])) / 2, 1.0)
        points -= centre[:, None]
        points[:2] /= scale
        cell_px = (RIGHT - LEFT) * grid.width_px / COLUMNS
        lag = int(np.clip(math.ceil(_NOISE_REACH_PX / max(cell_px, 1e-3)), 1, COLUMNS // 5))
        return _Places(points, grid.valid.ravel().astype(np.uint8), centre, scale, lag)


@dataclass(frozen=True, slots=True)
class _Fits:
    plane: NDArray[np.float64]
    hessian: NDArray[np.float64]
    plane_mm: float
    cylinder_mm: float
    quadric_mm: float
    noise_mm: float
    core_mm: float
    core_developable_share: float


def _fits(places: _Places) -> _Fits:
    """Fit everything to the points on which the best cylinder agrees."""
    from livegate.kernels import relief, surfaces

    points, masks, lists = places.points, np.stack([places.valid] * 2), np.empty((2, places.valid.size))
    work = np.zeros((surfaces.WORK_ROWS, surfaces.MOST_TERMS))
    noise_mm = relief.noise(points[2], places.valid, COLUMNS, places.lag, lists[1])
    cylinder_mm = surfaces.best_cylinder(points, masks, _AGREEING_SHARE, _ROUNDS, work, lists)
    plane_mm = surfaces.fit(points, masks[1], surfaces.PLANE, 1, work)
    plane = work[surfaces.COEFFICIENTS, :3].copy()
    quadric_mm = surfaces.fit(points, masks[1], surfaces.QUADRIC, 1, work)
    xx, xy, yy = work[surfaces.COEFFICIENTS, 3:]
    hessian = np.array([[xx, xy / 2], [xy / 2, yy]])
    masks[0] = places.valid & _CORE
    core_mm = surfaces.best_cylinder(points, masks, _AGREEING_SHARE, _ROUNDS, work, lists)
    near = (np.abs(lists[0]) < _FLOOR_MM + _WITHIN_DEVIATIONS * noise_mm) & (masks[0] > 0)
    share = float(near.sum()) / max(int(masks[0].sum()), 1)
    return _Fits(plane, hessian, plane_mm, cylinder_mm, quadric_mm, noise_mm, core_mm, share)


def _log(mm: float) -> float:
    return math.log(mm + _FLOOR_MM)


def _noses() -> tuple[NDArray[np.float64], NDArray[np.uint8], NDArray[np.float64]]:
    """Return the grid's own x and y in half box widths (2, N), the core (N,), and noses (K, N) in it."""
    across, down = box_shares()
    x, y = np.meshgrid((across - 0.5) * _BOX_MM[0], (down - (TOP + BOTTOM) / 2) * _BOX_MM[1])
    aside, above, below = _CORE_MM
    core = (np.abs(x) < aside) & (y > above) & (y < below)
    noses = [
        np.exp(-(((x - dx) / _NOSE_MM[0]) ** 2) - ((y - dy) / _NOSE_MM[1]) ** 2).ravel()
        for dx in _ASIDE_MM
        for dy in _DOWN_MM
    ]
    return np.stack([x, y]).reshape(2, -1) / (_BOX_MM[0] / 2), core.ravel().astype(np.uint8), np.array(noses)


_PLACES, _CORE, _NOSES = _noses()
_NOSE_LIMITS = np.array([_AGREEING_SHARE, _OUTLIER_MM])


def _nose(places: _Places) -> NDArray[np.float64]:
    """Return how high (mm) the nose stands and how well it agrees with one, (2,)."""
    from livegate.kernels import relief, surfaces

    points = np.concatenate([_PLACES, places.points[2:]])
    work, found = np.zeros((surfaces.WORK_ROWS, surfaces.MOST_TERMS)), np.empty(2)
    lists = np.empty((2, places.valid.size))
    masks = np.stack([places.valid & _CORE, places.valid, _CORE])
    relief.bump(points, masks, _NOSES, _NOSE_LIMITS, work, lists, found)
    return found


def _socket(grid: Grid) -> float:
    """Return how far (mm) the eyes lie behind what is above and below them, the lesser of the two sides."""
    reach = round(0.16 * ROWS)
    known = np.where(grid.valid, grid.z, np.nan)
    hollow = known[reach:-reach] - (known[: -2 * reach] + known[2 * reach :]) / 2
    eyes = hollow[round(0.26 * ROWS) - reach : round(0.5 * ROWS) - reach]
    sides = (
        eyes[:, round(0.15 * COLUMNS) : round(0.42 * COLUMNS)],
        eyes[:, round(0.58 * COLUMNS) : round(0.85 * COLUMNS)],
    )
    return min(_typical_depth(side) for side in sides)


def _typical_depth(values: NDArray[np.float64]) -> float:
    """Return the upper quartile of what is known: the socket fills about half of where it is looked for."""
    known = values[np.isfinite(values)]
    if known.size < _FEWEST_OF_EYE:
        return 0.0
    rank = known.size * 3 // 4
    return float(np.clip(np.partition(known, rank)[rank], -_MOST_MM, _MOST_MM))
