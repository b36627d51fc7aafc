"""Sensor agreement: do colour, near infrared and depth see one and the same face?

The near-infrared lamp stands beside the lens, so a living face's own relief shades it; the depth camera measures that
relief. What near infrared shows beyond smooth shading and beyond what the colours explain must therefore be what the
depth camera says it is (shape from shading under a coaxial lamp; the idea of telling a face from its picture by what
one sensor sees and another does not is Sun et al.'s, IEEE TIFS 2016 [R]; features and constants are our own). A print
has ink without relief, a screen light without a surface; paper that is bent has relief, but not that of the face on it.
Surfaces whose brightness does not fall with their distance are not lit by the lamp, or not what they seem.

Nothing here says how flat the depth is, or how dark the picture: those are the evidence of the cues of one sensor.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livegate.cues.face_cells import CELLS, OFFSET, SMOOTH, FaceCells, explained, face_cells, fit, lit_cells
from livegate.optics import camera_of
from livegate.types import Box, Frame, Observation, Role

NEEDS = frozenset({Role.RGB, Role.NIR, Role.DEPTH})
KERNELS = ("face_grid", "shading")
FEATURES = (
    "relief_agreement",
    "log_explained",
    "distance_agreement",
    "return_share",
    "bright_without_return",
)
RISING = frozenset({"relief_agreement", "distance_agreement", "return_share"})
FALLING = frozenset({"log_explained", "bright_without_return"})

_LEAST_CELLS = 60
# Returns this far apart belong to two surfaces; cells this far from the face's middle are not the face.
_TOGETHER_MM = 15.0
_FACE_DEPTH_MM = 120.0
# A surface steeper than this (logarithm of its cosine) is an edge.
_STEEPEST = -1.5
# A variance of logarithms below this is noise.
_NOISE = 1e-4
_BRIGHT = 90.0


def measure(observation: Observation) -> NDArray[np.float64] | None:
    """Return the numbers of :data:`FEATURES`, or None when the face is too small or hardly in the picture.

    The agreements are correlations (-1..1): of the shading that depth predicts, log cos, with the logarithm of near
    infrared that the colours leave unexplained, both less what is smooth (relief); and of the brightness of everything
    around with the square of its distance. ``log_explained`` is by how much depth lessens what was unexplained (a
    logarithm, 0 or below); the shares are of the face's cells: those with a return at the face's distance, and those
    without one though near infrared is bright.
    Where nothing returns there is no agreement: all of these are 0, never missing.
    """
    frames = observation.frame_set.frames
    rgb, nir, depth = frames.get(Role.RGB), frames.get(Role.NIR), frames.get(Role.DEPTH)
    if rgb is None or nir is None or depth is None:
        return None
    if not nir.image.shape == depth.image.shape == rgb.image.shape[:2]:
        return None
    box = observation.face.box
    cells = face_cells(nir, rgb.image, box)
    if cells is None:
        return None
    distance = _distances(depth, box)
    returned = cells.face & (distance > 0)
    face_mm = float(np.median(distance[returned])) if returned.any() else 0.0
    near = (distance > 0) & (np.abs(distance - face_mm) < _FACE_DEPTH_MM)
    count = np.count_nonzero(cells.face)
    return np.array([
        *_relief(cells, distance, near, _cell_mm(depth, box, face_mm)),
        _distance_agreement(nir, depth, box),
        np.count_nonzero(near & cells.face) / count,
        np.count_nonzero(cells.face & ~near & (cells.nir > _BRIGHT)) / count,
    ])  # fmt: skip


def _distances(depth: Frame, part: Box) -> NDArray[np.float32]:
    from livegate.kernels.face_grid import depth_cells

    out = np.empty((CELLS, CELLS), np.float32)
    depth_cells(np.ascontiguousarray(depth.image), part.x, part.y, part.w, part.h, _TOGETHER_MM, out)
    return out


def _cell_mm(depth: Frame, box: Box, face_mm: float) -> tuple[float, float]:
    """Return the width and the height of a cell at the face's distance, at least a tenth of a millimetre."""
    camera = camera_of(depth)
    return max(box.w * face_mm / camera.fx / CELLS, 0.1), max(box.h * face_mm / camera.fy / CELLS, 0.1)


def _relief(
    cells: FaceCells, distance: NDArray[np.float32], near: NDArray[np.bool_], cell_mm: tuple[float, float]
) -> tuple[float, float]:
    """Return the agreement of the relief that depth predicts with what is seen, and what depth explains of that."""
    region = cells.exposed & _surrounded(near)
    if np.count_nonzero(region) < _LEAST_CELLS:
        return 0.0, 0.0
    shading, design = _shading(distance, near, cell_mm), explained(cells)
    _, predicted = fit(SMOOTH, shading, region)
    _, left = fit(design, cells.log_nir, region)
    _, unknown = fit(np.concatenate([design, shading[..., None]], axis=2), cells.log_nir, region)
    floor = _NOISE * left.size
    return _alike(left, predicted), float(np.log((unknown @ unknown + floor) / (left @ left + floor)))


def _shading(
    distance: NDArray[np.float32], near: NDArray[np.bool_], cell_mm: tuple[float, float]
) -> NDArray[np.float64]:
    """Return the logarithm of the cosine (24, 24) between surface and lens, from depth smoothed over neighbours.

    A millimetre of noise over a cell of six would tilt it else; more smoothing would wear off nose and sockets.
    """
    from livegate.kernels.shading import smooth

    seen = near.astype(np.uint8)
    surface = np.where(near, distance, 0).astype(np.float64)[..., None]
    smoothed = np.empty_like(surface)
    smooth(surface, seen, smoothed)
    down, across = np.gradient(smoothed[..., 0])
    return np.asarray(np.maximum(-0.5 * np.log1p((across / cell_mm[0]) ** 2 + (down / cell_mm[1]) ** 2), _STEEPEST))


def _surrounded(near: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the cells that are of the face with their four neighbours: a slope needs both sides."""
    inside = np.zeros_like(near)
    inside[1:-1, 1:-1] = near[1:-1, 1:-1] & near[:-2, 1:-1] & near[2:, 1:-1] & near[1:-1, :-2] & near[1:-1, 2:]
    return inside


def _distance_agreement(nir: Frame, depth: Frame, box: Box) -> float:
    """Return how brightness in and around the face goes with 1/z2, over what has a return."""
    wide = Box(box.x - box.w / 2, box.y - box.h / 2, 2 * box.w, 2 * box.h)
    levels, distance = lit_cells(nir, wide), _distances(depth, wide)
    both = (levels >= 0) & (distance > 0)
    if np.count_nonzero(both) < _LEAST_CELLS:
        return 0.0
    bright, fall = np.log(levels[both] + OFFSET).astype(np.float64), -2 * np.log(distance[both]).astype(np.float64)
    return _alike(bright - bright.mean(), fall - fall.mean())


def _alike(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Return the correlation of two residuals, shrunk towards 0 where either is no more than noise."""
    noise = _NOISE * a.size
    return float((a @ b) / np.sqrt((a @ a + noise) * (b @ b + noise)))
