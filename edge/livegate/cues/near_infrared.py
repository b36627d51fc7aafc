"""Near infrared: a living face under the terminal's own illuminator against its surroundings.

Sun et al. 2016 [R]: skin is bright at 850-940 nm and the background falls off with the square of its distance; screens
emit nothing there and show a glint, dye inks turn transparent so that the printed face vanishes. Their exact features
could not be had; these are a reconstruction.

The lamp stands beside the lens, so a head's own relief shades it: bright where it faces the camera, dark in its
hollows and towards its sides. Visible light comes from elsewhere and knows nothing of that shading. What near infrared
shows beyond a smooth slope and beyond what the colours explain is therefore relief: of ink on a flat or bent sheet
the colours explain everything (toner, pigments) or there is nothing to explain (dyes, screens). All comparisons are of
logarithms, so a camera's gain cancels; nothing compares levels with a fixed grey but being black and being saturated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.kernels.face_grid import mean_cells
from livegate.kernels.shading import explain, smooth
from livegate.types import Box, Frame, Observation, Role

NEEDS = frozenset({Role.RGB, Role.NIR})
FEATURES = (
    "log_face_over_surround",
    "log_darkness",
    "saturated_share",
    "curvature",
    "shade",
    "highlight",
    "core_highlight",
    "rgb_agreement",
    "log_relief",
    "log_usual_relief",
    "log_detail",
)

_CELLS = 24
# Of as many cells over twice the box: the rows from above the head to the chin, the columns clear of the hair.
_BESIDE, _ASIDE = slice(2, 16), 3
_MIN_FACE_PX = 16.0
_LEAST_SEEN_CELLS = 60
_LEAST_CORE_CELLS = 40
# Grey levels: below the offset everything is black, from the other on the sensor may be full.
_OFFSET = 6.0
_FULL = 250.0
# Skin under a lamp is nowhere near this dark; how far above it a face is says more of the exposure than of the face.
_DARK = 90.0
# Logarithms below this are noise of the camera: what it adds to a smooth face.
_NOISE = 0.015

_X, _Y = np.meshgrid(*[(np.arange(_CELLS) + 0.5) / (_CELLS / 2) - 1.0] * 2)
_SMOOTH = np.stack([np.ones_like(_X), _X, _Y, _X * _X, _X * _Y, _Y * _Y], axis=-1)
# Ellipses in the detector's box: the face without hair and background, and what lies between eyes, mouth and cheeks.
_INNER = (_X / 0.85) ** 2 + (_Y / 0.9) ** 2 < 1
_CORE = (_X / 0.6) ** 2 + ((_Y - 0.05) / 0.65) ** 2 < 1


@dataclass(frozen=True, slots=True)
class _Cells:
    """The face in both lights: levels (24, 24), -1 outside; their smoothed logarithms; what surrounds it in nir."""

    nir: NDArray[np.float32]
    log_nir: NDArray[np.float64]
    log_rgb: NDArray[np.float64]
    brightness: NDArray[np.float64]
    around: NDArray[np.float32]


def measure(observation: Observation) -> NDArray[np.float64] | None:
    """Return the numbers of :data:`FEATURES`, or None when the face is too small or hardly in the picture.

    Where the frame has an unlit picture it is subtracted first, so that sunlight does not count. The face over its
    surroundings and darkness are natural logarithms of levels; curvature is the second derivative of log brightness
    along the direction in which it falls off most, per squared half face; shade and highlight are the 2nd and 98th
    percentile of log brightness about that smooth shading, in the whole face and in its middle; the agreement is the
    correlation (-1..1) of what remains with the colours' brightness; relief is what neither explains, its root mean
    square and its median (logarithms); detail the Laplacian's root mean square between cells (a logarithm).
    """
    nir, rgb = observation.frame_set.frames.get(Role.NIR), observation.frame_set.frames.get(Role.RGB)
    if nir is None or rgb is None or nir.image.shape != rgb.image.shape[:2]:
        return None
    cells = _cells(nir, rgb.image, observation.face.box)
    if cells is None:
        return None
    seen = cells.nir >= 0
    face = _INNER & seen
    if np.count_nonzero(face) < _LEAST_SEEN_CELLS:
        return None
    level = float(np.median(cells.nir[face]))
    full = cells.nir >= _FULL
    curvature, low, high, _ = _shading(cells, _enough(face & ~full, face, _LEAST_SEEN_CELLS))
    core = _enough(_CORE & seen & ~full, _enough(_CORE & seen, face, _LEAST_CORE_CELLS), _LEAST_CORE_CELLS)
    _, _, core_high, agreement = _shading(cells, core)
    relief, usual = _relief(cells, _enough(face & ~full, face, _LEAST_SEEN_CELLS))
    return np.array([
        np.log((level + _OFFSET) / (_surround(cells.around, level) + _OFFSET)),
        np.log(min(level, _DARK) + _OFFSET),
        np.count_nonzero(full & face) / np.count_nonzero(face),
        curvature,
        low,
        high,
        core_high,
        agreement,
        relief,
        usual,
        _detail(cells.nir, face),
    ])  # fmt: skip


def _cells(nir: Frame, rgb: NDArray[Any], box: Box) -> _Cells | None:
    """Return the cells of a face, None for a box that is no box."""
    if not np.isfinite([box.x, box.y, box.w, box.h]).all() or min(box.w, box.h) < _MIN_FACE_PX:
        return None
    around = _lit(nir, Box(box.x - box.w / 2, box.y - box.h / 2, 2 * box.w, 2 * box.h))
    face, colour = _lit(nir, box), _levels(rgb, box)
    log_rgb = _logarithms(colour)
    return _Cells(face[..., 0], _logarithms(face)[..., 0], log_rgb, log_rgb.mean(axis=2), around[..., 0])


def _lit(nir: Frame, part: Box) -> NDArray[np.float32]:
    """Return the levels (24, 24, 1) of what the lamp alone lights, where the frame says what it looks like unlit."""
    levels = _levels(nir.image[..., None], part)
    if nir.unlit is None or nir.unlit.shape != nir.image.shape:
        return levels
    return np.where(levels < 0, levels, np.maximum(levels - _levels(nir.unlit[..., None], part), np.float32(0)))


def _levels(image: NDArray[Any], part: Box) -> NDArray[np.float32]:
    out = np.empty((_CELLS, _CELLS, image.shape[2]), np.float32)
    mean_cells(np.ascontiguousarray(image), part.x, part.y, part.w, part.h, out)
    return out


def _logarithms(levels: NDArray[np.float32]) -> NDArray[np.float64]:
    out = np.empty(levels.shape, np.float64)
    seen = (levels[..., 0] >= 0).astype(np.uint8)
    smooth(np.log(np.maximum(levels, 0) + _OFFSET).astype(np.float64), seen, out)
    return out


def _enough(wanted: NDArray[np.bool_], otherwise: NDArray[np.bool_], least: int) -> NDArray[np.bool_]:
    return wanted if np.count_nonzero(wanted) >= least else otherwise


def _surround(around: NDArray[np.float32], level: float) -> float:
    """Return the median level left and right of the face above its chin; the face's own where nothing is in view."""
    sides = np.concatenate([around[_BESIDE, :_ASIDE].ravel(), around[_BESIDE, -_ASIDE:].ravel()])
    sides = sides[sides >= 0]
    return float(np.median(sides)) if sides.size >= _ASIDE else level


