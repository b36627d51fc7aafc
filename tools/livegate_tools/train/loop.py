"""The training loop: batches in, checkpoints and one line an epoch out; the same seed and data give the same run."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch

from livegate.errors import AssetError
from livegate_tools.train.cache import PictureCache
from livegate_tools.train.checkpoint import Average, Progress, load_checkpoint, save_checkpoint, start_from
from livegate_tools.train.dataset import Batch, BatchMaker, prefetch
from livegate_tools.train.development import Development, judged_on_dev
from livegate_tools.train.loss import TERMS
from livegate_tools.train.network import FaceNetwork, Widths
from livegate_tools.train.recipe import Export, Optimisation, Recipe
from livegate_tools.train.samples import Sample
from livegate_tools.train.step import device_of, train_step
from livegate_tools.train.teacher import NO_TEACHER, TeacherScores, name_of


@dataclass(frozen=True, slots=True)
class Run:
    """One training run: what to learn from, what to judge by, and where its checkpoint lies."""

    recipe: Recipe
    train: tuple[Sample, ...]
    dev: tuple[Sample, ...]
    folder: Path
    teacher: TeacherScores = NO_TEACHER
    shared_cache: Path | None = None
    """Folder of decoded pictures that several runs share; None: one of its own."""

    @property
    def checkpoint(self) -> Path:
        """The file that --resume goes on from."""
        return self.folder / "checkpoint.pt"

    @property
    def best(self) -> Path:
        """The same of the epoch whose worst dev source was the best."""
        return self.folder / "best.pt"

    @property
    def cache(self) -> Path:
        """The folder of decoded pictures."""
        return self.shared_cache or self.folder / "cache"

    def data_digest(self) -> str:
        """Return a digest of what is learnt from: names, labels, boxes and, where there are any, a teacher's scores."""
        lines = [f"{name_of(s)} {s.presentation} {s.faces}" for s in self.train]
        if self.teacher.scores:
            lines.append(self.teacher.digest())
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def new_network(recipe: Recipe) -> FaceNetwork:
    """Return the network of the recipe with weights from its seed."""
    torch.manual_seed(recipe.optimisation.seed)
    network = FaceNetwork(recipe.model.priors(), Widths(blocks=recipe.model.blocks))
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
    start: Path | None = None,
    on_step: Callable[[], None] = lambda: None,
) -> FaceNetwork:
    """Train to the recipe's end and return the averaged network; a checkpoint is written after every epoch.

    ``resume`` goes on from the run's checkpoint, ``start`` begins with the averaged weights of another one. The epoch
    whose worst dev source is the best yet is kept beside it. AssetError where a checkpoint does not fit the recipe or
    the data.
    """
    state, progress = _begin(run, say, resume=resume, start=start)
    plan = run.recipe.optimisation
    maker = BatchMaker(PictureCache(run.train, run.cache), run.recipe, run.teacher)
    started, before = time.monotonic(), progress.minutes
    for epoch in range(progress.epoch, plan.epochs):
        minutes = before + (time.monotonic() - started) / 60
        if progress.ended:
            break
        if minutes > plan.minutes:
            say(f"stopped before epoch {epoch + 1} of {plan.epochs}: {minutes:.0f} minutes are used up")
            break
        began = time.monotonic()
        first = epoch * plan.steps_per_epoch
        losses = _epoch(state, prefetch(maker, first, first + plan.steps_per_epoch), run.recipe, first, on_step)
        speed = plan.steps_per_epoch * plan.batch / (time.monotonic() - began)
        development = judged_on_dev(run.dev, state.average.network, run.recipe)
        progress = dataclasses.replace(
            after_epoch(progress, development, epoch + 1, plan),
            minutes=before + (time.monotonic() - started) / 60,
            presentations=progress.presentations + plan.steps_per_epoch * plan.batch,
        )
        # The best first: a run cut off between the two does this epoch again and writes both.
        for path in (run.best,) * (progress.best_epoch == epoch + 1) + (run.checkpoint,):
            save_checkpoint(path, progress, state.network, state.average, state.optimiser)
        say(f"epoch {epoch + 1}/{plan.epochs} {losses} {speed:.0f} img/s {development.line()}")
        if progress.ended and epoch + 1 < plan.epochs:
            say(
                f"stopped early: the worst dev source was best after epoch {progress.best_epoch} "
                f"({progress.best_auc:.3f})"
            )
    averaged: FaceNetwork = state.average.network
    return averaged


