"""What an active stereo depth camera makes of true distances: noise, steps of disparity, shadows, holes, a range.

Source: sigma_z = z^2 s / (f B) as in SCIENCE.md ("Depth noise"), noise correlated over the matching window; holes where
the near-infrared return is weak or a glossy surface shows a reflection instead of itself. The ranges of the constants
are reconstructions between an entry-level and a good sensor, not measurements of one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate_tools.simulate.held_out import Split, draw_constant
from livegate_tools.simulate.materials import Kind
from livegate_tools.simulate.renderer import Radiance

Array = NDArray[Any]

_LONGEST_SHADOW_PX = 60


@dataclass(frozen=True, slots=True)
class DepthModel:
    """One depth camera.

    ``sigma_px`` is the disparity noise, ``focal_px`` times ``baseline_mm`` over z the disparity, ``step_px`` its
    quantum, ``window_px`` the matching window over which noise is correlated; no return nearer than ``least_mm`` or
    beyond ``most_mm``; ``faint`` is the near-infrared brightness below which matches fail; ``offset_mm`` and ``scale``
    are the calibration's error.
    """

    sigma_px: float
    focal_px: float
    baseline_mm: float
    step_px: float
    window_px: float
    least_mm: float
    most_mm: float
    faint: float
    offset_mm: float
    scale: float

    def sigma_mm(self, depth_mm: float) -> float:
        """Return the standard deviation at a distance, quantisation aside."""
        return depth_mm**2 * self.sigma_px / (self.focal_px * self.baseline_mm)


def draw_depth(rng: np.random.Generator, split: Split) -> DepthModel:
    """Return a depth camera with constants of the split's own strips."""
    return DepthModel(
        sigma_px=draw_constant(rng, 0.04, 0.16, split),
        focal_px=draw_constant(rng, 420, 700, split),
        baseline_mm=draw_constant(rng, 40, 75, split),
        step_px=float(rng.choice([1 / 16, 1 / 32, 1 / 64])),
        window_px=draw_constant(rng, 0.8, 3.0, split),
        least_mm=draw_constant(rng, 150, 240, split),
        most_mm=draw_constant(rng, 1250, 3500, split),
        faint=draw_constant(rng, 0.01, 0.05, split),
        offset_mm=draw_constant(rng, -3, 3, split),
        scale=draw_constant(rng, 0.99, 1.01, split),
    )


def sense_depth(radiance: Radiance, model: DepthModel, rng: np.random.Generator) -> Array:
    """Return (H, W) uint16 mm, 0 = no return, of a drawn scene."""
    true = radiance.depth_mm * np.float32(model.scale) + np.float32(model.offset_mm)
    true = np.asarray(cv2.medianBlur(true.astype(np.float32), 5))
    product = model.focal_px * model.baseline_mm
    disparity: Array = product / np.maximum(true, 50.0)
    disparity = disparity + model.sigma_px * correlated(rng, true.shape, model.window_px)
    disparity = np.asarray(np.round(disparity / model.step_px) * model.step_px)
    depth = np.asarray(product / np.maximum(disparity, model.step_px))
    depth[~_returned(radiance, true, model, rng)] = 0
    return np.asarray(np.clip(np.round(depth), 0, 65535), np.uint16)


def shadow_px(disparity: Array, right: bool) -> Array:
    """Return where a second camera or a projector aside is hidden by what is nearer, (H, W) bool.

    ``disparity`` (H, W) pixels; ``right``: it stands to the right, and shadows fall to the left.
    """
    if right:
        return np.ascontiguousarray(shadow_px(disparity[:, ::-1], right=False)[:, ::-1])
    hidden = np.zeros(disparity.shape, np.bool_)
    reach = int(np.clip(np.ptp(disparity), 0, _LONGEST_SHADOW_PX))
    for k in range(1, reach, 2):
        hidden[:, k:] |= disparity[:, :-k] - disparity[:, k:] > k
    return hidden


def correlated(rng: np.random.Generator, shape: tuple[int, ...], window_px: float) -> Array:
    """Return noise of unit variance whose values are alike over about ``window_px``."""
    noise = cv2.GaussianBlur(rng.standard_normal(shape, np.float32), (0, 0), window_px)
    return np.asarray(noise / max(float(noise.std()), 1e-6), np.float32)


def _returned(radiance: Radiance, true: Array, model: DepthModel, rng: np.random.Generator) -> Array:
    """Return where there is a value: in range, bright enough, not shadowed from the second camera, not mirrored."""
    patches = correlated(rng, true.shape, 3.0)
    good = (true >= model.least_mm) & (true <= model.most_mm)
    good &= cv2.GaussianBlur(radiance.nir, (0, 0), 2.0) * np.exp(0.4 * patches) > model.faint
    good &= ~((radiance.kinds == Kind.HAIR) & (patches > 1.1))
    good &= ~((radiance.kinds == Kind.SCREEN) & (patches > rng.uniform(-0.5, 1.5)))
    good &= ~((radiance.nir > 2.5) & (patches > 0.3))
    good &= ~_shadowed(true, model)
    return np.asarray(good)


def _shadowed(true: Array, model: DepthModel) -> Array:
    """Return what the second camera, a baseline aside, cannot see behind nearer edges, and the edges themselves."""
    near = cv2.erode(true, np.ones((3, 3), np.uint8))
    far = cv2.dilate(true, np.ones((3, 3), np.uint8))
    hidden = (far - near) > 0.03 * near
    disparity = (model.focal_px * model.baseline_mm / np.maximum(true, 50.0)).astype(np.float32)
    return np.asarray(hidden | shadow_px(disparity, right=False))
