"""A white sheet to draw lines, bars and words on; units are the pixels of a page."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

import cv2
import numpy as np

from livegate.errors import LivegateError

Colour = tuple[int, int, int]
Point = tuple[float, float]

INK: Colour = (51, 41, 31)
FAINT: Colour = (226, 220, 214)
GREY: Colour = (128, 116, 107)
BLUE: Colour = (178, 114, 0)
# Told apart by the colour-blind too (Okabe and Ito, 2008), as B, G, R; blue is kept for bona fide presentations.
DISTINCT: tuple[Colour, ...] = (
    (0, 94, 213),
    (115, 158, 0),
    (167, 121, 204),
    (0, 159, 230),
    (233, 180, 86),
    (60, 60, 60),
)

_FONT = cv2.FONT_HERSHEY_SIMPLEX
# Drawn at four times the size and shrunk to two: letters of OpenCV are thin lines, and screens show two for one.
_DRAWN, _KEPT = 4, 2
_LETTER_PX = 21.0


class Align(Enum):
    """Which end of a text stands at its point; the values are the shares of its width to the left of it."""

    LEFT = 0.0
    MIDDLE = 0.5
    RIGHT = 1.0


class Canvas:
    """A picture in the making."""

    def __init__(self, width: int, height: int) -> None:
        self._image = np.full((height * _DRAWN, width * _DRAWN, 3), 255, dtype=np.uint8)

    def line(self, points: Sequence[Point], colour: Colour = INK, width: float = 1.0) -> None:
        """Draw a line through ``points``."""
        pixels = [np.round(np.array(points) * _DRAWN).astype(np.int32).reshape(-1, 1, 2)]
        cv2.polylines(self._image, pixels, False, colour, max(1, round(width * _DRAWN)), cv2.LINE_AA)

    def area(self, points: Sequence[Point], colour: Colour) -> None:
        """Fill the polygon of ``points``."""
        pixels = [np.round(np.array(points) * _DRAWN).astype(np.int32).reshape(-1, 1, 2)]
        cv2.fillPoly(self._image, pixels, colour, cv2.LINE_AA)

    def dot(self, at: Point, colour: Colour, radius: float) -> None:
        """Draw a filled dot with a white rim."""
        centre = (round(at[0] * _DRAWN), round(at[1] * _DRAWN))
        for size, fill in ((radius + 1.5, (255, 255, 255)), (radius, colour)):
            cv2.circle(self._image, centre, round(size * _DRAWN), fill, cv2.FILLED, cv2.LINE_AA)

    def text(self, at: Point, words: str, size: float = 12.0, colour: Colour = INK, align: Align = Align.LEFT) -> None:
        """Write ``words`` (ASCII; anything else becomes a question mark) with their baseline at ``at``."""
        plain = words.encode("ascii", "replace").decode()
        scale = size * _DRAWN / _LETTER_PX * 0.7
        thickness = max(1, round(size * _DRAWN / 20))
        (width, _), _ = cv2.getTextSize(plain, _FONT, scale, thickness)
        corner = (round(at[0] * _DRAWN - width * align.value), round(at[1] * _DRAWN))
        cv2.putText(self._image, plain, corner, _FONT, scale, colour, thickness, cv2.LINE_AA)

    def png(self) -> bytes:
        """Return the picture as a PNG of twice the size."""
        size = (self._image.shape[1] * _KEPT // _DRAWN, self._image.shape[0] * _KEPT // _DRAWN)
        small = cv2.resize(self._image, size, interpolation=cv2.INTER_AREA)
        good, data = cv2.imencode(".png", small, [cv2.IMWRITE_PNG_COMPRESSION, 9])
        if not good:
            raise LivegateError("a chart could not be written as PNG; OpenCV was built without it")
        return bytes(data)


def tint(colour: Colour, share: float) -> Colour:
    """Return ``colour`` mixed into white, ``share`` of it."""
    blue, green, red = (round(255 + (value - 255) * share) for value in colour)
    return blue, green, red


def shortened(name: str, letters: int) -> str:
    """Return ``name`` cut to so many letters."""
    return name if len(name) <= letters else f"{name[: letters - 3]}..."
