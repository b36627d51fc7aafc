"""Cameras that are not quite together: exposed a few milliseconds apart, registered a pixel or so beside each other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate_tools.simulate.held_out import Split, draw_constant
from livegate_tools.simulate.materials import Kind
from livegate_tools.simulate.renderer import Radiance

Array = NDArray[Any]

_MOST_LATE_MS = 15.0
_SPEED_MM_S = 90.0
_FASTEST_MM_S = 280.0
_MOST_OFF_PX = 1.5
_LAMP_CYCLE_MS = (8.0, 34.0)
_JUMP = 0.03


@dataclass(frozen=True, slots=True)
class Displacement:
    """How one camera's picture lies against rgb's.

    What stands before the room has moved ``moved_px`` (x, y) on since; all of it lies off by ``matrix`` (2, 3).
    """

    moved_px: tuple[float, float]
    matrix: Array


@dataclass(frozen=True, slots=True)
class Timing:
    """How the pictures of a moment lie against rgb's, each 0 to 15 ms off: near infrared, lit and dark, and depth."""

    nir: Displacement
    unlit: Displacement
    depth: Displacement


def draw_timing(rng: np.random.Generator, split: Split, px_per_mm: float) -> Timing:
    """Return the moment of a sample whose face is seen at ``px_per_mm``."""
    speed = np.clip(rng.normal(0, _SPEED_MM_S, 2), -_FASTEST_MM_S, _FASTEST_MM_S) * px_per_mm / 1000
    nir_ms, depth_ms = (float(rng.uniform(-_MOST_LATE_MS, _MOST_LATE_MS)) for _ in range(2))
    dark_ms = nir_ms - float(rng.uniform(*_LAMP_CYCLE_MS))
    nir, depth = _registration(rng, split), _registration(rng, split)

    def after(ms: float) -> tuple[float, float]:
        return float(speed[0] * ms), float(speed[1] * ms)

    return Timing(Displacement(after(nir_ms), nir), Displacement(after(dark_ms), nir),
                  Displacement(after(depth_ms), depth))  # fmt: skip


def _registration(rng: np.random.Generator, split: Split) -> Array:
    off, turn = draw_constant(rng, 0.0, _MOST_OFF_PX, split), float(rng.uniform(0, 2 * np.pi))
    matrix = cv2.getRotationMatrix2D((320.0, 240.0), float(rng.normal(0, 0.05)), 1 + float(rng.normal(0, 0.0008)))
    matrix[:, 2] += off * np.cos(turn), off * np.sin(turn)
    return np.asarray(matrix)


def displaced(radiance: Radiance, by: Displacement) -> Radiance:
    """Return near infrared, distances and materials as a camera has them that is displaced; colour stays."""
    before = radiance.kinds != Kind.BACKGROUND
    one = np.array([[1, 0, by.moved_px[0]], [0, 1, by.moved_px[1]]], np.float64)
    covered = _warped(before.astype(np.float32), one, cv2.INTER_LINEAR) > 0.5
    rows, columns = _nearest_background(before)

    def moved(layer: Array, how: int) -> Array:
        on = np.where(covered, _warped(layer, one, how), layer[rows, columns])
        return _warped(np.asarray(on, layer.dtype), by.matrix, how)

    nir, ambient = moved(radiance.nir, cv2.INTER_LINEAR), moved(radiance.ambient, cv2.INTER_LINEAR)
    smooth, hard = moved(radiance.depth_mm, cv2.INTER_LINEAR), moved(radiance.depth_mm, cv2.INTER_NEAREST)
    # Half way between two surfaces there is none.
    depth = np.where(np.abs(smooth - hard) < _JUMP * hard, smooth, hard)
    kinds = moved(radiance.kinds, cv2.INTER_NEAREST)
    return replace(radiance, nir=nir, ambient=ambient, depth_mm=depth, kinds=kinds)


def _warped(layer: Array, matrix: Array, how: int) -> Array:
    height, width = layer.shape
    warped = cv2.warpAffine(layer, matrix, (width, height), flags=how, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped)


def _nearest_background(before: Array) -> tuple[Array, Array]:
    """For each pixel the row and column of the nearest one that shows the room: what comes to light behind edges."""
    rows, columns = np.mgrid[0 : before.shape[0], 0 : before.shape[1]]
    if before.all() or not before.any():
        return rows, columns
    _, labels = cv2.distanceTransformWithLabels(before.astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL)
    seen = ~before
    place = np.zeros(int(labels.max()) + 1, np.int64)
    place[labels[seen]] = np.flatnonzero(seen)
    return np.divmod(place[labels], before.shape[1])
