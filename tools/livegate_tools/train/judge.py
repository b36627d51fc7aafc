"""What a network says of labelled pictures, read exactly as the terminal reads it: same letterbox, same decoding."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livegate.decide.calibration import log_odds
from livegate.detect.decode import Decoder
from livegate.detect.preprocess import View, fit, normalise, shrink
from livegate.detect.priors import prior_boxes
from livegate.types import Face
from livegate_tools.train.reading import read_picture
from livegate_tools.train.recipe import Recipe
from livegate_tools.train.samples import Sample

Floats = NDArray[np.float32]
Inference = Callable[[Floats], tuple[Floats, Floats]]
"""Normalised input (B, 3, H, W) to boxes (B, N, 4) and scores (B, N, 3)."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One sample's result: the surest face that was found, if any."""

    sample: Sample
    face: Face | None

    @property
    def logit(self) -> float | None:
        """Return ln(p_bona_fide / p_attack), not calibrated, or None where no face was found."""
        return None if self.face is None else log_odds(self.face.p_bona_fide, self.face.p_attack)

    @property
    def overlap(self) -> float:
        """Intersection over union with the nearest known face, 0 where either is missing."""
        if self.face is None:
            return 0.0
        return max((self.face.box.iou(face) for face in self.sample.faces), default=0.0)


def judge(samples: Sequence[Sample], infer: Inference, recipe: Recipe, batch: int = 16) -> Iterator[Judged]:
    """Yield the result of every sample, in order; AssetError and PictureError name a file that cannot be read."""
    model, judgement = recipe.model, recipe.judgement
    priors = prior_boxes(model.priors())
    decoder = Decoder(priors, model.width, model.height, judgement.confidence, judgement.nms_iou)
    for start in range(0, len(samples), batch):
        chosen = samples[start : start + batch]
        inputs = np.zeros((len(chosen), 3, model.height, model.width), dtype=np.float32)
        views = [_load(sample, recipe, out) for sample, out in zip(chosen, inputs, strict=True)]
        offsets, scores = infer(inputs)
        for row, (sample, view) in enumerate(zip(chosen, views, strict=True)):
            faces = decoder.faces(offsets[row], scores[row], view)
            yield Judged(sample, faces[0] if faces else None)


def _load(sample: Sample, recipe: Recipe, out: Floats) -> View:
    image = read_picture(sample.path)
    view = fit(image.shape[1], image.shape[0], recipe.model.width, recipe.model.height)
    normalise(shrink(image, view), recipe.model.mean, recipe.model.scale, out)
    return view
