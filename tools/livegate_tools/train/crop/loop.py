"""The training loop of a crop classifier: what one step learns, and the average of the weights that ships."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from livegate_tools.train.checkpoint import Average
from livegate_tools.train.crop.cutouts import Cutouts
from livegate_tools.train.crop.network import Answer, CropNetwork
from livegate_tools.train.crop.recipe import Model, Recipe, Weights
from livegate_tools.train.crop.teachers import Lessons
from livegate_tools.train.samples import Presentation, Sample

MAX_GRADIENT = 5.0
_LEAST_RATE = 0.02
_SAY_EVERY = 500
# Teachers are sure of nearly everything; halved, their odds still say which cases are hard.
_TEMPERATURE = 2.0


@dataclass(frozen=True, slots=True)
class Lesson:
    """One batch: ``pictures`` (B, size, size, 3) uint8; ``classes`` (B,) int64, 0 is bona fide; what teachers say."""

    pictures: NDArray[np.uint8]
    classes: Tensor
    embeddings: Tensor | None
    opinions: Tensor | None


class Lectern:
    """Makes the batch of any step from the cut-outs in ``chosen``; the same step always gives the same batch."""

    def __init__(self, cutouts: Cutouts, lessons: Lessons | None, chosen: Sequence[int], recipe: Recipe) -> None:
        self._cutouts, self._lessons, self._recipe = cutouts, lessons, recipe
        self._chosen = np.asarray(chosen)
        self._weights = np.cumsum(drawn_as_often([cutouts.samples[i] for i in chosen], recipe.shares))
        self._classes = np.array(
            [recipe.class_of(s.species if s.presentation is Presentation.ATTACK else None) for s in cutouts.samples]
        )

    def batch(self, step: int) -> Lesson:
        """Return the batch of ``step``."""
        plan = self._recipe.optimisation
        rng = np.random.default_rng((plan.seed, 3, step))
        drawn = np.searchsorted(self._weights, rng.random(plan.batch) * self._weights[-1], side="right")
        index = self._chosen[drawn]
        variant = rng.integers(0, self._recipe.variants.count + 1, plan.batch)
        embeddings = opinions = None
        if self._lessons is not None:
            opinions = torch.from_numpy(self._lessons.opinions[index])
            if self._lessons.embeddings is not None:
                embeddings = torch.from_numpy(self._lessons.embeddings[index, variant].astype(np.float32))
        pictures = self._cutouts.pictures[index, variant]
        if rng.random() < 0.5:
            pictures = np.ascontiguousarray(pictures[:, :, ::-1])
        return Lesson(pictures, torch.from_numpy(self._classes[index]), embeddings, opinions)


def drawn_as_often(samples: Sequence[Sample], shares: Mapping[str, float]) -> NDArray[np.float64]:
    """Return how often each sample is drawn, (N,), summing to 1: both classes alike, sources by ``shares``.

    Within a class and source, somebody shown n times as often as another is drawn as often as the root of n.
    """
    groups = [(s.presentation, s.source) for s in samples]
    cells = [(*group, s.subject, s.species) for group, s in zip(groups, samples, strict=True)]
    sizes = Counter(cells)
    rarity = np.array([sizes[cell] ** -0.5 for cell in cells])
    found = np.zeros(len(samples))
    for group in set(groups):
        those = np.array([g == group for g in groups])
        found[those] = shares.get(group[1], 1.0) * rarity[those] / rarity[those].sum()
    for presentation in {s.presentation for s in samples}:
        those = np.array([s.presentation is presentation for s in samples])
        found[those] /= found[those].sum()
    return np.asarray(found / found.sum(), np.float64)


def normalised(pictures: NDArray[np.uint8], model: Model) -> Tensor:
    """Return (B, 3, H, W) float32 for the network of (B, H, W, 3) uint8 pictures, channels last in memory."""
    mean = torch.tensor(model.mean)
    return ((torch.from_numpy(pictures).float() - mean) * model.scale).permute(0, 3, 1, 2)


def loss_of(answer: Answer, lesson: Lesson, weights: Weights) -> Tensor:
    """Return the loss: bona fide against attack, which attack, the teacher's embedding, the teachers' opinion."""
    odds = answer.log_odds()
    living = (lesson.classes == 0).float()
    target = living * (1 - 2 * weights.smoothing) + weights.smoothing
    loss = functional.binary_cross_entropy_with_logits(odds, target)
    attacks = lesson.classes > 0
    if bool(attacks.any()):
        species = functional.cross_entropy(answer.classes[attacks][:, 1:], lesson.classes[attacks] - 1)
        loss = loss + weights.species * species
    if lesson.embeddings is not None and answer.imitated is not None:
        loss = loss + weights.imitation * functional.smooth_l1_loss(answer.imitated, lesson.embeddings)
    if lesson.opinions is not None:
        agreed = (lesson.opinions > 0) == (lesson.classes == 0)
        share = torch.where(agreed, 1.0, weights.wrong_opinion)
        soft = torch.sigmoid(lesson.opinions / _TEMPERATURE)
        opinion = functional.binary_cross_entropy_with_logits(odds / _TEMPERATURE, soft, reduction="none")
        loss = loss + weights.opinion * (share * opinion).mean()
    return loss


def learning_rate(step: int, recipe: Recipe) -> float:
    """Return the rate of ``step``: a linear warm-up, then half a cosine down to a fiftieth of the peak."""
    plan = recipe.optimisation
    rising = min(1.0, (step + 1) / max(1, plan.warm_up_steps))
    falling = (1 + math.cos(math.pi * step / plan.steps)) / 2
    return plan.peak_rate * rising * (_LEAST_RATE + (1 - _LEAST_RATE) * falling)


def new_network(recipe: Recipe, imitated: int) -> CropNetwork:
    """Return a network with weights from the recipe's seed."""
    torch.manual_seed(recipe.optimisation.seed)
    network = CropNetwork(recipe.model, imitated)
    return cast(CropNetwork, cast(Any, network).to(memory_format=torch.channels_last))