@dataclass(frozen=True, slots=True)
class Chosen:
    """The averaged weights that become the model, how far their epoch was, and how far the run is."""

    network: FaceNetwork
    progress: Progress
    last: Progress


def chosen(run: Run) -> Chosen:
    """Return the weights that the recipe chooses of a run's checkpoints; AssetError where there is none that fits."""
    network = new_network(run.recipe)
    average = Average(network, run.recipe.optimisation.average_decay)
    last = load_checkpoint(run.checkpoint, network, average, None)
    if run.recipe.judgement.export is Export.LAST or last.best_epoch in (0, last.epoch):
        return Chosen(average.network, last, last)
    return Chosen(average.network, load_checkpoint(run.best, network, average, None), last)


@dataclass(frozen=True, slots=True)
class _State:
    """What a step changes."""

    network: FaceNetwork
    average: Average[FaceNetwork]
    optimiser: torch.optim.Optimizer


def _begin(run: Run, say: Callable[[str], None], *, resume: bool, start: Path | None) -> tuple[_State, Progress]:
    plan = run.recipe.optimisation
    torch.set_num_threads(plan.threads)
    device = device_of(plan.device)
    network = new_network(run.recipe)
    progress = Progress(0, run.data_digest(), 0.0, 0)
    if start is not None and not resume:
        earlier, fresh, dropped = start_from(start, network)
        progress = dataclasses.replace(progress, presentations=earlier.presentations)
        if fresh:
            say(f"{start}: lacks {', '.join(fresh)}; they start from the seed")
        if dropped:
            say(f"{start}: has {', '.join(dropped)}, which this network lacks; they are dropped")
    network = network.to(device)
    average = Average(network, plan.average_decay)
    optimiser = torch.optim.AdamW(network.parameters(), lr=plan.peak_rate, weight_decay=plan.weight_decay)
    if resume:
        progress = load_checkpoint(run.checkpoint, network, average, optimiser)
        if progress.data != run.data_digest():
            raise AssetError(
                f"{run.checkpoint}: was made on other data than given now; give the same, or do not resume"
            )
    return _State(network, average, optimiser), progress


def after_epoch(progress: Progress, development: Development, epoch: int, plan: Optimisation) -> Progress:
    """Return the progress after ``epoch``: whether it is the best yet, and whether it is the last."""
    best_epoch, best_auc = progress.best_epoch, progress.best_auc
    # Without a source that has both classes there is nothing to choose by: the last is kept.
    if development.worst_auc is None or development.worst_auc > best_auc or best_epoch == 0:
        best_epoch, best_auc = epoch, development.worst_auc or 0.0
    impatient = 0 < plan.patience_epochs <= epoch - best_epoch
    return dataclasses.replace(
        progress, epoch=epoch, best_epoch=best_epoch, best_auc=best_auc, ended=impatient or epoch >= plan.epochs
    )


def _epoch(state: _State, batches: Iterator[Batch], recipe: Recipe, first: int, on_step: Callable[[], None]) -> str:
    state.network.train()
    sums, made, refused = torch.zeros(len(TERMS)), 0, 0
    for step, batch in enumerate(batches, first):
        for group in state.optimiser.param_groups:
            group["lr"] = learning_rate(step, recipe.optimisation)
        terms = train_step(state.network, state.optimiser, batch, recipe)
        if torch.isfinite(terms).all():
            sums, made = sums + terms, made + 1
        else:
            refused += 1
        state.average.update(state.network)
        on_step()
    means = " ".join(f"{name} {mean:.3f}" for name, mean in zip(TERMS, (sums / max(made, 1)).tolist(), strict=True))
    return f"{means} ({refused} steps not made: gradient not finite)" if refused else means
