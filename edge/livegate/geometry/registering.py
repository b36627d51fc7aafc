"""Pictures of one camera on another's pixels. Every picture that is returned is a new one, for frames are shared."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.geometry.calibration import CalibratedCamera
from livegate.geometry.tables import crossing, lookup
from livegate.kernels.fill import CELL, fill
from livegate.kernels.register import register
from livegate.kernels.resample import place, resample, through_surface


class DepthOnto:
    """Registers a depth camera's maps onto the pixels of another eye. One thread at a time."""

    def __init__(self, depth: CalibratedCamera, eye: CalibratedCamera) -> None:
        self._way = crossing(depth, eye)
        self._shape = eye.height, eye.width
        self._scratch = np.zeros((6, depth.width + 1), np.float32)
        self._covered = np.zeros((4, depth.width), np.int32)

    def __call__(self, image: NDArray[Any]) -> NDArray[np.uint16]:
        """Return ``image`` (h, w) uint16, in the camera's counts, as (H, W) uint16 in mm; 0 where nothing is known."""
        out = np.empty(self._shape, np.uint16)
        register(np.ascontiguousarray(image), self._way.rays, self._way.model, self._scratch, self._covered, out)
        return out


class Surface:
    """Fills the holes of registered depth maps, for what is to be looked up through them. One thread at a time."""

    def __init__(self, eye: CalibratedCamera, nominal_mm: float) -> None:
        self._nominal_mm = round(nominal_mm)
        self._cells = np.zeros((2, -(-eye.height // CELL), -(-eye.width // CELL)), np.uint16)
        self._unknown = np.zeros((eye.height, eye.width), np.uint16)
        self._filled = np.zeros((eye.height, eye.width), np.uint16)

    def of(self, depth: NDArray[np.uint16] | None) -> NDArray[np.uint16]:
        """Return ``depth`` (H, W) in mm without holes; good until the next call. None stands for no depth at all."""
        fill(self._unknown if depth is None else depth, self._nominal_mm, self._cells, self._filled)
        return self._filled


class GreyOnto:
    """Maps a near-infrared camera's pictures onto the pixels of another eye. One thread at a time."""

    def __init__(self, nir: CalibratedCamera, eye: CalibratedCamera) -> None:
        self._way = crossing(eye, nir)
        self._scratch = np.zeros((3, eye.width), np.float32)
        self._places = np.zeros((3, eye.width), np.int32)

    def __call__(self, image: NDArray[Any], surface: NDArray[np.uint16]) -> NDArray[np.uint8]:
        """Return ``image`` (h, w) uint8 as (H, W) uint8, looked up through ``surface`` (H, W) in mm; 0 outside it."""
        out = np.empty(surface.shape, np.uint8)
        height, width = image.shape
        flat = np.ascontiguousarray(image).reshape(-1)
        through_surface(flat, width, height, surface, self._way.rays, self._way.model, self._scratch, self._places, out)
        return out


class Straightened:
    """Turns a colour camera's pictures into those of a virtual one in its place."""

    def __init__(self, real: CalibratedCamera, virtual: CalibratedCamera) -> None:
        columns, rows = lookup(virtual, real)
        seen = np.stack([columns, rows, np.ones_like(rows)], axis=1)
        self._width = real.width
        self._places: NDArray[np.int32] = np.zeros(seen.shape, np.int32)
        place(seen, real.width, real.height, self._places)

    def __call__(self, image: NDArray[Any]) -> NDArray[np.uint8]:
        """Return ``image`` (h, w, 3) uint8, of the real camera's size, as (H, W, 3); 0 where it shows nothing."""
        out = np.empty((self._places.shape[0], self._places.shape[2], 3), np.uint8)
        resample(np.ascontiguousarray(image).reshape(-1), self._width, self._places, out)
        return out
