"""Describe labelled captures, as they are and as other cameras would show them, in several processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livegate.decide.fitting import Labels
from livegate.errors import LivegateError, PictureError
from livegate.progress import Progress
from livegate_tools.train.cue_evidence import jittered
from livegate_tools.train.reading import read_picture
from livegate_tools.train.samples import Presentation, Sample, Split, read_manifest
from livegate_tools.train.weights.common import Learner, Picture, Rows, Weights, basis_of, find_learner
from livegate_tools.train.weights.views import cut, shown_otherwise
from livegate_tools.workers import each

# Enough pictures to learn a basis from: what is learnt without labels has few numbers.
_BASIS_PICTURES = 2000


@dataclass(frozen=True, slots=True)
class Described:
    """Rows (N, D) float32 of views of captures, each with its capture's sample; ``unmeasured`` captures gave none."""

    rows: Rows
    samples: tuple[Sample, ...]
    plain: NDArray[np.bool_]
    """Which rows show the capture as it is, (N,)."""
    unmeasured: int

    @property
    def labels(self) -> Labels:
        """The labels of the rows."""
        return Labels(
            tuple(species_of(sample) for sample in self.samples),
            tuple(sample.source for sample in self.samples),
            tuple(sample.subject for sample in self.samples),
        )

    def take(self, rows: NDArray[np.bool_]) -> Described:
        """Return those rows alone."""
        kept = np.flatnonzero(rows)
        return Described(self.rows[kept], tuple(self.samples[k] for k in kept), self.plain[kept], self.unmeasured)


def species_of(sample: Sample) -> str | None:
    """Return the kind of attack, None where the capture is bona fide."""
    return None if sample.presentation is Presentation.BONA_FIDE else sample.species or "unspecified"


def captures(manifests: Sequence[Path], split: Split) -> list[Sample]:
    """Return the captures with a face of a split; of a manifest without that split, all but those of ``test``.

    AssetError names the line of a wrong value, LivegateError the manifests that lack one of the classes.
    """
    found = []
    for path in manifests:
        labelled = (Presentation.BONA_FIDE, Presentation.ATTACK)
        samples = [sample for sample in read_manifest(path) if sample.presentation in labelled]
        of_split = [sample for sample in samples if sample.split is split]
        found += of_split or [sample for sample in samples if sample.split is not Split.TEST]
    alive = sum(sample.presentation is Presentation.BONA_FIDE for sample in found)
    if not 0 < alive < len(found):
        counted = f"{alive} bona fide, {len(found) - alive} attacks"
        raise LivegateError(f"{', '.join(map(str, manifests))}: expected both classes, found {counted}")
    return found


def drawn(samples: Sequence[Sample], most: int, seed: int) -> list[Sample]:
    """Return at most ``most`` of the captures: of every subject, as everything it is presented as, like many."""
    taken: Counter[tuple[str, str | None, str]] = Counter()
    turns = []
    for index in np.random.default_rng(seed).permutation(len(samples)):
        sample = samples[index]
        group = (sample.source, species_of(sample), sample.subject)
        turns.append((taken[group], int(index)))
        taken[group] += 1
    # Sorting keeps the drawn order among those of one turn.
    first = sorted(turns, key=lambda turn: turn[0])[:most]
    return [samples[index] for index in sorted(index for _, index in first)]


def basis(name: str, samples: Sequence[Sample], seed: int) -> Weights:
    """Return what the learner of cue ``name`` learns from some of the captures without their labels."""
    learner = find_learner(name)
    if not hasattr(learner, "prepared"):
        return {}
    rng = np.random.default_rng([seed, 0])
    some = rng.permutation(len(samples))[:_BASIS_PICTURES]
    pictures = (_picture(samples[index]) for index in some)
    return basis_of(learner, [shown_otherwise(p, rng) for p in pictures if p is not None], seed)


def describe(
    name: str, samples: Sequence[Sample], basis: Weights, seed: int, jobs: int = 1, views: int | None = None
) -> Described:
    """Return the rows of every capture: as it is, and ``views`` (the learner's VIEWS) otherwise; alike for all jobs."""
    shown = find_learner(name).VIEWS if views is None else views
    rows, kept, plain, unmeasured = [], [], [], 0
    with Progress(f"describe {name}", len(samples)) as progress:
        work = each(enumerate(samples), partial(_open, name, basis, seed, shown), jobs)
        for sample, found in zip(samples, work, strict=True):
            progress.advance()
            unmeasured += not found
            for view, row in found:
                rows.append(row)
                kept.append(sample)
                plain.append(view == 0)
    if not rows:
        raise LivegateError(f"train cue {name}: none of {len(samples)} captures could be measured; see their boxes")
    return Described(np.stack(rows), tuple(kept), np.array(plain), unmeasured)


Found = list[tuple[int, Rows]]


def _open(name: str, basis: Weights, seed: int, views: int) -> _Worker:
    return _Worker(find_learner(name), basis, seed, views)


@dataclass(frozen=True, slots=True)
class _Worker:
    learner: Learner
    basis: Weights
    seed: int
    views: int

    def __call__(self, numbered: tuple[int, Sample]) -> Found:
        number, sample = numbered
        rng = np.random.default_rng([self.seed, number])
        picture = _picture(sample)
        if picture is None:
            return []
        found = []
        for view in range(1 + self.views):
            image, box = shown_otherwise(picture, rng) if view else picture
            row = self.learner.described(image, jittered(box, rng), self.basis)
            if row is not None and np.isfinite(row).all():
                found.append((view, np.asarray(row, np.float32)))
        return found


def _picture(sample: Sample) -> Picture | None:
    try:
        return cut(read_picture(sample.path), sample.faces[0])
    except PictureError:
        return None
