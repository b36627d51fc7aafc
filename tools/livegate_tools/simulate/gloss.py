"""What glossy paper and glass mirror: lamps, tubes and windows, and the room, at the slopes of the surface.

A point of the surface shows the direction ``view * place + 2 * slope``: so a curl draws a lamp into a stripe, a fold
breaks it, and cockles ripple it. Reflectances: SCIENCE.md (displays 4-8 %); photo paper's 4 % is that of a polymer of
index 1.5 seen from the front (Fresnel). How bright lamps and windows are against white paper is assumed.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from livegate_tools.simulate.geometry import BoxPx, Pixels

_LAMPS = (0.35, 0.4, 0.25)


@dataclass(frozen=True, slots=True)
class Finish:
    """A surface: ``mirror`` reflects that share of the light (0..0.1), spread over ``rough`` (tangent, 0.004..0.4)."""

    mirror: float
    rough: float


def mirrored(rng: np.random.Generator, lean: Pixels, finish: Finish, room: Pixels | None) -> Pixels:
    """Return the light a surface mirrors, (h, w, 3) float32, 1.0 = white paper under the key light.

    Args:
        rng: the only source of chance.
        lean: (h, w, 2) slopes, see relief.slopes.
        finish: mirror reflectance and roughness.
        room: (H, W, 3) float32 linear light of the room before the surface, None for none.
    """
    height, width = lean.shape[:2]
    view = float(np.exp(rng.uniform(np.log(0.12), np.log(0.5))))
    aspect = height / width
    across = view * np.linspace(-1, 1, width, dtype=np.float32) + 2 * lean[..., 0]
    down = view * aspect * np.linspace(-1, 1, height, dtype=np.float32)[:, None] + 2 * lean[..., 1]
    light = np.zeros((height, width, 3), np.float32)
    for _ in range(int(rng.choice(len(_LAMPS), p=_LAMPS))):
        middle = rng.uniform(-1.25, 1.25, 2) * (view, view * aspect)
        tint = np.exp(rng.normal(0, 0.12, 3)).astype(np.float32)
        light += _source(rng, across - np.float32(middle[0]), down - np.float32(middle[1]), finish.rough) * tint
    if room is not None:
        light += _room(rng, across, down, finish.rough, room)
    return np.asarray(light * np.float32(finish.mirror), np.float32)


def sparing(glare: Pixels, light: Pixels, box: BoxPx) -> Pixels:
    """Return mirrored light, dimmed where it would drown most of the face at ``box``: such a picture shows nobody."""
    x, y, w, h = (int(v) for v in box)
    area = (slice(max(y, 0), max(y + h, 1)), slice(max(x, 0), max(x + w, 1)))
    over = float(np.percentile(glare[area], 65)) / max(float(light[area].mean()), 1e-3)
    return glare if over < 1 else np.asarray(glare / over, np.float32)


def _source(rng: np.random.Generator, across: Pixels, down: Pixels, rough: float) -> Pixels:
    """One lamp, tube or window seen in the surface, (h, w, 1); roughness spreads it and takes from its peak."""
    kind = rng.integers(3)
    turn = np.float32(rng.normal(0, 0.15 if kind == 2 else 1.0))
    a, b = across * np.cos(turn) + down * np.sin(turn), down * np.cos(turn) - across * np.sin(turn)
    if kind == 0:
        reach = float(rng.uniform(0.01, 0.06))
        shape, size, strength = _edge(reach - np.hypot(a, b), rough), (reach, reach), (40, 400)
    elif kind == 1:
        size, strength = (float(rng.uniform(0.1, 0.4)), float(rng.uniform(0.008, 0.03))), (25, 150)
        shape = _edge(size[0] - np.abs(a), rough) * _edge(size[1] - np.abs(b), rough)
    else:
        size, strength = (float(rng.uniform(0.03, 0.12)), float(rng.uniform(0.05, 0.2))), (3, 50)
        shape = _edge(size[0] - np.abs(a), rough) * _edge(size[1] - np.abs(b), rough)
        shape = shape * (1 - _edge(0.008 - np.abs(a), rough)) * (1 - _edge(0.008 - np.abs(b - size[1] * 0.2), rough))
    peak = size[0] * size[1] / ((size[0] + rough) * (size[1] + rough))
    bright = np.float32(peak * np.exp(rng.uniform(np.log(strength[0]), np.log(strength[1]))))
    return np.asarray(shape[..., None] * bright, np.float32)


def _edge(inside: Pixels, rough: float) -> Pixels:
    """A step softened over ``rough``: 1 well inside, 0 outside."""
    return np.asarray(0.5 + 0.5 * np.tanh(inside / np.float32(0.004 + 0.7 * rough)), np.float32)


def _room(rng: np.random.Generator, across: Pixels, down: Pixels, rough: float, room: Pixels) -> Pixels:
    """The room in the surface, blurred by its roughness; a picture of it spans tangents of -1 to 1 across."""
    height, width = room.shape[:2]
    soft = cv2.GaussianBlur(room, (0, 0), max(0.6, rough * width / 2))
    shift = rng.uniform(-0.3, 0.3, 2).astype(np.float32)
    map_x = (across + shift[0] + 1) * np.float32(0.5 * width)
    map_y = (down + shift[1]) * np.float32(0.5 * width) + np.float32(0.5 * height)
    seen = cv2.remap(soft, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(seen * np.float32(np.exp(rng.uniform(np.log(0.1), np.log(2.5)))), np.float32)
