"""The sheet: faces side by side, each seen in every way, one way a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.types import Box
from livegate_tools.texture.views import SIDE, VIEWS

_GAP, _TOP, _LEFT = 8, 34, 150
_PAPER, _INK = 255, (50, 50, 50)
_LIVE, _ATTACK = (70, 125, 40), (50, 50, 190)
_FONT, _SIZE = cv2.FONT_HERSHEY_SIMPLEX, 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """One face: its picture (H, W, 3) uint8 BGR, where it is, what to write above it, and whether that is an attack.

    ``attack`` is None where nobody knows.
    """

    image: NDArray[np.uint8]
    box: Box
    title: str
    attack: bool | None = None


def sheet(faces: Sequence[Shown]) -> NDArray[np.uint8]:
    """Return the sheet (H, W, 3) uint8 BGR of one face or more; PictureError for a face that is too small."""
    step = SIDE + _GAP
    paper = np.full((_TOP + len(VIEWS) * step, _LEFT + len(faces) * step, 3), _PAPER, dtype=np.uint8)
    for row, name in enumerate(VIEWS):
        _write(paper, name, _GAP, _TOP + row * step + SIDE // 2, _INK)
    for column, shown in enumerate(faces):
        left = _LEFT + column * step
        _write(paper, shown.title, left, _TOP - 12, _colour(shown.attack))
        for row, view in enumerate(VIEWS.values()):
            top = _TOP + row * step
            paper[top : top + SIDE, left : left + SIDE] = view(shown.image, shown.box)
    return paper


def _colour(attack: bool | None) -> tuple[int, int, int]:
    if attack is None:
        return _INK
    return _ATTACK if attack else _LIVE


def _write(paper: NDArray[Any], text: str, x: int, y: int, colour: tuple[int, int, int]) -> None:
    cv2.putText(paper, text, (x, y), _FONT, _SIZE, colour, 1, cv2.LINE_AA)
