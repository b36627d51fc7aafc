"""Small scenes in visible light and near infrared with a known answer."""

from __future__ import annotations

import numpy as np

from livegate.types import Box

BOX = Box(240.0, 120.0, 150.0, 200.0)
_V, _U = np.mgrid[0:480, 0:640]
_X, _Y = (_U + 0.5 - BOX.x - BOX.w / 2) / (BOX.w / 2), (_V + 0.5 - BOX.y - BOX.h / 2) / (BOX.h / 2)
# Across, down, half width, half height, how much darker: eyes, brows, mouth.
_DARK = (
    (-0.4, -0.2, 0.15, 0.05, 0.6),
    (0.4, -0.2, 0.15, 0.05, 0.6),
    (-0.4, -0.38, 0.2, 0.04, 0.5),
    (0.4, -0.38, 0.2, 0.04, 0.5),
    (0.0, 0.5, 0.3, 0.06, 0.4),
)
HEAD_MM = 500.0
WALL_MM = 2000.0


def features() -> np.ndarray:
    """Albedo of eyes, brows and a mouth, (480, 640), 1 where there is plain skin."""
    drawn = np.ones(_X.shape)
    for x, y, wide, high, dark in _DARK:
        drawn -= dark * np.exp(-(((_X - x) / wide) ** 2) - ((_Y - y) / high) ** 2)
    return drawn


def head() -> np.ndarray:
    """Whether a pixel shows the ellipsoid of the head."""
    return _X**2 + (_Y / 1.1) ** 2 < 1


def relief() -> np.ndarray:
    """How far the head stands towards the lens, in half widths of the face: an ellipsoid, a nose and two sockets."""
    height = np.sqrt(np.clip(1 - _X**2 - (_Y / 1.1) ** 2, 0, None))
    height += 0.3 * np.exp(-((_X / 0.18) ** 2) - ((_Y - 0.1) / 0.3) ** 2)
    for side in (-0.4, 0.4):
        height -= 0.12 * np.exp(-(((_X - side) / 0.25) ** 2) - ((_Y + 0.2) / 0.16) ** 2)
    return height


def facing() -> np.ndarray:
    """The cosine between the head's surface and the lens, 0 beside it."""
    down, across = np.gradient(relief(), 2 / BOX.h, 2 / BOX.w)
    return np.where(head(), 1 / np.sqrt(1 + across**2 + down**2), 0.0)


def depth(noise_mm: float = 0.8, seed: int = 6) -> np.ndarray:
    """The head's depth (480, 640) uint16 mm before a wall, by support.sights.CAMERA's focal length."""
    half_mm = BOX.w / 2 * HEAD_MM / 600.0
    surface = np.where(head(), HEAD_MM + half_mm - half_mm * relief(), WALL_MM)
    return np.clip(surface + np.random.default_rng(seed).normal(0, noise_mm, surface.shape), 1, 65535).astype(np.uint16)


def visible(lit_from: float = 0.5, seed: int = 1) -> np.ndarray:
    """The colour picture (480, 640, 3) uint8 of a head before a grey wall, lit from one side."""
    side = 0.75 + 0.25 * np.clip(lit_from * _X, -1, 1)
    light = np.where(head(), 0.45 * features() * side, 0.3)
    return _exposed(light[..., None] * np.array([0.7, 0.85, 1.1]), seed)


def living(ambient: float = 0.0, gain: float = 1.0, seed: int = 2) -> np.ndarray:
    """Near infrared (480, 640) uint8 of the head under a lamp at the lens: 1/z2, the cosine, paler features."""
    lamp = np.where(head(), facing(), (HEAD_MM / WALL_MM) ** 2)
    albedo = np.where(head(), 0.55 * np.sqrt(features()), 0.5)
    return _exposed(gain * albedo * (lamp + ambient), seed)


def unlit(ambient: float, gain: float = 1.0, seed: int = 3) -> np.ndarray:
    """What the near-infrared camera sees while the lamp is dark."""
    return _exposed(gain * ambient * np.where(head(), 0.55 * np.sqrt(features()), 0.5), seed)


def sheet(ink: float, gain: float = 1.0, seed: int = 4) -> np.ndarray:
    """Near infrared of paper that fills the view, ``ink`` from 0 (dye) to 1 (toner)."""
    printed = visible(seed=seed).mean(axis=2) / 255.0
    return _exposed(gain * 0.75 * (1 - ink + ink * printed / printed.max()), seed)


def screen(glint: bool = True, seed: int = 5) -> np.ndarray:
    """Near infrared of dark glass with or without the lamp's reflection."""
    spot = 2.0 * np.exp(-(((_X - 0.5) / 0.1) ** 2) - ((_Y + 0.4) / 0.1) ** 2) if glint else 0.0
    return _exposed(0.06 + spot * np.ones(_X.shape), seed)


def _exposed(light: np.ndarray, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 1.5, light.shape)
    return np.clip(light * 255 + noise, 0, 255).astype(np.uint8)