def _shading(cells: _Cells, region: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    """Return how bent a region's smooth shading is, how dark and how bright things are about it, and the agreement."""
    shading, about = _fit(_SMOOTH, cells.log_nir, region)
    _, colours = _fit(_SMOOTH, cells.brightness, region)
    across, mixed, down = 2 * shading[3], shading[4], 2 * shading[5]
    most = (across + down) / 2 - np.hypot((across - down) / 2, mixed)
    ordered = np.sort(about)
    tail = len(ordered) // 50
    norm = float(np.sqrt((about @ about) * (colours @ colours)))
    return -float(most), -float(ordered[tail]), float(ordered[-1 - tail]), float(about @ colours) / (norm + 1e-3)


def _relief(cells: _Cells, region: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the logarithms of the root mean square and of the median of what shading and colours leave unexplained.

    The colours' slopes stand beside the colours: to the first order they explain a picture that lies a little aside.
    """
    design = np.zeros((_CELLS, _CELLS, _SMOOTH.shape[2] + 5))
    design[..., :-5] = _SMOOTH
    design[..., -5:-2] = cells.log_rgb
    design[1:-1, :, -2] = cells.brightness[2:] - cells.brightness[:-2]
    design[:, 1:-1, -1] = cells.brightness[:, 2:] - cells.brightness[:, :-2]
    _, left = _fit(design, cells.log_nir, region, rounds=2)
    usual = float(np.median(np.abs(left)))
    return float(np.log(np.sqrt((left @ left) / left.size) + _NOISE)), float(np.log(usual + _NOISE / 2))


def _fit(
    design: NDArray[np.float64], values: NDArray[np.float64], region: NDArray[np.bool_], rounds: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the coefficients of least squares over a region, and what they leave there."""
    size = design.shape[2]
    coefficients, residual = np.empty(size), np.empty(_CELLS * _CELLS)
    explain(
        design.reshape(-1, size), values.ravel(), region.ravel().astype(np.uint8), rounds, coefficients, residual,
        np.empty((size, size)), np.empty(_CELLS * _CELLS),
    )  # fmt: skip
    return coefficients, residual[region.ravel()]


def _detail(levels: NDArray[np.float32], face: NDArray[np.bool_]) -> float:
    """Return the logarithm of the root mean square Laplacian of log levels, over cells whose neighbours are seen."""
    log = np.log(np.maximum(levels, 0) + _OFFSET)
    laplacian = 4 * log[1:-1, 1:-1] - log[:-2, 1:-1] - log[2:, 1:-1] - log[1:-1, :-2] - log[1:-1, 2:]
    seen = levels >= 0
    whole = face[1:-1, 1:-1] & seen[:-2, 1:-1] & seen[2:, 1:-1] & seen[1:-1, :-2] & seen[1:-1, 2:]
    return float(np.log(np.sqrt(np.square(laplacian[whole]).mean()) + _NOISE)) if whole.any() else float(np.log(_NOISE))
