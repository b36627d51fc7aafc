"""What published networks say of the cut-outs: their answers and, of the one that sees the same crop, its embedding.

They were trained on far more people, cameras and rooms than any set at hand has. Learning from their outputs is
distillation (Hinton, Vinyals, Dean, 2015; of embeddings: Romero et al., FitNets, ICLR 2015). None of their weights
ships; the licence of each must allow learning from its outputs and is printed on the card.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from livegate.detect.crop_manifest import Crop, CropRule, Resize
from livegate.detect.crop_rule import crop
from livegate.errors import AssetError
from livegate_tools.train.crop.cutouts import Cutouts
from livegate_tools.train.crop.recipe import Model
from livegate_tools.train.reading import read_picture
from livegate_tools.train.samples import Sample

_BATCH = 32
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Lessons:
    """``embeddings`` (N, V, E) float32, standardised, or None; ``opinions`` (N,) log-odds of bona fide, teachers' mean.

    ``taught_by`` names them with their licences.
    """

    embeddings: NDArray[np.float16] | None
    opinions: Floats
    taught_by: tuple[str, ...]


class Teacher:
    """One published crop classifier with its card: crop rule ``shift``, B, G, R on 0..255, class logits out."""

    def __init__(self, card: Path, threads: int) -> None:
        """Open the network beside ``card``; AssetError when the card lacks what is needed."""
        try:
            told: dict[str, Any] = json.loads(card.read_text("utf-8"))
            self.name, self.licence = str(told["name"]), str(told["licence"])
            self.size = int(told["input"]["shape"][-1])
            self.crop = Crop(float(told["crop"]["scale"]), CropRule.SHIFT, Resize.LINEAR)
            self._bona_fide = int(told["bona_fide_index"])
            model = onnx.load(card.parent / told["file"])
        except (OSError, ValueError, KeyError, TypeError) as exc:
            raise AssetError(f"{card}: no card of a teacher ({exc!r}); expected name, file, input, crop") from exc
        # What the last layer multiplies is the embedding.
        self._embedding = model.graph.node[-1].input[0]
        model.graph.output.append(onnx.helper.make_tensor_value_info(self._embedding, onnx.TensorProto.FLOAT, None))
        for value in (*model.graph.input, *model.graph.output[:1]):
            value.type.tensor_type.shape.dim[0].dim_param = "batch"
        del model.graph.value_info[:]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self._names = [model.graph.output[0].name, self._embedding]
        self._input = model.graph.input[0].name

    def sees_as(self, model: Model) -> bool:
        """Whether it looks at the crop that ``model`` looks at."""
        return self.crop.scale == model.crop.scale and self.crop.rule is model.crop.rule and self.size == model.size

    def ask(self, pictures: NDArray[np.uint8]) -> tuple[Floats, Floats]:
        """Return log-odds of bona fide (B,) and embeddings (B, E) of (B, size, size, 3) uint8 B, G, R pictures."""
        planes = np.ascontiguousarray(pictures.transpose(0, 3, 1, 2), dtype=np.float32)
        logits, embedding = self._session.run(self._names, {self._input: planes})
        others = np.delete(logits, self._bona_fide, axis=1)
        return logits[:, self._bona_fide] - np.logaddexp.reduce(others, axis=1), embedding


def open_teachers(folder: Path, threads: int) -> list[Teacher]:
    """Return the teachers whose cards lie in ``folder`` or one below; AssetError when there is none."""
    cards = [path for path in sorted(folder.rglob("*.json")) if "bona_fide_index" in path.read_text("utf-8")]
    if not cards:
        raise AssetError(f"{folder}: expected cards (.json) of crop classifiers with 'bona_fide_index', found none")
    return [Teacher(card, threads) for card in cards]


def learn_from(
    teachers: Sequence[Teacher], cutouts: Cutouts, model: Model, folder: Path, say: Callable[[str], None]
) -> Lessons:
    """Ask every teacher about every face, and the one that sees the same crop about every variant of it; cached."""
    named = tuple(f"{teacher.name} ({teacher.licence})" for teacher in teachers)
    kept = folder / "lessons.npz"
    if not _still_true(kept, folder / "cutouts.json", named):
        alike = next((teacher for teacher in teachers if teacher.sees_as(model)), None)
        opinions = _opinions(teachers, cutouts.samples, say)
        embeddings = np.zeros((0,)) if alike is None else _embeddings(alike, cutouts, say)
        np.savez(kept, opinions=opinions, embeddings=embeddings.astype(np.float16), named=np.array(named))
    with np.load(kept) as found:
        embedded, opinions_found = found["embeddings"], found["opinions"].astype(np.float32)
    return Lessons(embedded if embedded.ndim == 3 else None, opinions_found, named)


def _still_true(kept: Path, cutouts: Path, named: tuple[str, ...]) -> bool:
    """Whether what was kept is of these teachers and of cut-outs that were not made anew since."""
    if not kept.is_file() or kept.stat().st_mtime < cutouts.stat().st_mtime:
        return False
    with np.load(kept) as found:
        return "named" in found and tuple(found["named"].tolist()) == named


def _opinions(teachers: Sequence[Teacher], samples: Sequence[Sample], say: Callable[[str], None]) -> Floats:
    """Return the mean of the teachers' log-odds for every sample, each looking at its own crop."""
    found = np.zeros(len(samples), np.float32)
    for first in range(0, len(samples), _BATCH):
        part = samples[first : first + _BATCH]
        images = [read_picture(sample.path) for sample in part]
        said = [
            teacher.ask(
                np.stack(
                    [
                        crop(image, sample.faces[0], teacher.crop, teacher.size, teacher.size)
                        for image, sample in zip(images, part, strict=True)
                    ]
                )
            )[0]
            for teacher in teachers
        ]
        found[first : first + len(part)] = np.mean(said, axis=0)
        if first % (100 * _BATCH) == 0:
            say(f"teachers asked about {first} of {len(samples)}")
    return found


def _embeddings(teacher: Teacher, cutouts: Cutouts, say: Callable[[str], None]) -> Floats:
    rows = []
    for first in range(0, len(cutouts.samples), _BATCH):
        part = cutouts.pictures[first : first + _BATCH]
        flat = teacher.ask(part.reshape(-1, *part.shape[2:]))[1]
        rows.append(flat.reshape(*part.shape[:2], -1))
        if first % (100 * _BATCH) == 0:
            say(f"{teacher.name} embeds {first} of {len(cutouts.samples)}")
    found: Floats = np.concatenate(rows)
    spread = found[:, 0].std(axis=0) + 1e-3
    return np.asarray((found - found[:, 0].mean(axis=0)) / spread, np.float32)
