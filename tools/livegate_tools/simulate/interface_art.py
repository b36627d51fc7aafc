"""What a screen shows round a picture: bars, lines of text, buttons, tiles; drawn in sRGB, from chance alone."""

from __future__ import annotations

import cv2
import numpy as np

from livegate_tools.simulate.geometry import Pixels

_PALETTE = np.array(
    [(66, 133, 244), (219, 68, 55), (15, 157, 88), (244, 180, 0), (120, 60, 200), (0, 150, 200), (230, 60, 120)]
)


def page(rng: np.random.Generator, size: tuple[int, int], photo: tuple[int, int, int, int]) -> Pixels:
    """Return a page (h, w, 3) uint8 R, G, B with room for a picture at ``photo`` (left, top, right, bottom), pixels."""
    width, height = size
    paper, ink = _colours(rng)
    art = np.full((height, width, 3), paper, np.uint8)
    left, top, right, bottom = photo
    unit = max(2.0, min(width, height) * float(rng.uniform(0.028, 0.05)))
    _lines(rng, art, (0.05 * width, unit * 2.2, 0.95 * width, top - unit), unit, ink)
    _lines(rng, art, (0.05 * width, bottom + unit, 0.95 * width, height - unit * 1.5), unit, ink)
    if right < 0.8 * width:
        _lines(rng, art, (right + unit, top, 0.98 * width, bottom), unit, ink)
    if left > 0.25 * width:
        _lines(rng, art, (0.02 * width, top, left - unit, bottom), unit, ink)
    _status(rng, art, unit, ink)
    if rng.random() < 0.5:
        _controls(rng, art, unit, ink)
    return art


def overlay(rng: np.random.Generator, art: Pixels) -> None:
    """Draw over a shown picture what players and calls put there: a bar, a tile, round buttons, a caption. In place."""
    height, width = art.shape[:2]
    unit = min(width, height) * float(rng.uniform(0.03, 0.06))
    kind = rng.integers(4)
    if kind == 0:
        y = height - unit * 2
        cv2.line(art, _at(0.06 * width, y), _at(0.94 * width, y), (150, 150, 150), max(1, int(unit / 5)), cv2.LINE_AA)
        cv2.line(art, _at(0.06 * width, y), _at(rng.uniform(0.1, 0.9) * width, y), (230, 40, 40), max(1, int(unit / 5)))
    elif kind == 1:
        w, h = width * rng.uniform(0.18, 0.3), height * rng.uniform(0.15, 0.22)
        tile = tuple(int(v) for v in rng.integers(20, 120, 3))
        cv2.rectangle(art, _at(width - w - unit, unit), _at(width - unit, unit + h), tile, -1)
    elif kind == 2:
        for place in np.linspace(0.3, 0.7, int(rng.integers(2, 5))):
            colour = (225, 50, 50) if rng.random() < 0.3 else (70, 70, 70)
            cv2.circle(art, _at(place * width, height - 2.5 * unit), int(unit), colour, -1, cv2.LINE_AA)
    else:
        _lines(rng, art, (0.06 * width, height - 4 * unit, 0.7 * width, height - unit), unit, (245, 245, 245))


def _colours(rng: np.random.Generator) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    chance = rng.random()
    if chance < 0.55:
        value = int(rng.integers(225, 256))
        return (value, value, value), (60, 60, 64)
    if chance < 0.9:
        value = int(rng.integers(0, 40))
        return (value, value, value), (200, 200, 205)
    tone = _PALETTE[int(rng.integers(len(_PALETTE)))] * rng.uniform(0.4, 1.0)
    return (int(tone[0]), int(tone[1]), int(tone[2])), (250, 250, 250)


def _lines(
    rng: np.random.Generator,
    art: Pixels,
    area: tuple[float, float, float, float],
    unit: float,
    ink: tuple[int, int, int],
) -> None:
    """Words as dashes: at the sizes a VGA camera sees, text is texture."""
    left, top, right, bottom = area
    y = top + unit
    while y < bottom - unit * 0.3:
        if rng.random() < 0.12:
            tone = _PALETTE[int(rng.integers(len(_PALETTE)))]
            end = left + (right - left) * float(rng.uniform(0.2, 0.5))
            cv2.rectangle(art, _at(left, y - unit * 0.7), _at(end, y + unit * 0.7), tuple(map(int, tone)), -1)
        elif rng.random() < 0.8:
            x, end = left, left + (right - left) * float(rng.uniform(0.3, 1.0))
            while x < end - unit:
                word = min(x + unit * float(rng.uniform(0.6, 3.0)), end)
                cv2.line(art, _at(x, y), _at(word, y), ink, max(1, int(unit * 0.28)), cv2.LINE_AA)
                x = word + unit * 0.45
        y += unit * float(rng.choice([1.1, 1.1, 1.9]))


def _status(rng: np.random.Generator, art: Pixels, unit: float, ink: tuple[int, int, int]) -> None:
    width = art.shape[1]
    thick = max(1, int(unit * 0.25))
    cv2.line(art, _at(0.06 * width, unit), _at(0.06 * width + 2 * unit, unit), ink, thick, cv2.LINE_AA)
    for place in range(int(rng.integers(2, 5))):
        cv2.circle(art, _at(0.94 * width - place * unit * 1.1, unit), max(1, int(unit * 0.3)), ink, -1, cv2.LINE_AA)


def _controls(rng: np.random.Generator, art: Pixels, unit: float, ink: tuple[int, int, int]) -> None:
    height, width = art.shape[:2]
    for place in np.linspace(0.15, 0.85, int(rng.integers(3, 6))):
        cv2.circle(art, _at(place * width, height - unit * 1.1), max(1, int(unit * 0.45)), ink, 1, cv2.LINE_AA)


def _at(x: float, y: float) -> tuple[int, int]:
    return int(x), int(y)
