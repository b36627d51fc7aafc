"""The training loop: batches in, checkpoints and one line an epoch out; the same seed and data give the same run."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch

from livegate.errors import AssetError
from livegate_tools.train.cache import PictureCache
from livegate_tools.train.checkpoint import Average, Progress, load_checkpoint, save_checkpoint
from livegate_tools.train.dataset import Batch, BatchMaker, prefetch
from livegate_tools.train.figures import FOUND_IOU, area_under_curve, by_source
from livegate_tools.train.judge import Floats, judge
from livegate_tools.train.loss import Targets, multibox_loss
from livegate_tools.train.network import Deployed, FaceNetwork
from livegate_tools.train.recipe import Optimisation, Recipe
from livegate_tools.train.samples import Sample

MAX_GRADIENT = 5.0


@dataclass(frozen=True, slots=True)
class Run:
    """One training run: what to learn from, what to judge by, and where its checkpoint lies."""

    recipe: Recipe
    train: tuple[Sample, ...]
    dev: tuple[Sample, ...]
    folder: Path

    @property
    def checkpoint(self) -> Path:
        """The file that --resume goes on from."""
        return self.folder / "checkpoint.pt"

    def data_digest(self) -> str:
        """Return a digest of what is learnt from: names, labels and boxes."""
        lines = (f"{s.source}/{s.identifier} {s.presentation} {s.faces}" for s in self.train)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def new_network(recipe: Recipe) -> FaceNetwork:
    """Return the network of the recipe with weights from its seed."""
    torch.manual_seed(recipe.optimisation.seed)
    network = FaceNetwork(recipe.model.priors())
    return cast(FaceNetwork, cast(Any, network).to(memory_format=torch.channels_last))


def learning_rate(step: int, plan: Optimisation) -> float:
    """Return the rate of ``step``: a linear warm-up, then half a cosine to a hundredth of the peak."""
    steps = plan.epochs * plan.steps_per_epoch
    warm_up = max(1, round(steps * plan.warm_up_share))
    if step < warm_up:
        return plan.peak_rate * (step + 1) / warm_up
    share = (step - warm_up) / max(1, steps - warm_up)
    return plan.peak_rate * (0.01 + 0.99 * (1 + math.cos(math.pi * share)) / 2)


def train(
    run: Run,
    say: Callable[[str], None],
    *,
    resume: bool = False,
    start_from: Path | None = None,
    on_step: Callable[[], None] = lambda: None,
) -> FaceNetwork:
    """Train to the recipe's end and return the averaged network; a checkpoint is written after every epoch.

    ``resume`` goes on from the run's checkpoint, ``start_from`` begins with the averaged weights of another one.
    AssetError where a checkpoint does not fit the recipe or the data.
    """
    plan = run.recipe.optimisation
    torch.set_num_threads(plan.threads)
    network = new_network(run.recipe)
    average = Average(network, plan.average_decay)
    optimiser = torch.optim.AdamW(network.parameters(), lr=plan.peak_rate, weight_decay=plan.weight_decay)
    progress = Progress(0, run.data_digest(), 0.0, 0)
    if resume:
        progress = load_checkpoint(run.checkpoint, network, average, optimiser)
        if progress.data != run.data_digest():
            raise AssetError(
                f"{run.checkpoint}: was made on other data than given now; give the same, or do not resume"
            )
    elif start_from is not None:
        earlier = load_checkpoint(start_from, network, average, None)
        progress = dataclasses.replace(progress, presentations=earlier.presentations)
        network.load_state_dict(average.network.state_dict())
        average.updates = 0
    maker = BatchMaker(PictureCache(run.train, run.folder / "cache"), run.recipe)
    started, before = time.monotonic(), progress.minutes
    for epoch in range(progress.epoch, plan.epochs):
        minutes = before + (time.monotonic() - started) / 60
        if minutes > plan.minutes:
            say(f"stopped before epoch {epoch + 1} of {plan.epochs}: {minutes:.0f} minutes are used up")
            break
        began = time.monotonic()
        first = epoch * plan.steps_per_epoch
        batches = prefetch(maker, first, first + plan.steps_per_epoch)
        losses = _epoch(network, average, optimiser, batches, run.recipe, first, on_step)
        speed = plan.steps_per_epoch * plan.batch / (time.monotonic() - began)
        progress = Progress(
            epoch=epoch + 1,
            data=progress.data,
            minutes=before + (time.monotonic() - started) / 60,
            presentations=progress.presentations + plan.steps_per_epoch * plan.batch,
        )
        save_checkpoint(run.checkpoint, progress, network, average, optimiser)
        say(f"epoch {epoch + 1}/{plan.epochs} {losses} {speed:.0f} img/s {_dev_line(run, average.network)}")
    averaged: FaceNetwork = average.network
    return averaged


def _epoch(
    network: FaceNetwork,
    average: Average,
    optimiser: torch.optim.Optimizer,
    batches: Iterator[Batch],
    recipe: Recipe,
    first: int,
    on_step: Callable[[], None],
) -> str:
    network.train()
    sums = torch.zeros(4)
    count = 0
    for count, batch in enumerate(batches, 1):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(first + count - 1, recipe.optimisation)
        sums += train_step(network, optimiser, batch, recipe)
        average.update(network)
        on_step()
    box, face, liveness, pixels = (sums / max(count, 1)).tolist()
    return f"box {box:.3f} face {face:.3f} liveness {liveness:.3f} pixels {pixels:.3f}"


def train_step(network: FaceNetwork, optimiser: torch.optim.Optimizer, batch: Batch, recipe: Recipe) -> torch.Tensor:
    """Learn from one batch; return the four terms of its loss (box, face, liveness, pixels) as (4,) float32."""
    mean = torch.tensor(recipe.model.mean)
    images = (torch.from_numpy(batch.images).float() - mean) * recipe.model.scale
    # Already (B, H, W, 3) in memory: channels last costs nothing.
    images = images.permute(0, 3, 1, 2)
    targets = Targets(
        state=torch.from_numpy(batch.state),
        offsets=torch.from_numpy(batch.offsets),
        liveness=torch.from_numpy(batch.liveness),
        pixels=torch.from_numpy(batch.pixels),
    )
    with torch.autocast("cpu", torch.bfloat16, enabled=recipe.optimisation.bfloat16):
        raw = network(images)
    losses = multibox_loss(raw.as_float(), targets, recipe.weights)
    optimiser.zero_grad(set_to_none=True)
    losses.total(recipe.weights).backward()  # type: ignore[no-untyped-call, unused-ignore]
    norm = torch.nn.utils.clip_grad_norm_(network.parameters(), MAX_GRADIENT)
    terms = torch.stack([losses.box, losses.face, losses.liveness, losses.pixels]).detach()
    # One overflow in half precision would otherwise end in every weight, and in the checkpoint.
    if not torch.isfinite(norm) or not torch.isfinite(terms).all():
        return torch.zeros_like(terms)
    optimiser.step()
    return terms


def torch_inference(network: FaceNetwork) -> Callable[[Floats], tuple[Floats, Floats]]:
    """Return ``network`` as a function from normalised input to boxes and scores."""
    deployed = Deployed(network).eval()

    def infer(inputs: Floats) -> tuple[Floats, Floats]:
        with torch.no_grad():
            boxes, scores = deployed(torch.from_numpy(inputs).contiguous(memory_format=torch.channels_last))
        return boxes.numpy(), scores.numpy()

    return infer


def thinned(samples: Sequence[Sample], limit: int) -> list[Sample]:
    """Return at most ``limit`` samples of each source, evenly spread over its order."""
    groups: dict[str, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(sample.source, []).append(sample)
    kept: list[Sample] = []
    for group in groups.values():
        stride = max(1, math.ceil(len(group) / limit))
        kept += group[::stride]
    return kept


def _dev_line(run: Run, network: FaceNetwork) -> str:
    samples = thinned(run.dev, run.recipe.judgement.evaluation_limit)
    results = list(judge(samples, torch_inference(network), run.recipe))
    areas, parts = {}, []
    for source, rows in by_source(results).items():
        area = area_under_curve(rows)
        if area is not None:
            areas[source] = area
        recall = sum(row.overlap >= FOUND_IOU for row in rows) / len(rows)
        parts.append(f"{source} recall {recall:.3f}" + ("" if area is None else f" auc {area:.3f}"))
    worst = min(areas, key=lambda source: areas[source], default=None)
    head = "no dev source with both classes" if worst is None else f"worst auc {areas[worst]:.3f} ({worst})"
    return f"{head}; " + "; ".join(parts)
