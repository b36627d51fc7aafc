"""What the pixels of a frame show besides colour: near-infrared albedo, distance, material; and their picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from livegate_tools.simulate.geometry import Pixels
from livegate_tools.simulate.materials import Kind
from livegate_tools.simulate.renderer import Illuminator
from livegate_tools.simulate.scenes import HEIGHT, WIDTH

_SEEN = 0.5
_STEEPEST = 4.0


@dataclass(frozen=True, slots=True)
class Surface:
    """One thing in view: ``share`` (H, W) of each pixel it covers; the rest is read where it covers half of it.

    ``albedo`` is the near-infrared reflectance, a number or (H, W); ``depth_mm`` (H, W) or a number; ``glint`` and
    ``polish`` the strength and the exponent of its highlight under the illuminator.
    """

    share: Pixels
    kind: Kind | Pixels
    albedo: Pixels | float
    depth_mm: Pixels | float
    glint: float = 0.0
    polish: float = 20.0


@dataclass(frozen=True, slots=True)
class Layers:
    """A frame's near-infrared albedo, depth (mm), kinds, highlight strength and exponent, each (480, 640)."""

    albedo: Pixels
    depth_mm: Pixels
    kinds: Pixels
    glint: Pixels
    polish: Pixels


def backdrop_layers(rng: np.random.Generator, linear: Pixels) -> Layers:
    """Return the layers of an empty room (480, 640, 3): a sloped wall 1.5 to 4 m away, paints of any albedo."""
    luma = linear @ np.full(3, 1 / 3, np.float32)
    albedo = np.clip(rng.uniform(0.1, 0.4) + rng.uniform(0.2, 0.8) * luma, 0.03, 0.9).astype(np.float32)
    x, y = np.linspace(-1, 1, WIDTH, dtype=np.float32), np.linspace(-1, 1, HEIGHT, dtype=np.float32)[:, None]
    slope = rng.uniform(-0.35, 0.35), rng.uniform(-0.1, 0.1)
    depth = np.float32(rng.uniform(1500, 4000)) * (1 + np.float32(slope[0]) * x + np.float32(slope[1]) * y)
    none = np.zeros((HEIGHT, WIDTH), np.float32)
    kinds = np.full(none.shape, Kind.BACKGROUND, np.uint8)
    return Layers(albedo, np.asarray(np.maximum(depth, 1200), np.float32), kinds, none, none + 20)


def with_surface(behind: Layers, surface: Surface) -> Layers:
    """Return the layers with a surface before them; albedo is mixed at soft edges, distances are not."""
    seen = surface.share > _SEEN
    albedo = behind.albedo + surface.share * (np.float32(1) * surface.albedo - behind.albedo)
    return Layers(
        np.asarray(albedo, np.float32),
        np.where(seen, surface.depth_mm, behind.depth_mm).astype(np.float32),
        np.where(seen, surface.kind, behind.kinds).astype(np.uint8),
        np.where(seen, surface.glint, behind.glint).astype(np.float32),
        np.where(seen, surface.polish, behind.polish).astype(np.float32),
    )


def infrared(layers: Layers, lamp: Illuminator, focal_px: float, daylight: Pixels | None = None
             ) -> tuple[Pixels, Pixels]:  # fmt: skip
    """Return the near infrared of a frame and the room's part of it, (480, 640) float32 each.

    1.0 = white paper at the distance the lamp is set for. A lamp at the camera: Lambert's cosine and the fall with
    1/z2, a highlight where a surface faces the camera, and the room's own near infrared: ``daylight`` (480, 640) is
    what of it falls where, about 1; None: the same everywhere.
    """
    facing = _facing(layers.depth_mm, focal_px)
    fall = np.float32(lamp.strength) * (np.float32(lamp.reference_mm) / layers.depth_mm) ** 2
    ambient = np.asarray(layers.albedo * np.float32(lamp.ambient), np.float32)
    if daylight is not None:
        ambient = np.asarray(ambient * daylight, np.float32)
    lit = layers.albedo * facing * fall + layers.glint * facing**layers.polish * fall
    return np.asarray(lit + ambient, np.float32), ambient


def draw_daylight(rng: np.random.Generator, linear: Pixels, depth_mm: Pixels, focal_px: float) -> Pixels:
    """Return where daylight falls, (480, 640) float32, about 1: from a side, and as the colour picture is lit.

    What faces the window is lit, what leans away from it is not (Lambert over an ambient third).
    """
    side = float(rng.uniform(-1.3, 1.3))
    smooth = cv2.GaussianBlur(depth_mm, (0, 0), 1.5)
    lean = np.clip(np.gradient(smooth, axis=1) * np.float32(focal_px) / smooth, -3, 3)
    towards = (np.cos(side) + np.sin(side) * lean) / np.sqrt(1 + lean * lean)
    luma = cv2.GaussianBlur(linear @ np.full(3, 1 / 3, np.float32), (0, 0), 30.0)
    room = np.clip(luma / max(float(luma.mean()), 1e-3), 0.3, 3.0)
    return np.asarray((0.33 + 0.67 * np.clip(towards, 0, 1)) * (0.5 + 0.5 * room), np.float32)


def _facing(depth_mm: Pixels, focal_px: float) -> Pixels:
    """The cosine between a surface and the ray that sees it; edges, where there is no surface, count as steep."""
    smooth = cv2.GaussianBlur(depth_mm, (0, 0), 1.5)
    across, down = np.gradient(smooth)[::-1]
    x = np.arange(WIDTH, dtype=np.float32) - np.float32((WIDTH - 1) / 2)
    y = (np.arange(HEIGHT, dtype=np.float32) - np.float32((HEIGHT - 1) / 2))[:, None]
    focal = np.float32(focal_px)
    normal = np.sqrt((focal * across) ** 2 + (focal * down) ** 2 + (smooth + x * across + y * down) ** 2)
    cosine = focal * smooth / (normal * np.sqrt(x * x + y * y + focal * focal))
    steep = np.hypot(across, down) * focal / smooth > _STEEPEST
    return np.asarray(np.where(steep, 0.5, np.clip(cosine, 0, 1)), np.float32)
