"""Measure one cue on labelled captures, in several processes, each face's box off as a detector's would be."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from livegate.cues.protocol import Cue, all_cues
from livegate.decide.fitting import Labels
from livegate.errors import ConfigError, LivegateError, PictureError
from livegate.progress import Progress
from livegate.samples.frames import read_frame_sets
from livegate.samples.manifest import BadLine, Sample, read_manifest
from livegate.scorers import DETECTOR
from livegate.types import Box, Face, Observation
from livegate_tools.workers import each

# A detector's box lies this far off the true one (shares of its size, standard deviation); the cue must bear it.
_BOX_JITTER = 0.05

Row = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """A cue's numbers over N captures, (N, features) float64, with their labels; ``unmeasured`` had none."""

    values: NDArray[np.float64]
    labels: Labels
    unmeasured: int

    def take(self, rows: NDArray[np.bool_]) -> Evidence:
        """Return those captures alone."""
        return Evidence(self.values[rows], self.labels.take(rows), self.unmeasured)


def jittered(box: Box, rng: np.random.Generator) -> Box:
    """Return the box as a detector would have found it."""
    dx, dy, dw, dh = rng.normal(0.0, _BOX_JITTER, 4)
    return Box(box.x + dx * box.w, box.y + dy * box.h, box.w * math.exp(dw), box.h * math.exp(dh))


def find_cue(name: str) -> Cue:
    """Return the cue of a name; ConfigError lists those there are.

    The detector is none of them: its scorer stands in the face network's own manifest.
    """
    cues = {known: cue for known, cue in all_cues() if known != DETECTOR}
    if name not in cues:
        raise ConfigError(f"cue '{name}': there is none; known are {', '.join(cues)}")
    return cast(Cue, cues[name])


def measure(name: str, manifests: Sequence[Path], seed: int, jobs: int = 1) -> Evidence:
    """Measure the cue ``name`` on every capture with a face box and all its sensors; the same whatever ``jobs``.

    Raises LivegateError when one of the two classes is missing, ConfigError for a line that is no sample.
    """
    cue = find_cue(name)
    samples = [entry for path in manifests for entry in _samples(path) if _roles_of(entry) >= cue.NEEDS]
    with Progress(f"measure {name}", len(samples)) as progress:
        rows = []
        for row in each(samples, partial(_open, name, seed), jobs):
            rows.append(row)
            progress.advance()
    both = [(sample, row) for sample, row in zip(samples, rows, strict=True) if row is not None]
    labels = Labels(
        tuple(sample.pai_species for sample, _ in both),
        tuple(sample.source for sample, _ in both),
        tuple(sample.subject or f"{sample.source}/{sample.id}" for sample, _ in both),
    )
    alive = int(labels.bona_fide.sum())
    if not 0 < alive < len(both):
        counted = f"{alive} bona fide, {len(both) - alive} attacks"
        raise LivegateError(f"{', '.join(map(str, manifests))}: expected both classes measured, found {counted}")
    return Evidence(np.array([row for _, row in both]), labels, len(samples) - len(both))


def _samples(path: Path) -> list[Sample]:
    samples = []
    for entry in read_manifest(path):
        if isinstance(entry, BadLine):
            raise ConfigError(f"{path}: line {entry.line}: {entry.problem}; mend it or leave it out")
        if entry.face is not None:
            samples.append(entry)
    return samples


def _roles_of(sample: Sample) -> frozenset[str]:
    return frozenset(role for moment in sample.moments for role in moment.paths)


def _open(name: str, seed: int) -> Callable[[Sample], Row | None]:
    return partial(_measure, find_cue(name), seed)


def _measure(cue: Cue, seed: int, sample: Sample) -> Row | None:
    box = sample.face
    if box is None:
        return None
    try:
        frame_set = next(read_frame_sets(sample, frozenset(cue.NEEDS | frozenset(sample.moments[0].paths))))
    except PictureError:
        return None
    found = jittered(box, np.random.default_rng([seed, sample.line]))
    values = cue.measure(Observation(frame_set, Face(found, 0.5, 0.5)))
    return tuple(values.tolist()) if values is not None and np.isfinite(values).all() else None
