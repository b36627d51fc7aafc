"""A face as a grid of cells in both lights, and least squares over it: what the near-infrared cues are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.types import Box, Frame

CELLS = 24
"""Cells along each side of the detector's box."""
OFFSET = 6.0
"""Grey levels added before a logarithm: below it everything is black."""
FULL = 250.0
"""From this grey level on the sensor may be full."""
MIN_FACE_PX = 16.0
LEAST_SEEN_CELLS = 60

_X, _Y = np.meshgrid(*[(np.arange(CELLS) + 0.5) / (CELLS / 2) - 1.0] * 2)
SMOOTH = np.stack([np.ones_like(_X), _X, _Y, _X * _X, _X * _Y, _Y * _Y], axis=-1)
"""(24, 24, 6): the columns of a quadratic in half boxes from the middle, which any smooth shading is about."""
INNER = (_X / 0.85) ** 2 + (_Y / 0.9) ** 2 < 1
"""(24, 24): the face without hair and background."""
CORE = (_X / 0.6) ** 2 + ((_Y - 0.05) / 0.65) ** 2 < 1
"""(24, 24): what lies between eyes, mouth and cheeks."""

_COLOURS = 5


@dataclass(frozen=True, slots=True)
class FaceCells:
    """The face in both lights.

    ``nir`` are levels (24, 24) of what the lamp alone lights, if that is known, -1 outside the picture; ``log_nir``
    (24, 24), ``log_lit`` (24, 24) as the camera sees it with the lamp, ``log_rgb`` (24, 24, 3) and ``brightness``
    (24, 24), the mean of the three, are logarithms smoothed over neighbours; ``face`` is where :data:`INNER` is in the
    picture, ``full`` where the near-infrared sensor is, and ``exposed`` the face where it is not (all of the face where
    hardly anything is).
    """

    nir: NDArray[np.float32]
    log_nir: NDArray[np.float64]
    log_lit: NDArray[np.float64]
    log_rgb: NDArray[np.float64]
    brightness: NDArray[np.float64]
    face: NDArray[np.bool_]
    full: NDArray[np.bool_]
    exposed: NDArray[np.bool_]


def face_cells(nir: Frame, rgb: NDArray[Any], box: Box) -> FaceCells | None:
    """Return the cells of a face; None for a box that is no box, too small, or hardly in the picture.

    Where the near-infrared frame has an unlit picture it is subtracted, so that sunlight does not count. That doubles
    the noise, and leaves edges where something moved meanwhile: fine structure is better read from the lit picture.
    """
    if not np.isfinite([box.x, box.y, box.w, box.h]).all() or min(box.w, box.h) < MIN_FACE_PX:
        return None
    lit = _levels(nir.image, box)
    levels = _without_ambient(lit, nir, box)
    face = INNER & (levels >= 0)
    if np.count_nonzero(face) < LEAST_SEEN_CELLS:
        return None
    log_lit, log_rgb = _logarithms(lit)[..., 0], _logarithms(_levels(rgb, box))
    log_nir = log_lit if nir.unlit is None else _logarithms(levels[..., None])[..., 0]
    # What is full is full before anything is subtracted.
    full = lit[..., 0] >= FULL
    exposed = enough(face & ~full, face)
    return FaceCells(levels, log_nir, log_lit, log_rgb, log_rgb.mean(axis=2), face, full, exposed)


def lit_cells(nir: Frame, part: Box) -> NDArray[np.float32]:
    """Return the levels (24, 24) of a part of the view, -1 outside it: of what the lamp alone lights, if that is known.

    ``part`` must be finite with positive sides.
    """
    return _without_ambient(_levels(nir.image, part), nir, part)


def enough(wanted: NDArray[np.bool_], otherwise: NDArray[np.bool_], least: int = LEAST_SEEN_CELLS) -> NDArray[np.bool_]:
    """Return the wanted cells, or the others where those are fewer than ``least``."""
    return wanted if np.count_nonzero(wanted) >= least else otherwise


def explained(cells: FaceCells) -> NDArray[np.float64]:
    """Return the columns (24, 24, 11) of everything but relief: smooth shading, the colours, and the colours' slopes.

    To the first order the slopes explain a picture that lies a little aside.
    """
    design = np.zeros((CELLS, CELLS, SMOOTH.shape[2] + _COLOURS))
    design[..., :-5] = SMOOTH
    design[..., -5:-2] = cells.log_rgb
    design[1:-1, :, -2] = cells.brightness[2:] - cells.brightness[:-2]
    design[:, 1:-1, -1] = cells.brightness[:, 2:] - cells.brightness[:, :-2]
    return design


def fit(
    design: NDArray[np.float64], values: NDArray[np.float64], region: NDArray[np.bool_], rounds: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the coefficients of least squares over a region of cells (24, 24), and what they leave there (N,).

    ``rounds`` is how often to fit again without outliers; what is left is returned for these, too.
    """
    from livegate.kernels.shading import explain

    size = design.shape[2]
    coefficients, residual = np.empty(size), np.empty(CELLS * CELLS)
    explain(
        design.reshape(-1, size), np.ascontiguousarray(values).ravel(), region.ravel().astype(np.uint8), rounds,
        coefficients, residual, np.empty((size, size)), np.empty(CELLS * CELLS),
    )  # fmt: skip
    return coefficients, residual[region.ravel()]


def _without_ambient(lit: NDArray[np.float32], nir: Frame, part: Box) -> NDArray[np.float32]:
    if nir.unlit is None or nir.unlit.shape != nir.image.shape:
        return lit[..., 0]
    return np.where(lit < 0, lit, np.maximum(lit - _levels(nir.unlit, part), np.float32(0)))[..., 0]


def _levels(image: NDArray[Any], part: Box) -> NDArray[np.float32]:
    """Return the mean levels (24, 24, channels) of the cells of a part of a picture, -1 outside it."""
    from livegate.kernels.face_grid import mean_cells

    channels = np.ascontiguousarray(image).reshape(*image.shape[:2], -1)
    out = np.empty((CELLS, CELLS, channels.shape[2]), np.float32)
    mean_cells(channels, part.x, part.y, part.w, part.h, out)
    return out


def _logarithms(levels: NDArray[np.float32]) -> NDArray[np.float64]:
    from livegate.kernels.shading import smooth

    out = np.empty(levels.shape, np.float64)
    seen = (levels[..., 0] >= 0).astype(np.uint8)
    smooth(np.log(np.maximum(levels, 0) + OFFSET).astype(np.float64), seen, out)
    return out
