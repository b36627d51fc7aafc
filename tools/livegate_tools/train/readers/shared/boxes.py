"""Face boxes as the sets give them: tables by frame, and eye positions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from livegate.errors import AssetError
from livegate.types import Box
from livegate_tools.train.readers.shared.recording import Image

# A YuNet box against the distance of the eye centres: medians of 2,920 faces of generated_faces, canada_faces and
# phone_replay (width 2.13 to 2.18, height 2.85 to 2.98, centre below the eyes 0.34 to 0.35 by set).
_WIDTH_OF_EYES = 2.17
_HEIGHT_OF_EYES = 2.9
_BELOW_EYES = 0.35


def box_of_eyes(x0: float, y0: float, x1: float, y1: float) -> Box | None:
    """Return the box YuNet would give a frontal face with these eye centres; None where they coincide."""
    distance = ((x0 - x1) ** 2 + (y0 - y1) ** 2) ** 0.5
    if distance == 0:
        return None
    width, height = _WIDTH_OF_EYES * distance, _HEIGHT_OF_EYES * distance
    middle_x, middle_y = (x0 + x1) / 2, (y0 + y1) / 2 + _BELOW_EYES * distance
    return Box(middle_x - width / 2, middle_y - height / 2, width, height)


def box_of_size(x: float, y: float, w: float, h: float) -> Box | None:
    """Return the box, or None where it has no area."""
    return Box(x, y, w, h) if w > 0 and h > 0 else None


def box_of_corners(x0: float, y0: float, x1: float, y1: float) -> Box | None:
    """Return the box between two corners, or None where it has no area."""
    return box_of_size(x0, y0, x1 - x0, y1 - y0)


class BoxTable:
    """The boxes of a text file with a line a frame, read when the first is asked for.

    A line holds numbers set apart by blanks or commas: the frame's number where ``numbered`` (else the line's counts,
    from 0), then four that ``make`` turns into a box. A frame without a line, or whose numbers give no box, has none; a
    file that is not there gives none at all. Callable as ``BoxOf``.
    """

    def __init__(self, path: Path, make: Callable[..., Box | None], *, numbered: bool) -> None:
        self._path = path
        self._make = make
        self._numbered = numbered
        self._boxes: Mapping[int, Box | None] | None = None

    def __call__(self, number: int, _image: Image) -> Box | None:
        """Return the box of frame ``number``; AssetError names a line that holds no numbers."""
        if self._boxes is None:
            self._boxes = self._read() if self._path.is_file() else {}
        return self._boxes.get(number)

    def _read(self) -> dict[int, Box | None]:
        boxes: dict[int, Box | None] = {}
        lines = self._path.read_text("utf-8", errors="replace").splitlines()
        for row, line in enumerate(line for line in lines if line.strip()):
            try:
                numbers = [float(word) for word in re.split(r"[\s,]+", line.strip(" \t,[]"))]
                first = 1 if self._numbered else 0
                x, y, w, h = numbers[first : first + 4]
            except ValueError as exc:
                raise AssetError(
                    f"{self._path}: line {row + 1} is '{line[:40]}'; expected "
                    f"{'a frame number and ' if self._numbered else ''}four numbers"
                ) from exc
            boxes[int(numbers[0]) if self._numbered else row] = self._make(x, y, w, h)
        return boxes