def learn(lectern: Lectern, recipe: Recipe, imitated: int, say: Callable[[str], None]) -> CropNetwork:
    """Train from new weights to the recipe's end, or until its minutes are used up; return the averaged network."""
    plan = recipe.optimisation
    torch.set_num_threads(plan.threads)
    network = new_network(recipe, imitated)
    average = Average(network, plan.average_decay)
    decayed = [p for p in network.parameters() if p.dim() > 1]
    plain = [p for p in network.parameters() if p.dim() <= 1]
    optimiser = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": plan.weight_decay}, {"params": plain, "weight_decay": 0.0}],
        lr=plan.peak_rate,
    )
    started, total = time.monotonic(), 0.0
    for step in range(plan.steps):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, recipe)
        total += _step(network, optimiser, lectern.batch(step), recipe)
        average.update(network)
        seconds = time.monotonic() - started
        if (step + 1) % _SAY_EVERY == 0:
            say(f"step {step + 1}/{plan.steps} loss {total / _SAY_EVERY:.3f} {(step + 1) * plan.batch / seconds:.0f}/s")
            total = 0.0
        if seconds > plan.minutes * 60:
            say(f"stopped at step {step + 1} of {plan.steps}: {plan.minutes:.0f} minutes are used up")
            break
    return average.network


def _step(network: CropNetwork, optimiser: torch.optim.Optimizer, lesson: Lesson, recipe: Recipe) -> float:
    network.train()
    with torch.autocast("cpu", torch.bfloat16):
        answer: Answer = network(normalised(lesson.pictures, recipe.model))
    answer = Answer(answer.classes.float(), None if answer.imitated is None else answer.imitated.float())
    loss = loss_of(answer, lesson, recipe.weights)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call, unused-ignore]
    norm = torch.nn.utils.clip_grad_norm_(network.parameters(), MAX_GRADIENT)
    if not torch.isfinite(norm):
        return 0.0
    optimiser.step()
    return float(loss.detach())
