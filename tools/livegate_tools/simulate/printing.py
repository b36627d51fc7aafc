"""Printers, inks and papers, and how a printed sheet takes and mirrors light."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from livegate_tools.simulate.geometry import Pixels
from livegate_tools.simulate.held_out import Split, draw_constant
from livegate_tools.simulate.portraits import to_linear


@dataclass(frozen=True, slots=True)
class PrintModel:
    """One printer, ink and paper.

    SCIENCE.md: white paper reflects .8-.9 throughout; a VGA terminal at 0.5 m resolves no halftone dots (period
    .08-.3 px), so ``halftone_px`` is None except for coarse posters. ``paper`` is the linear colour of the sheet,
    ``ink_black`` what the darkest ink still reflects, ``gamut`` the saturation ink can reach (1 = the screen's),
    ``tone`` the exponent of dot gain, ``banding`` the relative strength of print-head streaks, ``gloss`` the mirror
    reflectance of the surface, ``polish`` how narrow its highlight is (0 matt .. 1 photo paper).
    """

    paper: tuple[float, float, float]
    ink_black: float
    gamut: float
    tone: float
    cast: tuple[float, float, float]
    banding: float
    gloss: float
    polish: float
    halftone_px: float | None


@dataclass(frozen=True, slots=True)
class Bend:
    """A sheet on a cylinder: ``radius_px``, axis upright or lying, and how far its ends' arcs show (tangent)."""

    radius_px: float
    upright: bool
    tilt: float


def draw_print(rng: np.random.Generator, split: Split) -> PrintModel:
    """Return a printer and paper from the split's constants."""

    def constant(low: float, high: float) -> float:
        return draw_constant(rng, low, high, split)

    white = constant(0.78, 0.92)
    glossy = rng.random() < 0.55
    return PrintModel(
        paper=(white * constant(0.95, 1.02), white, white * constant(0.92, 1.04)),
        ink_black=constant(0.006, 0.03) if glossy else constant(0.025, 0.08),
        gamut=0.0 if rng.random() < 0.06 else constant(0.75, 1.25),
        tone=constant(0.85, 1.5),
        cast=(constant(0.9, 1.08), constant(0.95, 1.05), constant(0.88, 1.08)),
        banding=constant(0.0, 0.05) if rng.random() < 0.4 else 0.0,
        gloss=constant(0.02, 0.06) if glossy else constant(0.0, 0.01),
        polish=constant(0.4, 1.0) if glossy else constant(0.0, 0.3),
        halftone_px=constant(2.2, 4.5) if rng.random() < 0.04 else None,
    )


def ink(rng: np.random.Generator, art: Pixels, printed: PrintModel) -> Pixels:
    """Return what a sheet printed with ``art`` (h, w, 3) uint8 sRGB reflects, (h, w, 3) float32, 1.0 = white paper.

    The printer's gamut and dot gain, lifted blacks, paper white, streaks, and coarse dots where they can be resolved.
    """
    linear = to_linear(art)
    grey = linear @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    linear = np.clip(grey[..., None] + np.float32(printed.gamut) * (linear - grey[..., None]), 0, 1)
    linear = linear ** np.float32(printed.tone) * np.array(printed.cast, np.float32)
    height, width = grey.shape
    if printed.banding > 0:
        streaks = cv2.GaussianBlur(rng.standard_normal((height, 1)).astype(np.float32), (1, 0), 0, sigmaY=1.5)
        linear = linear * (1 + printed.banding * streaks[..., None])
    if printed.halftone_px is not None:
        x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
        pitch = np.float32(2 * np.pi / printed.halftone_px)
        dots = np.cos((x + y) * 0.7071 * pitch) + np.cos((x - y) * 0.7071 * pitch)
        linear = np.clip(linear + 0.22 * dots[..., None] * linear * (1 - linear) * 2, 0, 1)
    reflectance = printed.ink_black + (np.array(printed.paper, np.float32) - printed.ink_black) * linear
    return np.asarray(reflectance * np.float32(1 / 0.85), np.float32)


def lobe_of(rng: np.random.Generator, size: tuple[int, int], polish: float, bend: Bend | None) -> Pixels:
    """Return where a surface of ``size`` (h, w) mirrors a lamp, (h, w) float32 0..1.

    A patch when flat, a stripe along the axis when bent, rippled as paper is; ``polish`` (0..1) narrows it.
    """
    height, width = size
    x = np.linspace(-1, 1, width, dtype=np.float32) - np.float32(rng.uniform(-1.2, 1.2))
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] - np.float32(rng.uniform(-1.2, 1.2))
    ripple = cv2.resize(
        rng.standard_normal((2, 5, 7)).transpose(1, 2, 0).astype(np.float32),
        (width, height),
        interpolation=cv2.INTER_CUBIC,
    )
    strength = np.float32(rng.uniform(0, 0.3))
    x, y = x + strength * ripple[..., 0], y + strength * ripple[..., 1]
    narrow = float(np.exp(rng.uniform(np.log(0.06), np.log(0.6)))) * (1.5 - polish)
    long = narrow * float(rng.uniform(1.0, 4.0))
    if bend is not None:
        along, across = (y, x) if bend.upright else (x, y)
        return np.asarray(np.exp(-((across / narrow) ** 2) - (along / (3 * long + 0.5)) ** 2), np.float32)
    turn = np.float32(rng.uniform(0, np.pi))
    a, b = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    return np.asarray(np.exp(-((a / long) ** 2) - (b / narrow) ** 2), np.float32)


def shine(rng: np.random.Generator, lobe: Pixels, printed: PrintModel, reflected: Pixels | None) -> Pixels:
    """Return the light (h, w, 3) a sheet mirrors: lamp glare and, on photo paper, a blurred image of the room.

    ``reflected`` (H, W, 3) is the room in linear light, None for none; 1.0 = white paper under the key light.
    """
    strength = printed.gloss * float(np.exp(rng.uniform(np.log(3), np.log(120)))) * (0.15 if rng.random() < 0.35 else 1)
    tint = np.exp(rng.normal(0, 0.1, 3)).astype(np.float32)
    shine: Pixels = lobe[..., None] * tint * np.float32(strength)
    if reflected is not None and printed.polish > 0.4:
        height, width = lobe.shape
        view = cv2.GaussianBlur(cv2.resize(reflected, (width, height)), (0, 0), 3 + 25 * (1 - printed.polish))
        shine = shine + view * np.float32(printed.gloss * np.exp(rng.uniform(np.log(0.05), np.log(1.5))))
    return np.asarray(shine, np.float32)
