"""What a depth map holds in and around a face box: a grid of cells in the box, rays out of it and a ring about it.

``box`` is (4,) float64: left, top, width and height in pixels; it may leave the picture. ``depth`` is (H, W) uint16
in mm, 0 where nothing returned.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.kernels.compiled import kernel
from livegate.kernels.surfaces import smallest

_MIDDLE = 24
MIDDLE_SAMPLES = _MIDDLE * _MIDDLE
LEFTWARD, RIGHTWARD, UPWARD = range(3)

_RAYS = 12
_RAY_SAMPLES = 32
# Rays begin inside the face and end this share of its width or height beyond its box.
_INSIDE, _BEYOND = 0.15, 0.75
# So much of a ray's end without a single return is air, or a wall out of the sensor's range.
_EMPTY_SHARE = 0.3
_RING = 20
_SAMPLES_PER_CELL = 4


@kernel("f8(u2[:, ::1], f8[::1], f8[::1])")
def face_distance(depth: NDArray[np.uint16], box: NDArray[np.float64], scratch: NDArray[np.float64]) -> float:
    """Return the median distance (mm) of the returns in the middle of a box, 0 where there are none.

    ``scratch`` has at least MIDDLE_SAMPLES places.
    """
    count = 0
    for row in range(_MIDDLE):
        v = math.floor(box[1] + box[3] * (0.25 + 0.55 * (row + 0.5) / _MIDDLE))
        for column in range(_MIDDLE):
            u = math.floor(box[0] + box[2] * (0.25 + 0.5 * (column + 0.5) / _MIDDLE))
            if 0 <= v < depth.shape[0] and 0 <= u < depth.shape[1] and depth[v, u] > 0:
                scratch[count] = depth[v, u]
                count += 1
    return smallest(scratch, count, count // 2) if count else 0.0


@kernel()
def _cell(depth: Any, first: Any, last: Any, near: Any, sums: Any) -> None:
    """Write into ``sums`` how many pixels were looked at, how many are holes, how many are near, and their sum."""
    step_u = max((last[0] - first[0]) // _SAMPLES_PER_CELL, 1)
    step_v = max((last[1] - first[1]) // _SAMPLES_PER_CELL, 1)
    sums[:] = 0.0
    for v in range(max(first[1], 0), min(max(last[1], first[1] + 1), depth.shape[0]), step_v):
        for u in range(max(first[0], 0), min(max(last[0], first[0] + 1), depth.shape[1]), step_u):
            value = float(depth[v, u])
            sums[0] += 1.0
            if value == 0.0:
                sums[1] += 1.0
            elif abs(value - near[0]) < near[1]:
                sums[2] += 1.0
                sums[3] += value


@kernel("void(u2[:, ::1], f8[::1], f8[::1], f8[:, ::1], f8[:, ::1], f8[::1])")
def face_cells(
    depth: NDArray[np.uint16],
    box: NDArray[np.float64],
    near: NDArray[np.float64],
    mean_mm: NDArray[np.float64],
    hole_share: NDArray[np.float64],
    sums: NDArray[np.float64],
) -> None:
    """Write per cell of a grid over a box the mean of the returns that are near, and the share of holes.

    ``near`` (2,): the face's distance and how far off it a return still counts, in mm. ``mean_mm`` is 0 where a cell
    has none; both are (rows, columns). Pixels outside the picture count as nothing at all: a cell outside has neither
    returns nor holes. ``sums`` (4,) is worked in.
    """
    rows, columns = mean_mm.shape
    for row in range(rows):
        top = math.floor(box[1] + box[3] * row / rows)
        bottom = math.floor(box[1] + box[3] * (row + 1) / rows)
        for column in range(columns):
            left = math.floor(box[0] + box[2] * column / columns)
            right = math.floor(box[0] + box[2] * (column + 1) / columns)
            _cell(depth, (left, top), (right, bottom), near, sums)
            mean_mm[row, column] = sums[3] / sums[2] if sums[2] > 0.0 else 0.0
            hole_share[row, column] = sums[1] / sums[0] if sums[0] > 0.0 else 0.0


@kernel()
def _stepped(depth: Any, start: Any, stride: Any, step_mm: float) -> int:
    """Walk a ray outwards: 1 where it falls off an edge, 0 where the surface goes on, -1 where nothing can be said."""
    last, empty, walked = 0.0, 0, 0
    for k in range(_RAY_SAMPLES):
        u, v = math.floor(start[0] + stride[0] * k), math.floor(start[1] + stride[1] * k)
        if not (0 <= v < depth.shape[0] and 0 <= u < depth.shape[1]):
            break
        walked += 1
        value = float(depth[v, u])
        if value == 0.0:
            empty += 1
            continue
        empty = 0
        if last > 0.0 and value - last > step_mm:
            return 1
        last = value
    if last == 0.0 or walked < _RAY_SAMPLES // 2:
        return -1
    return 1 if empty > _EMPTY_SHARE * _RAY_SAMPLES else 0


@kernel("void(u2[:, ::1], f8[::1], f8, f8[:, ::1])")
def edge_steps(
    depth: NDArray[np.uint16], box: NDArray[np.float64], step_mm: float, counts: NDArray[np.float64]
) -> None:
    """Write how many rays fall off an edge: (3, 2) by LEFTWARD, RIGHTWARD and UPWARD, steps and rays counted.

    A ray ends at an edge where the next return lies more than ``step_mm`` behind the last, or where nothing returns
    from there on. Rays that meet no return at all or leave the picture soon are not counted.
    """
    counts[:] = 0.0
    left, top, width, height = box[0], box[1], box[2], box[3]
    long = (_INSIDE + _BEYOND) / _RAY_SAMPLES
    for k in range(_RAYS):
        v = top + height * (0.1 + 0.7 * (k + 0.5) / _RAYS)
        u = left + width * (0.15 + 0.7 * (k + 0.5) / _RAYS)
        for direction in range(3):
            if direction == LEFTWARD:
                found = _stepped(depth, (left + width * _INSIDE, v), (-width * long, 0.0), step_mm)
            elif direction == RIGHTWARD:
                found = _stepped(depth, (left + width * (1 - _INSIDE), v), (width * long, 0.0), step_mm)
            else:
                found = _stepped(depth, (u, top + height * _INSIDE), (0.0, -height * long), step_mm)
            if found >= 0:
                counts[direction, 0] += found
                counts[direction, 1] += 1.0


@kernel("void(u2[:, ::1], f8[::1], f8[::1], f8, f8[::1])")
def around_plane(
    depth: NDArray[np.uint16],
    box: NDArray[np.float64],
    plane: NDArray[np.float64],
    band_mm: float,
    counts: NDArray[np.float64],
) -> None:
    """Write how much of the surroundings lies within ``band_mm`` of the face's plane: (2,) on it, looked at.

    ``plane`` (3,): 1 / distance in 1/mm is affine in the pixel, p0 + p1 u + p2 v. Surroundings: left, right and above,
    to half a box beyond.
    """
    counts[:] = 0.0
    for i in range(_RING):
        v = box[1] + box[3] * (-0.5 + 1.4 * (i + 0.5) / _RING)
        for j in range(_RING):
            u = box[0] + box[2] * (-0.5 + 2.0 * (j + 0.5) / _RING)
            row, column = math.floor(v), math.floor(u)
            in_face = v > box[1] and box[0] < u < box[0] + box[2]
            if in_face or not (0 <= row < depth.shape[0] and 0 <= column < depth.shape[1]):
                continue
            counts[1] += 1.0
            value = float(depth[row, column])
            inverse = plane[0] + plane[1] * u + plane[2] * v
            if value > 0.0 and inverse > 0.0 and abs(1.0 / inverse - value) < band_mm:
                counts[0] += 1.0
