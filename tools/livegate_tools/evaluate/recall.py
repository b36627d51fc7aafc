"""How many of the true faces the terminal found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from livegate.samples.manifest import Sample
from livegate_tools.evaluate.predictions import Prediction

LEAST_IOU = 0.5
LEAST_SIDE_PX = 40.0


@dataclass(frozen=True, slots=True)
class FaceRecall:
    """Faces found of the faces there are; ``value`` is None where no sample has a box to compare with."""

    found: int
    n: int

    @property
    def value(self) -> float | None:
        """Share found, 0..1."""
        return self.found / self.n if self.n else None


def face_recall(judged: Sequence[tuple[Sample, Prediction]]) -> FaceRecall:
    """Count the faces of at least 40 px in width and height whose predicted box overlaps by an IoU of 0.5 or more.

    Every sample with such a true box counts, attacks and unreadable ones included.
    """
    boxed = [(s.face, p.face) for s, p in judged if s.face and min(s.face.w, s.face.h) >= LEAST_SIDE_PX]
    return FaceRecall(sum(found is not None and found.box.iou(true) >= LEAST_IOU for true, found in boxed), len(boxed))
