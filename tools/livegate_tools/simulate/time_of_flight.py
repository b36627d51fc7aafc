"""What a time-of-flight camera makes of true distances: noise by the light that returns, mixed edges, bent corners.

Each pixel measures the phase of what returns to it: light of two surfaces at an edge is mixed (flying pixels), light
that came by way of a neighbouring surface lengthens the path in corners (multipath), light that entered skin leaves it
later (a bias of 1 to 5 mm), dark things and glass send too little or too much back. Noise of about 1 % of the distance
where paper returns light (SCIENCE.md, "Depth noise"); the other ranges are assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate_tools.simulate.depth_sensor import correlated
from livegate_tools.simulate.held_out import Split, draw_constant
from livegate_tools.simulate.materials import Kind
from livegate_tools.simulate.renderer import Radiance

Array = NDArray[Any]

_PAPER = 0.6
_EDGE = 0.04


@dataclass(frozen=True, slots=True)
class TimeOfFlight:
    """One time-of-flight camera.

    ``noise`` is the standard deviation against the distance where paper returns light, at one pixel; ``window_px`` the
    radius its own filter averages over; ``mixed_px`` how far edges are mixed; ``skin_mm`` how much farther skin seems;
    ``multipath`` 0..1 how far corners are rounded; ``faint`` and ``glare`` are the least and the most light of its lamp
    that it can measure; ``ambient`` how many times the lamp's light the room's may be; ``offset_mm`` and ``scale`` the
    calibration's error, ``wiggle_mm`` the error that goes round with the phase.
    """

    noise: float
    window_px: float
    mixed_px: float
    skin_mm: float
    multipath: float
    faint: float
    glare: float
    ambient: float
    least_mm: float
    most_mm: float
    offset_mm: float
    scale: float
    wiggle_mm: float


def draw_tof(rng: np.random.Generator, split: Split) -> TimeOfFlight:
    """Return a time-of-flight camera with constants of the split's own strips."""
    return TimeOfFlight(
        noise=draw_constant(rng, 0.006, 0.014, split),
        window_px=draw_constant(rng, 0.8, 2.2, split),
        mixed_px=draw_constant(rng, 0.5, 1.4, split),
        skin_mm=draw_constant(rng, 1.0, 5.0, split),
        multipath=draw_constant(rng, 0.0, 0.25, split),
        faint=draw_constant(rng, 0.01, 0.05, split),
        glare=draw_constant(rng, 2.0, 6.0, split),
        ambient=draw_constant(rng, 2.5, 10.0, split),
        least_mm=draw_constant(rng, 100, 220, split),
        most_mm=draw_constant(rng, 1500, 4500, split),
        offset_mm=draw_constant(rng, -5, 5, split),
        scale=draw_constant(rng, 0.99, 1.01, split),
        wiggle_mm=draw_constant(rng, 0.0, 3.0, split),
    )


def sense_tof(radiance: Radiance, model: TimeOfFlight, rng: np.random.Generator) -> Array:
    """Return (H, W) uint16 mm, 0 = no return, of a drawn scene."""
    lamp = np.maximum(radiance.nir - radiance.ambient, 1e-4).astype(np.float32)
    path = radiance.depth_mm * np.float32(model.scale) + np.float32(model.offset_mm)
    path = path + np.float32(model.skin_mm) * (radiance.kinds == Kind.SKIN)
    path = path + np.float32(model.wiggle_mm) * np.sin(path * np.float32(2 * np.pi / 350))
    path = _rounded(np.asarray(path, np.float32), lamp, model.multipath)
    # Phases add as the light does that carries them.
    weight = cv2.GaussianBlur(lamp, (0, 0), model.mixed_px)
    mixed = cv2.GaussianBlur(lamp * path, (0, 0), model.mixed_px) / weight
    light = weight + 0.3 * cv2.GaussianBlur(radiance.ambient, (0, 0), 1.0)
    sigma = model.noise * mixed * np.sqrt(_PAPER * light) / weight
    depth = mixed + np.minimum(sigma, 0.08 * mixed) * _filtered(rng, mixed.shape, model.window_px)
    depth[~_returned(radiance, weight, mixed, model, rng)] = 0
    return np.asarray(np.clip(np.round(depth), 0, 65535), np.uint16)


def _filtered(rng: np.random.Generator, shape: tuple[int, ...], window_px: float) -> Array:
    """White noise through the sensor's own averaging, which makes it both smaller and alike."""
    return correlated(rng, shape, window_px) * np.float32(1 / max(2 * window_px, 1.0))


def _rounded(path: Array, lamp: Array, share: float) -> Array:
    """What is hollow is lit by its own walls over longer ways: it seems a little deeper and rounder."""
    wide = cv2.GaussianBlur(lamp, (0, 0), 14.0)
    around = cv2.GaussianBlur(lamp * path, (0, 0), 14.0) / np.maximum(wide, 1e-6)
    same = np.abs(around - path) < 2 * _EDGE * path
    return np.asarray(path + np.float32(share) * np.where(same, around - path, 0), np.float32)


def _returned(radiance: Radiance, lamp: Array, path: Array, model: TimeOfFlight, rng: np.random.Generator) -> Array:
    """Where there is a value: in range, enough light of the lamp and not too much, not drowned by the room."""
    patches = correlated(rng, path.shape, 3.0)
    spread = np.exp(0.3 * patches)
    good = (path >= model.least_mm) & (path <= model.most_mm)
    good &= (lamp * spread > model.faint) & (lamp * spread < model.glare)
    good &= radiance.ambient * spread < model.ambient * lamp
    good &= ~((radiance.kinds == Kind.SCREEN) & (patches > rng.uniform(-1.0, 2.0)))
    good &= ~((radiance.kinds == Kind.HAIR) & (patches > 1.4))
    return np.asarray(good)
