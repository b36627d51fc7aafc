"""One use of the trainer, from the command line's paths to a finished model folder."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import cv2

from livegate.config import DecisionPolicy
from livegate.progress import Progress
from livegate_tools.train.calibrate import operating_point
from livegate_tools.train.card import Measured, card_text
from livegate_tools.train.development import thinned
from livegate_tools.train.export import Training, export_onnx, manifest_text, onnx_inference
from livegate_tools.train.figures import SourceFigures, by_source, source_figures
from livegate_tools.train.judge import Judged, judge
from livegate_tools.train.leave_out import REPORT, leave_out, table
from livegate_tools.train.loop import Run, chosen, train
from livegate_tools.train.recipe import read_recipe
from livegate_tools.train.revision import commit
from livegate_tools.train.samples import Split, of_split, read_all, require_both_classes
from livegate_tools.train.teacher import NO_TEACHER, name_of, read_teacher


@dataclass(frozen=True, slots=True)
class Session:
    """A run whose data has been found and looked over."""

    run: Run

    @classmethod
    def open(
        cls, config: Path, data: Path | None, simulated: Sequence[Path], out: Path, teacher: Path | None = None
    ) -> Self:
        """Read recipe, indices and a teacher's scores; ConfigError or AssetError say what is missing or wrong."""
        recipe = read_recipe(config)
        samples = read_all(data, simulated)
        learnt, dev = of_split(samples, Split.TRAIN), of_split(samples, Split.DEV)
        require_both_classes(learnt, "split train")
        require_both_classes(dev, "split dev")
        scores = NO_TEACHER if teacher is None else read_teacher(teacher)
        return cls(Run(recipe, tuple(learnt), tuple(dev), out, scores))

    def train(self, say: Callable[[str], None], *, resume: bool = False, start: Path | None = None) -> None:
        """Train to the end of the schedule, saying one line an epoch."""
        # The batches are made in one thread of their own; OpenCV's would fight PyTorch's for the cores.
        cv2.setNumThreads(1)
        plan = self.run.recipe.optimisation
        with Progress("training", plan.epochs * plan.steps_per_epoch) as bar:

            def say_above(line: str) -> None:
                bar.clear()
                say(line)

            train(self.run, say_above, resume=resume, start=start, on_step=bar.advance)

    def leave_out(self, sources: Sequence[str], seeds: Sequence[int], say: Callable[[str], None]) -> Path:
        """Train without each source and report what happens on it; return the report."""
        cv2.setNumThreads(1)
        self.run.folder.mkdir(parents=True, exist_ok=True)
        say(table(leave_out(self.run, sources, seeds, say)))
        return self.run.folder / f"{REPORT}.md"

    def publish(self) -> Path:
        """Export the averaged weights, measure the exported file, write manifest and card beside it.

        The recipe says whether those of the best epoch or of the last one.
        """
        run, recipe = self.run, self.run.recipe
        weights = chosen(run)
        progress = weights.progress
        folder = run.folder / "model"
        folder.mkdir(parents=True, exist_ok=True)
        exported = export_onnx(weights.network, recipe, folder / f"{recipe.model.name}.onnx")
        infer = onnx_inference(exported.path)
        dev = list(judge(run.dev, infer, recipe))
        seen = list(judge(thinned(run.train, recipe.judgement.evaluation_limit), infer, recipe))
        point = operating_point(dev, DecisionPolicy())
        training = Training(
            data=tuple(dict.fromkeys(sample.source for sample in run.train)),
            splits=(Split.TRAIN.value,),
            seed=recipe.optimisation.seed,
            date=datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
            commit=commit(),
            epochs=progress.epoch,
            epochs_planned=recipe.optimisation.epochs,
            epochs_run=weights.last.epoch,
            ended=weights.last.ended or weights.last.epoch >= recipe.optimisation.epochs,
            chosen=progress.epoch == weights.last.best_epoch,
            presentations=progress.presentations,
            presentations_before=progress.presentations
            - progress.epoch * recipe.optimisation.steps_per_epoch * recipe.optimisation.batch,
            teachers=tuple(f"{model.name} ({model.licence})" for model in run.teacher.models),
            taught=len(run.teacher.scores.keys() & {name_of(sample) for sample in run.train}),
        )

        def figures(results: Sequence[Judged]) -> tuple[SourceFigures, ...]:
            return tuple(source_figures(name, rows, point.calibration) for name, rows in by_source(results).items())

        measured = Measured(exported, recipe, point, training, figures(dev), figures(seen), run.train, run.dev)
        (folder / "manifest.toml").write_text(manifest_text(exported, recipe, point, training), encoding="utf-8")
        (folder / "CARD.md").write_text(card_text(measured), encoding="utf-8")
        return folder
