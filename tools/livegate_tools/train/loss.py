"""The multibox loss with hard-negative mining (Liu et al., SSD, ECCV 2016, 2.2), and liveness over matched priors.

Liveness is balanced twice: every labelled picture counts once, however many priors its face matches, and both classes
count the same in a batch. The training-only map is pixel-wise supervision (George and Marcel, Deep Pixel-wise Binary
Supervision, ICB 2019) inside the face's ellipse; it ships nothing.
"""

from __future__ import annotations

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
    """A batch's targets as tensors: state (B, N), offsets (B, N, 4), liveness (B,), pixels (B, H, W) bool."""

    state: Tensor
    offsets: Tensor
    liveness: Tensor
    pixels: Tensor


@dataclass(frozen=True, slots=True)
class Losses:
    """The loss's terms, before their weights."""

    box: Tensor
    face: Tensor
    liveness: Tensor
    pixels: Tensor

    def total(self, weights: Weights) -> Tensor:
        """Return the weighted sum."""
        return (
            weights.box * self.box
            + weights.face * self.face
            + weights.liveness * self.liveness
            + weights.pixels * self.pixels
        )


def multibox_loss(raw: RawOutput, targets: Targets, weights: Weights) -> Losses:
    """Return the loss's terms of a batch; a batch without faces or labels has zeros where nothing is to be said."""
    positive = targets.state == 1
    matched = positive.sum().clamp(min=1)
    box = functional.smooth_l1_loss(raw.offsets[positive], targets.offsets[positive], reduction="sum") / matched
    face = _mined_face_loss(raw.face, targets.state, weights.negatives) / matched
    smooth = targets.liveness.clamp(min=0).float() * (1 - 2 * weights.smoothing) + weights.smoothing
    priors = functional.binary_cross_entropy_with_logits(
        raw.bona_fide, smooth[:, None].expand_as(raw.bona_fide), reduction="none"
    )
    cells = functional.binary_cross_entropy_with_logits(
        raw.pixels[:, 0], smooth[:, None, None].expand_as(raw.pixels[:, 0]), reduction="none"
    )
    return Losses(
        box=box,
        face=face,
        liveness=_balanced(priors, positive, targets.liveness),
        pixels=_balanced(cells.flatten(1), targets.pixels.flatten(1), targets.liveness),
    )


def _mined_face_loss(logits: Tensor, state: Tensor, ratio: float) -> Tensor:
    positive, negative = state == 1, state == 0
    entropy = functional.binary_cross_entropy_with_logits(logits, positive.float(), reduction="none")
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
