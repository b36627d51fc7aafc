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
from livegate_tools.train.checkpoint import Average, load_checkpoint
from livegate_tools.train.export import Training, export_onnx, manifest_text, onnx_inference
from livegate_tools.train.figures import SourceFigures, by_source, source_figures
from livegate_tools.train.judge import Judged, judge
from livegate_tools.train.loop import Run, new_network, thinned, train
from livegate_tools.train.recipe import read_recipe
from livegate_tools.train.revision import commit
from livegate_tools.train.samples import Split, of_split, read_data, read_manifest, require_both_classes

MANIFEST = "manifest.jsonl"


@dataclass(frozen=True, slots=True)
class Session:
    """A run whose data has been found and looked over."""

    run: Run

    @classmethod
    def open(cls, config: Path, data: Path, simulated: Sequence[Path], out: Path) -> Self:
        """Read recipe and indices; ConfigError or AssetError say what is missing, expected and found."""
        recipe = read_recipe(config)
        samples = read_data(data)
        for folder in simulated:
            samples += read_manifest(folder / MANIFEST)
        learnt, dev = of_split(samples, Split.TRAIN), of_split(samples, Split.DEV)
        require_both_classes(learnt, "split train")
        require_both_classes(dev, "split dev")
        return cls(Run(recipe, tuple(learnt), tuple(dev), out))

    def train(self, say: Callable[[str], None], *, resume: bool = False, start_from: Path | None = None) -> None:
        """Train to the end of the schedule, saying one line an epoch."""
        # The batches are made in one thread of their own; OpenCV's would fight PyTorch's for the cores.
        cv2.setNumThreads(1)
        plan = self.run.recipe.optimisation
        with Progress("training", plan.epochs * plan.steps_per_epoch) as bar:

            def say_above(line: str) -> None:
                bar.clear()
                say(line)

            train(self.run, say_above, resume=resume, start_from=start_from, on_step=bar.advance)

    def publish(self) -> Path:
        """Export the checkpoint's averaged weights, measure the exported file, write manifest and card beside it."""
        run, recipe = self.run, self.run.recipe
        network = new_network(recipe)
        average = Average(network, recipe.optimisation.average_decay)
        progress = load_checkpoint(run.checkpoint, network, average, None)
        folder = run.folder / "model"
        folder.mkdir(parents=True, exist_ok=True)
        exported = export_onnx(average.network, recipe, folder / f"{recipe.model.name}.onnx")
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
            presentations=progress.presentations,
            presentations_before=progress.presentations
            - progress.epoch * recipe.optimisation.steps_per_epoch * recipe.optimisation.batch,
        )

        def figures(results: Sequence[Judged]) -> tuple[SourceFigures, ...]:
            return tuple(source_figures(name, rows, point.calibration) for name, rows in by_source(results).items())

        measured = Measured(exported, recipe, point, training, figures(dev), figures(seen), run.train, run.dev)
        (folder / "manifest.toml").write_text(manifest_text(exported, recipe, point, training), encoding="utf-8")
        (folder / "CARD.md").write_text(card_text(measured), encoding="utf-8")
        return folder
