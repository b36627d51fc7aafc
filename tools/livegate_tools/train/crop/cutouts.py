"""Every face cut out and photographed in several ways, in one file on disk: an epoch then costs no decoding.

Variant 0 is exactly what the terminal would see; the others stray from the box as a detector does and go through
another camera (``livegate_tools.train.augment.photograph``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.detect.crop_rule import crop, cut, resized
from livegate.types import Box
from livegate_tools.train.augment import photograph
from livegate_tools.train.crop.recipe import Recipe
from livegate_tools.train.reading import read_picture
from livegate_tools.train.samples import Sample

Pictures = NDArray[np.uint8]
_CHUNK = 64
_FORMAT = 3


@dataclass(frozen=True, slots=True)
class Cutouts:
    """``pictures`` (N, 1 + variants, size, size, 3) uint8 B, G, R on disk, in the order of ``samples``."""

    samples: tuple[Sample, ...]
    pictures: Pictures


def cut_out(samples: Sequence[Sample], recipe: Recipe, folder: Path, say: Callable[[str], None], jobs: int) -> Cutouts:
    """Return the cut-outs of ``samples``, made anew where ``folder`` holds those of other samples or another recipe."""
    size, variants = recipe.model.size, recipe.variants.count + 1
    folder.mkdir(parents=True, exist_ok=True)
    path, index = folder / "cutouts.npy", folder / "cutouts.json"
    digest = _digest(samples, recipe)
    if not (path.is_file() and index.is_file() and json.loads(index.read_text())["digest"] == digest):
        index.unlink(missing_ok=True)
        np.lib.format.open_memmap(path, "w+", np.uint8, (len(samples), variants, size, size, 3)).flush()
        chunks = [(path, recipe, first, samples[first : first + _CHUNK]) for first in range(0, len(samples), _CHUNK)]
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            for done, _ in enumerate(pool.map(_fill, chunks), 1):
                if done % 50 == 0 or done == len(chunks):
                    say(f"faces cut out: {min(done * _CHUNK, len(samples))} of {len(samples)}")
        index.write_text(json.dumps({"digest": digest}), encoding="utf-8")
    return Cutouts(tuple(samples), np.load(path, mmap_mode="r"))


def _digest(samples: Sequence[Sample], recipe: Recipe) -> str:
    lines = [f"{_FORMAT} {recipe.model} {recipe.variants} {recipe.optimisation.seed}"]
    lines += [f"{sample.path} {sample.faces[0]}" for sample in samples]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _fill(task: tuple[Path, Recipe, int, Sequence[Sample]]) -> None:
    path, recipe, first, samples = task
    cv2.setNumThreads(1)
    pictures = np.load(path, mmap_mode="r+")
    for place, sample in enumerate(samples, first):
        pictures[place] = variants_of(
            read_picture(sample.path), sample.faces[0], recipe, (recipe.optimisation.seed, place)
        )
    pictures.flush()


def variants_of(image: Pictures, box: Box, recipe: Recipe, seed: tuple[int, ...]) -> Pictures:
    """Return (1 + variants, size, size, 3) uint8 of one face; the same arguments give the same bytes."""
    model, plan = recipe.model, recipe.variants
    found = [crop(image, box, model.crop, model.size, model.size)]
    for number in range(plan.count):
        rng = np.random.default_rng((*seed, number))
        part = _within(cut(image, _stray(rng, box, plan.box_scale, plan.box_shift), model.crop), plan.region_px)
        shot = photograph(rng, _mirrored(rng, part), plan.jitter)
        found.append(resized(shot, model.crop, model.size, model.size))
    return np.stack(found)


def _mirrored(rng: np.random.Generator, image: Pictures) -> Pictures:
    return np.ascontiguousarray(image[:, ::-1]) if rng.random() < 0.5 else image


def _stray(rng: np.random.Generator, box: Box, scale: float, shift: float) -> Box:
    grow = float(np.exp(rng.normal(0, scale)))
    w, h = (side * grow * float(np.exp(rng.normal(0, scale / 3))) for side in (box.w, box.h))
    x, y = box.x + box.w / 2 + rng.normal(0, shift) * box.w, box.y + box.h / 2 + rng.normal(0, shift) * box.h
    return Box(float(x) - w / 2, float(y) - h / 2, w, h)


def _within(part: Pictures, most: int) -> Pictures:
    height, width = part.shape[:2]
    factor = most / max(height, width)
    if factor >= 1:
        return part
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
