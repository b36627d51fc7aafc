"""Depth shape: is the surface before the camera a face's, does it stand free, and does it return at all?

Any depth sensor registered to rgb (structured light, time of flight, stereo): the shape of the face
(:mod:`livegate.cues.shape`), its width in mm, the step at its edge (a head stands free before what is behind it, a
sheet goes on beyond the face it shows), and the holes.

The cue is never silent while the sensor works: a face without returns is evidence, for screens give none and people
do. That holds where nothing at all returns, too: it may be somebody nearer than the sensor's least distance, who steps
back, or a screen that fills the view, and the door stays shut for both. A sensor that is covered or dead is found by
what watches sensors, not here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livegate.cues import shape
from livegate.cues.box_view import overlaps, width_off
from livegate.cues.shape import Grid, Shape
from livegate.optics import camera_of
from livegate.types import Box, Intrinsics, Observation, Role

NEEDS = frozenset({Role.RGB, Role.DEPTH})
KERNELS = ("depth_face", *shape.KERNELS)
FEATURES = (
    *shape.FEATURES,
    "width_off",
    "sheet_share",
    "step_share_aside",
    "step_share_above",
    "hole_share",
    "hole_share_skin",
)
RISING = shape.RISING | {"step_share_aside", "step_share_above"}
FALLING = shape.FALLING | {"width_off", "sheet_share", "hole_share_skin"}

# Behind the silhouette of a head there is at least the distance from the ear to the shoulder's front.
_STEP_MM = 25.0
_LEAST_BAND_MM = 4.0
_BAND_DEVIATIONS = 3.0
# Lips to brow, between the outer corners of the eyes: skin that returns light, whatever hair or beard is around.
_SKIN = (slice(4, 22), slice(5, 19))
# Left, top, width and height of a box, times this, is the part of it that the shape's grid covers.
_COVERED = np.array(
    [
        [1.0, 0.0, 0.0, 0.0],
        [0.0, 1.0, 0.0, 0.0],
        [shape.LEFT, 0.0, shape.RIGHT - shape.LEFT, 0.0],
        [0.0, shape.TOP, 0.0, shape.BOTTOM - shape.TOP],
    ]
)


def measure(observation: Observation) -> NDArray[np.float64] | None:
    """Return the numbers of :data:`FEATURES`, or None where the box has no pixel in common with the depth picture.

    Beside those of the shape: width_off is how far the face's width is off what heads have (0 within it, and where
    nothing returned); sheet_share is the part of the surroundings (left, right and above) that lies in the face's own
    plane; the step shares say how many lines outwards fall off an edge; the hole shares are parts without a return, of
    the face and of its skin. All shares 0..1.
    """
    from livegate.kernels import depth_face

    frame = observation.frame_set.frames.get(Role.DEPTH)
    if frame is None or not overlaps(observation.face.box, frame.image.shape):
        return None
    depth, box = np.ascontiguousarray(frame.image, np.uint16), observation.face.box
    place = np.array([box.x, box.y, box.w, box.h], np.float64)
    distance_mm = depth_face.face_distance(depth, place, np.empty(depth_face.MIDDLE_SAMPLES))
    mean_mm, holes = np.empty((shape.ROWS, shape.COLUMNS)), np.empty((shape.ROWS, shape.COLUMNS))
    near = np.array([distance_mm, shape.FACE_DEPTH_MM])
    depth_face.face_cells(depth, place @ _COVERED, near, mean_mm, holes, np.empty(4))
    camera = camera_of(frame)
    found = shape.measure_shape(_grid(mean_mm, box, camera))
    steps = np.empty((3, 2))
    depth_face.edge_steps(depth, place, _STEP_MM, steps)
    aside, above = steps[:2].sum(axis=0), steps[depth_face.UPWARD]
    return np.array(
        [
            *(shape.NOTHING if found is None else found.values),
            width_off(box.w * distance_mm / camera.fx) if distance_mm else 0.0,
            0.0 if found is None else _sheet_share(depth, place, camera, found),
            aside[0] / max(aside[1], 1.0),
            above[0] / max(above[1], 1.0),
            holes.mean(),
            holes[_SKIN].mean(),
        ]
    )


def _grid(z: NDArray[np.float64], box: Box, camera: Intrinsics) -> Grid:
    across, down = shape.box_shares()
    x = z * ((box.x + box.w * across - camera.cx) / camera.fx)
    y = z * ((box.y + box.h * down - camera.cy) / camera.fy)[:, None]
    return Grid(x, y, z, z > 0, box.w)


def _sheet_share(depth: NDArray[np.uint16], place: NDArray[np.float64], camera: Intrinsics, found: Shape) -> float:
    """Return the share of the surroundings that lies in the face's plane, as far as its own noise allows to say."""
    from livegate.kernels import depth_face

    offset, across, down = found.plane
    if abs(offset) < 1.0:
        return 0.0
    # z = o + a X + d Y with X = z (u - cx) / fx means 1 / z = (1 - a (u - cx) / fx - d (v - cy) / fy) / o.
    across, down = across / camera.fx, down / camera.fy
    inverse = np.array([1.0 + across * camera.cx + down * camera.cy, -across, -down]) / offset
    counts = np.empty(2)
    depth_face.around_plane(depth, place, inverse, _LEAST_BAND_MM + _BAND_DEVIATIONS * found.noise_mm, counts)
    return float(counts[0] / max(counts[1], 1.0))
