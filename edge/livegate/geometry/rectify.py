"""Two cameras as one rectified pair: virtual pinholes in the same places that look the same way, row beside row.

Fusiello, Trucco, Verri, A compact algorithm for rectification of stereo pairs, 2000: the new x axis is the baseline,
the new z axis as near as can be to where both cameras look.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from livegate.geometry.calibration import CalibratedCamera
from livegate.geometry.tables import rotation
from livegate.types import Intrinsics


@dataclass(frozen=True, slots=True)
class RectifiedPair:
    """The two virtual cameras, alike but for their places, ``baseline_mm`` apart along their x axis."""

    left: CalibratedCamera
    right: CalibratedCamera
    baseline_mm: float


def rectified(rgb: CalibratedCamera, right: CalibratedCamera) -> RectifiedPair:
    """Return the pair that rgb and rgb_right become; of rgb's size and focal length."""
    baseline = np.array(right.translation_mm)
    across = baseline / np.linalg.norm(baseline)
    ahead = rotation(rgb)[:, 2] + rotation(right)[:, 2]
    down = np.cross(ahead, across)
    down /= np.linalg.norm(down)
    turn = np.stack([across, down, np.cross(across, down)], axis=1)
    flat = (0.0, 0.0, 0.0, 0.0, 0.0)
    left = replace(rgb, fy=rgb.fx, distortion=flat, rotation=tuple(float(value) for value in turn.ravel()))
    pair = [_centred(left, camera) for camera in (rgb, right)]
    # One principal point for both, so that disparity 0 is infinitely far.
    cx, cy = (sum(values) / 2 for values in zip(*pair, strict=True))
    left = replace(left, cx=cx, cy=cy)
    return RectifiedPair(left, replace(left, translation_mm=right.translation_mm), math.hypot(*right.translation_mm))


def _centred(virtual: CalibratedCamera, real: CalibratedCamera) -> tuple[float, float]:
    """Return the principal point with which ``virtual`` shows in its middle what ``real`` shows in its own."""
    middle = ((real.width - 1) / 2 - real.cx) / real.fx, ((real.height - 1) / 2 - real.cy) / real.fy, 1.0
    x, y, z = rotation(virtual).T @ rotation(real) @ np.array(middle)
    pinhole: Intrinsics = virtual.pinhole
    return float((pinhole.width - 1) / 2 - pinhole.fx * x / z), float((pinhole.height - 1) / 2 - pinhole.fy * y / z)
