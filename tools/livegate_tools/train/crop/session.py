"""One use of the trainer of crop classifiers: from the command line's paths to a model folder.

Or to the report of what happens on a source that was left out.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Self

import numpy as np
import torch

from livegate.errors import AssetError, ConfigError
from livegate_tools.train.crop.card import card_text
from livegate_tools.train.crop.cutouts import Cutouts, cut_out
from livegate_tools.train.crop.export import export_onnx, manifest_text
from livegate_tools.train.crop.judge import log_odds, rankings
from livegate_tools.train.crop.left_out import LeftOut, summary
from livegate_tools.train.crop.loop import Lectern, learn, new_network
from livegate_tools.train.crop.network import CropNetwork
from livegate_tools.train.crop.recipe import Recipe, read_recipe
from livegate_tools.train.crop.teachers import Lessons, learn_from, open_teachers
from livegate_tools.train.revision import commit
from livegate_tools.train.samples import Presentation, Sample, Split, read_all, require_both_classes

LEFT_OUT = "left_out.json"
WEIGHTS = "weights.pt"
_LEAST_FACE_PX = 16.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Session:
    """A run whose data has been found, cut out and, with teachers, been asked about."""

    recipe: Recipe
    cutouts: Cutouts
    lessons: Lessons | None
    out: Path

    @classmethod
    def open(
        cls,
        config: Path,
        data: Path | None,
        simulated: Sequence[Path],
        out: Path,
        teachers: Path | None,
        say: Say,
        jobs: int,
    ) -> Self:
        """Read recipe and indices and prepare the faces; ConfigError or AssetError say what is missing."""
        recipe = read_recipe(config)
        samples = read_all(data, simulated)
        kept = [_as_presentation(sample) for sample in samples if _usable(sample)]
        for split in (Split.TRAIN, Split.DEV):
            require_both_classes((sample for sample in kept if sample.split is split), f"split {split}")
        cutouts = cut_out(kept, recipe, out, say, jobs)
        lessons = None
        if teachers is not None:
            opened = open_teachers(teachers, recipe.optimisation.threads)
            lessons = learn_from(opened, cutouts, recipe.model, out, say)
        return cls(recipe, cutouts, lessons, out)

    def train(self, say: Say) -> None:
        """Train the model that ships; its weights stay in the run's folder."""
        network = self._learn(self._of(Split.TRAIN), self.recipe, say)
        torch.save(network.state_dict(), self.out / WEIGHTS)

    def publish(self) -> Path:
        """Write the folder of the model that was trained: ONNX, manifest and card; AssetError where there is none."""
        learnt, dev = self._of(Split.TRAIN), self._of(Split.DEV)
        network = self._trained()
        folder = self.out / "model"
        folder.mkdir(parents=True, exist_ok=True)
        exported = export_onnx(network, self.recipe, folder / f"{self.recipe.model.name}.onnx")
        samples = self.cutouts.samples
        sources = list(dict.fromkeys(samples[i].source for i in learnt))
        plan = self.recipe.optimisation
        training: dict[str, object] = {
            "data": sources,
            "teachers": [] if self.lessons is None else list(self.lessons.taught_by),
            "seed": plan.seed,
            "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
            "commit": commit(),
            "steps": plan.steps,
            "presentations": plan.steps * plan.batch,
        }
        (folder / "manifest.toml").write_text(manifest_text(exported, self.recipe, training), encoding="utf-8")
        odds = log_odds(network, self.cutouts, dev, self.recipe.model)
        ranked = rankings([samples[i] for i in dev], odds)
        (folder / "CARD.md").write_text(
            card_text(exported, self.recipe, training, ranked, self._left_out(), samples), encoding="utf-8"
        )
        return folder

    def _trained(self) -> CropNetwork:
        network, path = new_network(self.recipe, self._imitated), self.out / WEIGHTS
        try:
            network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        except OSError as exc:
            raise AssetError(f"{path}: cannot be read ({exc.strerror}); train first, without --export-only") from exc
        except (RuntimeError, ValueError, EOFError, UnpicklingError) as exc:
            raise AssetError(f"{path}: is not of this recipe's network; train again") from exc
        return network.eval()

    @property
    def _imitated(self) -> int:
        embedded = None if self.lessons is None else self.lessons.embeddings
        return 0 if embedded is None else int(embedded.shape[2])

    def leave_out(self, sources: Sequence[str], seeds: Sequence[int], say: Say) -> tuple[LeftOut, ...]:
        """Train without each source and all that was made of it, once a seed, and rank what was left out."""
        found = []
        for source in sources:
            for seed in seeds:
                say(f"without {source}, seed {seed}")
                found.append(self._without(source, seed, say))
                kept = [dataclasses.asdict(result) for result in found]
                (self.out / LEFT_OUT).write_text(json.dumps(kept, indent=1), encoding="utf-8")
        say(summary(found))
        return tuple(found)

    def _without(self, source: str, seed: int, say: Say) -> LeftOut:
        samples = self.cutouts.samples
        held = [i for i, sample in enumerate(samples) if sample.source == source]
        if not held:
            known = ", ".join(sorted({sample.source for sample in samples}))
            raise ConfigError(f"--leave-out {source}: no picture is of that source; there are {known}")
        learnt = [i for i in self._of(Split.TRAIN) if not samples[i].comes_from(source)]
        require_both_classes((samples[i] for i in learnt), f"without {source}")
        plan = dataclasses.replace(self.recipe.optimisation, seed=seed)
        network = self._learn(learnt, dataclasses.replace(self.recipe, optimisation=plan), say)
        others = [i for i in self._of(Split.DEV) if not samples[i].comes_from(source)]
        chosen = held + others
        odds = log_odds(network, self.cutouts, chosen, self.recipe.model)
        return LeftOut.measured(source, seed, [samples[i] for i in chosen], odds)

    def _learn(self, learnt: Sequence[int], recipe: Recipe, say: Say) -> CropNetwork:
        lectern = Lectern(self.cutouts, self.lessons, learnt, recipe)
        return learn(lectern, recipe, self._imitated, say)

    def _of(self, split: Split) -> list[int]:
        return [i for i, sample in enumerate(self.cutouts.samples) if sample.split is split]

    def _left_out(self) -> list[LeftOut]:
        path = self.out / LEFT_OUT
        return [LeftOut(**row) for row in json.loads(path.read_text("utf-8"))] if path.is_file() else []


def _usable(sample: Sample) -> bool:
    if sample.presentation is Presentation.BACKGROUND or not sample.faces or sample.split is Split.TEST:
        return False
    face = sample.faces[0]
    return bool(np.isfinite([face.x, face.y, face.w, face.h]).all() and min(face.w, face.h) >= _LEAST_FACE_PX)


def _as_presentation(sample: Sample) -> Sample:
    """A portrait of the kind people put on the web is no attack: it stands for ordinary photographs."""
    if sample.presentation is Presentation.PORTRAIT:
        return dataclasses.replace(sample, presentation=Presentation.BONA_FIDE)
    return sample
