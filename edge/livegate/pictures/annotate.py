"""Draws what the detector saw onto a copy of a picture, and writes such copies without ever replacing a file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.errors import PictureError
from livegate.types import Face, PadDecision

# B, G, R; told apart by the colour-blind, too, and the label says it in words.
_COLOURS = {PadDecision.BONA_FIDE: (160, 200, 60), PadDecision.ATTACK: (40, 80, 235), None: (220, 220, 220)}
_JPEG_QUALITY = 92


def annotate(image: NDArray[np.uint8], verdicts: Iterable[tuple[Face, PadDecision | None]]) -> NDArray[np.uint8]:
    """Return a copy of ``image`` (H, W, 3) uint8 BGR, each face framed and labelled with its verdict, if it has one."""
    drawn = image.copy()
    unit = max(1, round(min(image.shape[:2]) / 300))
    for face, verdict in verdicts:
        box, colour = face.box, _COLOURS[verdict]
        corner, opposite = _point(box.x, box.y), _point(box.x + box.w, box.y + box.h)
        cv2.rectangle(drawn, corner, opposite, colour, 2 * unit)
        label = _label(face, verdict)
        at = (corner[0], max(corner[1] - 4 * unit, 12 * unit))
        for tint, thickness in (((0, 0, 0), 3 * unit), (colour, unit)):
            cv2.putText(drawn, label, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45 * unit, tint, thickness, cv2.LINE_AA)
    return drawn


def _label(face: Face, verdict: PadDecision | None) -> str:
    if verdict is None:
        return f"face {face.confidence:.2f}"
    return f"{verdict} {face.p_bona_fide if verdict is PadDecision.BONA_FIDE else face.p_attack:.2f}"


def write_copy(image: NDArray[np.uint8], folder: Path, below: Path) -> Path:
    """Write ``image`` as JPEG to ``folder``/``below``.faces.jpg, numbered if that exists; return the path taken.

    Makes the folders. Raises PictureError when it cannot be written.
    """
    coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].tobytes()
    target = folder / below
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _created(target) as file:
            file.write(coded)
    except OSError as exc:
        raise PictureError(
            f"{target}: the copy cannot be written ({exc.strerror}); give --draw another folder"
        ) from exc
    return Path(file.name)


def _created(target: Path) -> BinaryIO:
    """Create and open the first of x.faces.jpg, x.faces-2.jpg, ... that does not exist."""
    number = 1
    while True:
        suffix = ".faces.jpg" if number == 1 else f".faces-{number}.jpg"
        try:
            return target.with_name(target.name + suffix).open("xb")
        except FileExistsError:
            number += 1


def _point(x: float, y: float) -> tuple[int, int]:
    """Return whole pixels OpenCV's drawing takes; boxes far outside are cut where nobody sees it."""
    return int(np.clip(x, -10_000, 100_000)), int(np.clip(y, -10_000, 100_000))
