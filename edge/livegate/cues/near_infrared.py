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

import numpy as np
from numpy.typing import NDArray

from livegate.cues.face_cells import (
    CORE,
    OFFSET,
    SMOOTH,
    FaceCells,
    enough,
    explained,
    face_cells,
    fit,
    lit_cells,
)
from livegate.types import Box, Observation, Role

NEEDS = frozenset({Role.RGB, Role.NIR})
KERNELS = ("face_grid", "shading")
FEATURES = (
    "log_face_over_surround",
    "log_darkness",
    "saturated_share",
    "curvature",
    "highlight",
    "rgb_agreement",
    "log_red_over_blue",
    "log_relief",
    "log_usual_relief",
)
RISING = frozenset({"log_darkness", "log_usual_relief"})
FALLING = frozenset({"saturated_share"})

# Of 24 x 24 cells over twice the box: the rows from above the head to the chin, the columns clear of the hair.
_BESIDE, _ASIDE = slice(2, 16), 3
_LEAST_CORE_CELLS = 40
# Skin under a lamp is nowhere near this dark; how far above it a face is says more of the exposure than of the face.
_DARK = 90.0
# Logarithms below this are noise of the camera: what it adds to a smooth face.
_NOISE = 0.015
# Less than this in all of the middle is no contrast that could agree.
_LEAST_CONTRAST = 1e-3


def measure(observation: Observation) -> NDArray[np.float64] | None:
    """Return the numbers of :data:`FEATURES`, or None when the face is too small or hardly in the picture.

    Where the frame has an unlit picture it is subtracted from all but relief, which it would blur with its noise and
    with what moved meanwhile; sunlight does not count then. The face over its
    surroundings and darkness are natural logarithms of levels; curvature is the second derivative of log brightness
    along the direction in which it falls off most, per squared half face; the highlight is the 98th percentile of log
    brightness about that smooth shading; the agreement is the correlation (-1..1) of the middle of the face, less its
    smooth shading, in both lights; red over blue is the visible end of skin's rise from blue to near infrared (a
    logarithm); relief is what neither smooth shading nor colours explain, its root mean square and its median
    (logarithms).
    """
    nir, rgb = observation.frame_set.frames.get(Role.NIR), observation.frame_set.frames.get(Role.RGB)
    if nir is None or rgb is None or nir.image.shape != rgb.image.shape[:2]:
        return None
    box = observation.face.box
    cells = face_cells(nir, rgb.image, box)
    if cells is None:
        return None
    level = float(np.median(cells.nir[cells.face]))
    around = lit_cells(nir, Box(box.x - box.w / 2, box.y - box.h / 2, 2 * box.w, 2 * box.h))
    full = np.count_nonzero(cells.face & cells.full) / np.count_nonzero(cells.face)
    curvature, highlight = _shading(cells)
    relief, usual_relief = _relief(cells)
    return np.array([
        np.log((level + OFFSET) / (_surround(around, level) + OFFSET)),
        np.log(min(level, _DARK) + OFFSET),
        full,
        curvature,
        highlight,
        _agreement(cells),
        float(np.median((cells.log_rgb[..., 2] - cells.log_rgb[..., 0])[cells.face])),
        relief,
        usual_relief,
    ])  # fmt: skip


def _surround(around: NDArray[np.float32], level: float) -> float:
    """Return the median level left and right of the face above its chin; the face's own where nothing is in view."""
    sides = np.concatenate([around[_BESIDE, :_ASIDE].ravel(), around[_BESIDE, -_ASIDE:].ravel()])
    sides = sides[sides >= 0]
    return float(np.median(sides)) if sides.size >= _ASIDE else level


def _shading(cells: FaceCells) -> tuple[float, float]:
    """Return how bent the face's smooth shading is, and how bright its brightest parts are about it."""
    shading, about = fit(SMOOTH, cells.log_nir, cells.exposed)
    across, mixed, down = 2 * shading[3], shading[4], 2 * shading[5]
    most = (across + down) / 2 - np.hypot((across - down) / 2, mixed)
    return -float(most), float(np.sort(about)[-1 - about.size // 50])


def _agreement(cells: FaceCells) -> float:
    """Return how alike the middle of the face is in both lights, without smooth shading."""
    core = enough(CORE & cells.exposed, cells.face, _LEAST_CORE_CELLS)
    _, about = fit(SMOOTH, cells.log_nir, core)
    _, colours = fit(SMOOTH, cells.brightness, core)
    return float(about @ colours) / (float(np.sqrt((about @ about) * (colours @ colours))) + _LEAST_CONTRAST)


def _relief(cells: FaceCells) -> tuple[float, float]:
    """Return the logarithms of the root mean square and of the median of what shading and colours leave unexplained."""
    _, left = fit(explained(cells), cells.log_lit, cells.exposed, rounds=2)
    usual = float(np.median(np.abs(left)))
    return float(np.log(np.sqrt((left @ left) / left.size) + _NOISE)), float(np.log(usual + _NOISE / 2))
