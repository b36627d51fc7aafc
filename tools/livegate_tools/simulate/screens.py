"""Displays and their cases: phones, tablets, laptops, monitors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from livegate_tools.simulate.geometry import Pixels
from livegate_tools.simulate.gloss import Finish
from livegate_tools.simulate.held_out import Split, draw_constant

_LAPTOPS = 0.45
_PITCH = {"monitor": (0.5, 2.4), "laptop": (0.35, 1.4)}


@dataclass(frozen=True, slots=True)
class ScreenModel:
    """One display and its case.

    SCIENCE.md: displays reflect 4-8 % of the light on them, mostly as a mirror; only monitors of about 100 ppi have
    pixels that a VGA terminal at 0.5 m comes near to resolving (period .3-1.0 px, up to about 2 px at half that
    distance), so ``pitch_px``, their period in medium pixels, is
    None for all others. ``device`` is "phone", "tablet", "laptop" or "monitor";
    ``brightness`` is the panel's white against white paper in the room
    (80-400 cd/m2 against 60-160), ``gamma`` and ``primaries`` (3x3, rows sum to the white point) its rendering,
    ``black`` what it leaks, ``bleed`` the extra light along its edges; ``finish`` is its glass, ``haze`` what smears
    on it spread; ``bands`` is how deep the backlight's flicker cuts into rows of a rolling shutter. ``bezel`` (left,
    top, right, bottom) in shares of the screen's shorter side; ``case`` the linear colour of the frame.
    """

    species: str
    device: str
    aspect: float
    brightness: float
    gamma: float
    primaries: Pixels
    black: float
    bleed: float
    falloff: float
    finish: Finish
    haze: float
    bands: float
    pitch_px: float | None
    bezel: tuple[float, float, float, float]
    corner: float
    case: tuple[float, float, float]


def draw_screen(rng: np.random.Generator, split: Split, species: str) -> ScreenModel:
    """Return a display of a species ("replay_phone", "replay_tablet", "replay_monitor") from the split's constants.

    Laptops are of the species "replay_monitor".
    """

    def constant(low: float, high: float) -> float:
        return draw_constant(rng, low, high, split)

    device = species.removeprefix("replay_")
    if device == "monitor" and rng.random() < _LAPTOPS:
        device = "laptop"
    bright = float(np.exp(constant(np.log(0.5), np.log(6.0))))
    spill = constant(-0.35, 0.15)
    primaries = np.full((3, 3), spill / 3) + np.eye(3) * (1 - spill)
    cold = constant(-0.12, 0.16)
    primaries = primaries * np.array([[1 - cold], [1.0 - 0.3 * abs(cold)], [1 + cold]])
    shape = {
        "phone": (constant(1.6, 2.2), _thin(rng, constant(0.02, 0.07), 0.25), constant(0.0, 0.16)),
        "tablet": (constant(1.3, 1.62), _thin(rng, constant(0.03, 0.11), 0.15), constant(0.0, 0.06)),
        "laptop": (1 / constant(1.45, 1.8), _thin(rng, constant(0.015, 0.07), 0.6), 0.0),
        "monitor": (1 / constant(1.55, 1.8), _thin(rng, constant(0.008, 0.06), 0.5), 0.0),
    }[device]
    grey = float(np.exp(constant(np.log(0.008), np.log(0.75))))
    tint = np.exp(rng.normal(0, 0.15, 3)) * grey
    matt = device in ("laptop", "monitor") and rng.random() < 0.55
    return ScreenModel(
        species=species,
        device=device,
        aspect=shape[0],
        brightness=bright,
        gamma=constant(1.9, 2.5),
        primaries=np.asarray(primaries, np.float32),
        black=constant(0.0, 0.004),
        bleed=constant(0.0, 0.012),
        falloff=constant(0.0, 0.5),
        finish=Finish(constant(0.04, 0.08), constant(0.1, 0.3) if matt else constant(0.004, 0.02)),
        haze=constant(0.0, 0.02),
        bands=constant(0.02, 0.3) if rng.random() < 0.12 else 0.0,
        pitch_px=_pitch(constant, device),
        bezel=shape[1],
        corner=shape[2],
        case=(float(tint[0]), float(tint[1]), float(tint[2])),
    )


def _pitch(constant: Callable[[float, float], float], device: str) -> float | None:
    """The period of a monitor's or a laptop's pixels; laptops have finer ones (120-200 ppi)."""
    if device not in _PITCH:
        return None
    low, high = _PITCH[device]
    return float(np.exp(constant(np.log(low), np.log(high))))


def _thin(rng: np.random.Generator, width: float, chin_chance: float) -> tuple[float, float, float, float]:
    """Equal borders, or an older design with a forehead and a chin."""
    if rng.random() < chin_chance:
        thick = width * float(rng.uniform(2.0, 5.0))
        return width, thick * float(rng.uniform(0.3, 1.0)), width, thick
    return width, width, width, width
