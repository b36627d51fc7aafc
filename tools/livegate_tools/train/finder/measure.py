"""How many faces a finder finds, and what else it takes for faces."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.detect.finder import Finder
from livegate.types import Box
from livegate_tools.train.finder.pictures import Picture

LEAST_IOU = 0.5
_DOUBT_IOU = 0.1


@dataclass(frozen=True, slots=True)
class FaceSeen:
    """A face that is there: its smaller side, its source, and the odds it was found with, None where it was not."""

    side_px: float
    source: str
    odds: float | None


@dataclass(frozen=True, slots=True)
class Measured:
    """What became of some pictures: ``false`` are the odds of what was found and is no face."""

    faces: tuple[FaceSeen, ...]
    false: tuple[float, ...]
    pictures: int
    median_ms: float

    def recall(self, least_odds: float, least_px: float, most_px: float = float("inf")) -> tuple[int, int]:
        """Return how many faces of that size were found with such odds, and how many there are."""
        sized = [face for face in self.faces if least_px <= face.side_px < most_px]
        return sum(face.odds is not None and face.odds >= least_odds for face in sized), len(sized)

    def false_faces(self, least_odds: float) -> int:
        """Return how many were found with such odds that are none."""
        return sum(odds >= least_odds for odds in self.false)


def measure(finder: Finder, pictures: Sequence[Picture]) -> Measured:
    """Look at every picture; a found box is a face's where their intersection over union is at least LEAST_IOU."""
    faces: list[FaceSeen] = []
    false: list[float] = []
    times_ms = []
    for picture in pictures:
        image = cv2.imread(str(picture.path))
        if image is None:
            continue
        image = np.asarray(image, dtype=np.uint8)
        began = time.thread_time()
        found = finder.look(image)
        times_ms.append(1000 * (time.thread_time() - began))
        matched, rest = _matched(found, picture)
        faces += matched
        false += rest
    return Measured(tuple(faces), tuple(false), len(times_ms), float(np.median(times_ms)) if times_ms else 0.0)


def _matched(found: Sequence[tuple[float, Box]], picture: Picture) -> tuple[list[FaceSeen], list[float]]:
    """Return what became of the picture's faces, and the odds of what was found beside them."""
    left = list(found)
    faces = []
    for face in picture.faces:
        best = next((each for each in left if each[1].iou(face) >= LEAST_IOU), None)
        if best is not None:
            left.remove(best)
        faces.append(FaceSeen(min(face.w, face.h), picture.source, None if best is None else best[0]))
    return faces, [odds for odds, box in left if not any(box.iou(place) > _DOUBT_IOU for place in picture.unsure)]


def share_interval(found: int, of: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson), as if cases were independent."""
    if not of:
        return 0.0, 1.0
    share, z = found / of, 1.96
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * float(np.sqrt(share * (1 - share) / of + z * z / (4 * of * of)))
    return max(0.0, middle - half), min(1.0, middle + half)


def fitted(faces: NDArray[np.float64], false: NDArray[np.float64]) -> tuple[float, float]:
    """Return slope and offset of the logistic curve that says which odds were those of faces."""
    odds = np.concatenate([faces, false])
    face = np.repeat([1.0, 0.0], [len(faces), len(false)])
    slope, offset = 1.0, 0.0
    # A weak pull towards taking the network's odds as they are keeps this solvable where nothing was mistaken.
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(offset + slope * odds, -50, 50)))
        bend = p * (1 - p)
        gradient = np.array([((face - p) * odds).sum() + (1 - slope), (face - p).sum() - offset * 0.1])
        matrix = np.array([[(bend * odds**2).sum() + 1, (bend * odds).sum()], [(bend * odds).sum(), bend.sum() + 0.1]])
        step = np.clip(np.linalg.solve(matrix, gradient), -1, 1)
        slope, offset = slope + step[0], offset + step[1]
    return float(max(slope, 0.05)), float(offset)
