"""Printers, inks and papers."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from livegate_tools.simulate.geometry import Pixels
from livegate_tools.simulate.gloss import Finish
from livegate_tools.simulate.held_out import Split, draw_constant
from livegate_tools.simulate.portraits import to_linear

# Share of sheets; ranges of mirror reflectance, roughness (tangent) and of what the darkest ink reflects.
_FINISHES = {
    "glossy": (0.4, (0.03, 0.06), (0.012, 0.05), (0.006, 0.03)),
    "semi_gloss": (0.25, (0.02, 0.05), (0.05, 0.18), (0.012, 0.04)),
    "matt": (0.35, (0.005, 0.03), (0.25, 0.4), (0.025, 0.08)),
}


@dataclass(frozen=True, slots=True)
class PrintModel:
    """One printer, ink and paper.

    SCIENCE.md: white paper reflects .8-.9 throughout; a VGA terminal at 0.5 m resolves no halftone dots (period
    .08-.3 px), so ``halftone_px`` is None except for coarse posters. ``paper`` is the linear colour of the sheet,
    ``ink_black`` what the darkest ink still reflects, ``gamut`` the saturation ink can reach (1 = the screen's),
    ``tone`` the exponent of dot gain, ``banding`` the relative strength of print-head streaks, ``finish`` how
    the surface mirrors: glossy photo paper, semi-gloss or matt.
    """

    paper: tuple[float, float, float]
    ink_black: float
    gamut: float
    tone: float
    cast: tuple[float, float, float]
    banding: float
    finish: Finish
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
    finish = str(rng.choice(list(_FINISHES), p=[f[0] for f in _FINISHES.values()]))
    _, mirror, rough, black = _FINISHES[finish]
    return PrintModel(
        paper=(white * constant(0.95, 1.02), white, white * constant(0.92, 1.04)),
        ink_black=constant(*black),
        gamut=0.0 if rng.random() < 0.06 else constant(0.75, 1.45),
        tone=constant(0.85, 1.5),
        cast=(constant(0.9, 1.08), constant(0.95, 1.05), constant(0.88, 1.08)),
        banding=constant(0.0, 0.05) if rng.random() < 0.4 else 0.0,
        finish=Finish(constant(*mirror), float(np.exp(constant(*np.log(rough))))),
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
