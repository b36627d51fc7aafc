"""What a structured-light camera makes of true distances: a projector aside, dots that sunlight drowns, a range.

The projector stands a baseline beside the camera, so that everything near throws a shadow to one side of it in which
no dot lies; distance is known where dots are, between them it is interpolated, which rounds edges and smooths noise.
Source: sigma_z = z^2 s / (f B) as for stereo (SCIENCE.md, "Depth noise"). The ranges are reconstructions between a
telephone's and an entry-level sensor, not measurements of one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate_tools.simulate.depth_sensor import correlated, shadow_px
from livegate_tools.simulate.held_out import Split, draw_constant
from livegate_tools.simulate.materials import Kind
from livegate_tools.simulate.renderer import Radiance

Array = NDArray[Any]

_EDGE = 0.03


@dataclass(frozen=True, slots=True)
class StructuredLight:
    """One structured-light camera.

    ``sigma_px`` is the noise of a dot's place, ``focal_px`` times ``baseline_mm`` over z its disparity, ``dot_px`` the
    distance between dots, ``right`` whether the projector stands to the right; no return nearer than ``least_mm`` or
    beyond ``most_mm``; ``faint`` is the light a dot must bring back, ``glare`` how many times brighter than its lamp's
    light the room's near infrared may be; ``offset_mm`` and ``scale`` are the calibration's error.
    """

    sigma_px: float
    focal_px: float
    baseline_mm: float
    dot_px: float
    right: bool
    least_mm: float
    most_mm: float
    faint: float
    glare: float
    offset_mm: float
    scale: float


def draw_structured(rng: np.random.Generator, split: Split) -> StructuredLight:
    """Return a structured-light camera with constants of the split's own strips."""
    return StructuredLight(
        sigma_px=draw_constant(rng, 0.03, 0.14, split),
        focal_px=draw_constant(rng, 420, 700, split),
        baseline_mm=draw_constant(rng, 25, 75, split),
        dot_px=draw_constant(rng, 2.5, 7.0, split),
        right=bool(rng.random() < 0.5),
        least_mm=draw_constant(rng, 120, 240, split),
        most_mm=draw_constant(rng, 1250, 3500, split),
        faint=draw_constant(rng, 0.008, 0.04, split),
        glare=draw_constant(rng, 1.0, 4.0, split),
        offset_mm=draw_constant(rng, -3, 3, split),
        scale=draw_constant(rng, 0.99, 1.01, split),
    )


def sense_structured(radiance: Radiance, model: StructuredLight, rng: np.random.Generator) -> Array:
    """Return (H, W) uint16 mm, 0 = no return, of a drawn scene."""
    true = radiance.depth_mm * np.float32(model.scale) + np.float32(model.offset_mm)
    seen = _returned(radiance, true, model, rng)
    product = model.focal_px * model.baseline_mm
    disparity = product / np.maximum(true, 50.0)
    disparity = _between_dots(np.asarray(disparity, np.float32), seen, model.dot_px)
    disparity += np.float32(model.sigma_px) * correlated(rng, true.shape, 0.5 * model.dot_px)
    depth = np.asarray(product / np.maximum(disparity, 1e-3))
    depth[~seen] = 0
    return np.asarray(np.clip(np.round(depth), 0, 65535), np.uint16)


def _between_dots(disparity: Array, seen: Array, dot_px: float) -> Array:
    """Distances read over the dots of a neighbourhood that came back, on one surface: near edges the median decides."""
    side = int(dot_px) // 2 * 2 + 1
    middle = cv2.medianBlur(disparity, min(max(side, 3), 5))
    weight = (seen & (np.abs(disparity - middle) < _EDGE * np.maximum(middle, 1.0))).astype(np.float32)
    total = cv2.GaussianBlur(weight, (0, 0), 0.3 * dot_px)
    mean = cv2.GaussianBlur(weight * middle, (0, 0), 0.3 * dot_px) / np.maximum(total, 1e-3)
    # A window that reaches over an edge sees two surfaces, and the nearer one's dots are the brighter ones.
    one = np.abs(mean - middle) < _EDGE * np.maximum(middle, 1.0)
    return np.asarray(np.where(one & (total > 0.05), mean, middle), np.float32)


def _returned(radiance: Radiance, true: Array, model: StructuredLight, rng: np.random.Generator) -> Array:
    """Where dots come back: in range, bright enough, not drowned by the room, not mirrored away, not in the shadow."""
    patches = correlated(rng, true.shape, model.dot_px)
    lamp = np.maximum(radiance.nir - radiance.ambient, 0)
    good = (true >= model.least_mm) & (true <= model.most_mm)
    good &= cv2.GaussianBlur(lamp, (0, 0), 2.0) * np.exp(0.4 * patches) > model.faint
    good &= radiance.ambient * np.exp(0.3 * patches) < model.glare * np.maximum(lamp, 1e-3)
    good &= ~((radiance.kinds == Kind.HAIR) & (patches > 0.9))
    good &= ~((radiance.kinds == Kind.EYE) & (patches > 0.2))
    good &= ~((radiance.kinds == Kind.SCREEN) & (patches > rng.uniform(-1.0, 1.5)))
    good &= ~((lamp > 2.5) & (patches > 0.0))
    disparity = np.asarray(model.focal_px * model.baseline_mm / np.maximum(true, 50.0), np.float32)
    return np.asarray(good & ~shadow_px(disparity, model.right))
