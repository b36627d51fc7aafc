"""The multibox loss with hard-negative mining (Liu et al., SSD, ECCV 2016, 2.2), and liveness over matched priors.

Liveness is balanced twice: every labelled picture counts once, however many priors its face matches, and both classes
count the same in a batch. The heads that only training has look inside the face's ellipse: pixel-wise supervision
(George and Marcel, Deep Pixel-wise Binary Supervision, ICB 2019), pseudo-depth (Liu et al., CVPR 2018) and the crop's
Fourier spectrum (MiniFASNet's second branch). A teacher's score is a second, soft target (Hinton, Vinyals, Dean,
Distilling the Knowledge in a Neural Network, 2015), taken only as far as the teacher is right about the label.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from livegate_tools.train.dataset import UNLABELLED
from livegate_tools.train.network import RawOutput
from livegate_tools.train.recipe import Weights

MIN_NEGATIVES = 16


@dataclass(frozen=True, slots=True)
class Targets:
    """A batch's targets as tensors, fields and shapes as in ``Batch``."""

    state: Tensor
    offsets: Tensor
    liveness: Tensor
    teacher: Tensor
    pixels: Tensor
    depth: Tensor
    spectrum: Tensor


@dataclass(frozen=True, slots=True)
class Losses:
    """The loss's terms, before their weights."""

    box: Tensor
    face: Tensor
    liveness: Tensor
    pixels: Tensor
    depth: Tensor
    spectrum: Tensor
    teacher: Tensor

    def terms(self) -> dict[str, Tensor]:
        """Return the terms by name."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    def total(self, weights: Weights) -> Tensor:
        """Return the sum, each term by the weight of its name."""
        return torch.stack([getattr(weights, name) * term for name, term in self.terms().items()]).sum()


TERMS = tuple(field.name for field in dataclasses.fields(Losses))


def multibox_loss(raw: RawOutput, spectra: Tensor, targets: Targets, weights: Weights) -> Losses:
    """Return the loss's terms of a batch; a batch without faces or labels has zeros where nothing is to be said.

    ``spectra`` (B, 10, 10) float32 is what the network says of the crops' spectra.
    """
    positive = targets.state == 1
    matched = positive.sum().clamp(min=1)
    smooth = _smoothed(targets.liveness.clamp(min=0).float(), weights.smoothing)
    priors = _entropy(raw.bona_fide, smooth[:, None])
    cells = _entropy(raw.pixels, smooth[:, None, None])
    known = targets.pixels & torch.isfinite(targets.depth)
    relief = (torch.sigmoid(raw.depth) - targets.depth.nan_to_num()) ** 2
    spectrum = (spectra - targets.spectrum) ** 2
    judged = targets.pixels.flatten(1).any(1, keepdim=True).expand_as(spectrum.flatten(1))
    return Losses(
        box=functional.smooth_l1_loss(raw.offsets[positive], targets.offsets[positive], reduction="sum") / matched,
        face=_mined_face_loss(raw.face, targets.state, weights.negatives) / matched,
        liveness=_balanced(priors, positive, targets.liveness),
        pixels=_balanced(cells.flatten(1), targets.pixels.flatten(1), targets.liveness),
        depth=_balanced(relief.flatten(1), known.flatten(1), targets.liveness),
        spectrum=_balanced(spectrum.flatten(1), judged, targets.liveness),
        teacher=_taught(raw.bona_fide, positive, targets, weights),
    )


def _smoothed(probability: Tensor, smoothing: float) -> Tensor:
    return probability * (1 - 2 * smoothing) + smoothing


def _entropy(logits: Tensor, probability: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logits, probability.expand_as(logits), reduction="none")


def _taught(logits: Tensor, positive: Tensor, targets: Targets, weights: Weights) -> Tensor:
    """Return the cross entropy with the teacher's probability; it weighs less where it is wrong or nobody knows."""
    asked = torch.isfinite(targets.teacher)
    score = targets.teacher.nan_to_num()
    says, unlabelled = (score >= 0.5).to(targets.liveness.dtype), targets.liveness == UNLABELLED
    worth = torch.where(says == targets.liveness, 1.0, weights.teacher_wrong)
    worth = torch.where(unlabelled, weights.teacher_unlabelled, worth)
    side = torch.where(unlabelled, says, targets.liveness)
    entropy = _entropy(logits, _smoothed(score, weights.smoothing)[:, None])
    return _balanced(entropy * worth[:, None], positive & asked[:, None], side)


def _mined_face_loss(logits: Tensor, state: Tensor, ratio: float) -> Tensor:
    positive, negative = state == 1, state == 0
    entropy = _entropy(logits, positive.float())
    with torch.no_grad():
        quota = (positive.sum(1).float() * ratio).clamp(min=MIN_NEGATIVES)
        ranked = entropy.masked_fill(~negative, -1.0).argsort(1, descending=True).argsort(1)
        hard = negative & (ranked < quota[:, None])
    return entropy[positive].sum() + entropy[hard].sum()


def _balanced(entropy: Tensor, judged: Tensor, liveness: Tensor) -> Tensor:
    counts = judged.sum(1)
    per_picture = (entropy * judged).sum(1) / counts.clamp(min=1)
    means = [
        per_picture[chosen].mean()
        for label in (0, 1)
        if (chosen := (liveness == label) & (liveness != UNLABELLED) & (counts > 0)).any()
    ]
    return torch.stack(means).mean() if means else entropy.sum() * 0.0
