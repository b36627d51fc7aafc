"""A second colour camera beside the first: what it sees of a drawn scene, and how far off true its rectification is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

from livegate_tools.simulate.camera_stage import expose
from livegate_tools.simulate.cameras import CameraModel
from livegate_tools.simulate.compiling import CACHE
from livegate_tools.simulate.held_out import Split, draw_constant

Array = NDArray[Any]

_STRETCHED_PX = 3.0
_BORDER_PX = 9


@dataclass(frozen=True, slots=True)
class StereoPair:
    """The right-hand camera of a rectified pair.

    ``baseline_mm`` to the right of rgb; what is left of rectification: ``row_px`` too low at the middle, ``tilt_px`` a
    thousand columns aside, ``column_px`` too far right; ``exposure_ev`` and ``tint`` (red, blue) against rgb.
    """

    baseline_mm: float
    row_px: float
    tilt_px: float
    column_px: float
    exposure_ev: float
    tint: tuple[float, float]


def draw_pair(rng: np.random.Generator, split: Split) -> StereoPair:
    """Return a pair with constants of the split's own strips."""
    side = 1.0 if rng.random() < 0.5 else -1.0
    return StereoPair(
        baseline_mm=round(draw_constant(rng, 40, 75, split), 2),
        row_px=side * draw_constant(rng, 0.0, 0.7, split),
        tilt_px=draw_constant(rng, -0.8, 0.8, split),
        column_px=draw_constant(rng, -0.5, 0.5, split),
        exposure_ev=draw_constant(rng, -0.2, 0.2, split),
        tint=(draw_constant(rng, 0.96, 1.04, split), draw_constant(rng, 0.96, 1.04, split)),
    )


def expose_right(light: Array, camera: CameraModel, pair: StereoPair, rng: np.random.Generator) -> Array:
    """Return (H, W, 3) uint8 B, G, R of the right-hand camera, of the same make as ``camera``, with noise of its own.

    ``light`` (H, W, 3) float32 is what it would see were it rectified exactly.
    """
    height, width = light.shape[:2]
    turn = pair.tilt_px / 1000
    matrix = np.array([[1.0, -turn, pair.column_px + turn * height / 2], [turn, 1.0, pair.row_px - turn * width / 2]])
    moved = np.asarray(cv2.warpAffine(light, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE), np.float32)
    tint = (camera.white_tint[0] * pair.tint[0], camera.white_tint[1] * pair.tint[1])
    other = replace(camera, exposure_ev=camera.exposure_ev + pair.exposure_ev, white_tint=tint)
    return expose(moved, other, rng)


def seen_from_right(light: Array, depth_mm: Array, focal_px: float, baseline_mm: float) -> Array:
    """Return what a camera ``baseline_mm`` to the right sees of a picture with known distances.

    Args:
        light: (H, W, 3) float32, what the left camera sees.
        depth_mm: (H, W) float32 distances along its axis, above 0.
        focal_px: of both cameras.
        baseline_mm: between them.

    Returns:
        (H, W, 3) float32. What the left camera does not see, behind edges and beyond its right border, is filled with
        a mirror image of the farther side.
    """
    disparity = np.ascontiguousarray(focal_px * baseline_mm / np.maximum(depth_mm, 1.0), np.float32)
    # What borders on something nearer has some of its colour, which would stay behind as an outline.
    around = np.asarray(cv2.dilate(disparity, np.ones((_BORDER_PX, _BORDER_PX), np.uint8)))
    disparity[around - disparity > _STRETCHED_PX] = np.nan
    out = np.zeros_like(light, np.float32)
    nearest = np.full(disparity.shape, -1.0, np.float32)
    _moved(np.ascontiguousarray(light, np.float32), disparity, out, nearest)
    _filled(out, nearest)
    return out


@numba.njit(cache=CACHE)
def _moved(light: Array, disparity: Array, out: Array, nearest: Array) -> None:
    """Draw every row as a strip of surface between neighbouring pixels; the nearest wins."""
    height, width = disparity.shape
    for y in range(height):
        for x in range(width - 1):
            start, end = x - disparity[y, x], x + 1 - disparity[y, x + 1]
            # Written so that NaN, what no surface is known of, is left out.
            if not 0 < end - start <= _STRETCHED_PX:
                continue
            first, last = max(int(np.ceil(start)), 0), min(int(np.floor(end)), width - 1)
            for at in range(first, last + 1):
                share = (at - start) / (end - start)
                near = disparity[y, x] * (1 - share) + disparity[y, x + 1] * share
                if near > nearest[y, at]:
                    nearest[y, at] = near
                    for channel in range(3):
                        out[y, at, channel] = light[y, x, channel] * (1 - share) + light[y, x + 1, channel] * share


@numba.njit(cache=CACHE)
def _filled(out: Array, nearest: Array) -> None:
    """Fill gaps of each row from the side that is farther away; an empty row stays black."""
    height, width = nearest.shape
    for y in range(height):
        x = 0
        while x < width:
            if nearest[y, x] >= 0:
                x += 1
                continue
            end = x
            while end < width and nearest[y, end] < 0:
                end += 1
            left, right = x - 1, end
            from_right = right < width and (left < 0 or nearest[y, right] <= nearest[y, left])
            for at in range(x, end):
                if from_right:
                    source = min(right + (right - 1 - at), width - 1)
                    source = source if nearest[y, source] >= 0 else right
                elif left >= 0:
                    source = max(left - (at - left - 1), 0)
                    source = source if nearest[y, source] >= 0 else left
                else:
                    break
                for channel in range(3):
                    out[y, at, channel] = out[y, source, channel]
            x = end
