"""What every cue measures of dev captures: judged once, in several processes, and remembered cue by cue.

Another cue, or another one of its kernels, measures that cue anew and no other; another face finder everything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

from livegate.errors import ConfigError, PadError, PictureError
from livegate.installed.shelf import Shelf
from livegate.progress import Progress
from livegate.samples.manifest import Sample, read_manifest
from livegate.samples.measuring import (
    SESSION,
    Measured,
    Measurer,
    Sighting,
    Spoken,
    measured_of,
    seen_again,
    sightings,
)
from livegate_tools.train.dev_measurers import Equipment, Way, open_equipment
from livegate_tools.train.dev_memory import Memory, name_of
from livegate_tools.workers import each

_INDEXES = ("manifest.jsonl", "samples.jsonl")

Task: TypeAlias = tuple[Sample, tuple[Sighting, ...] | None, tuple[str, ...]]
Found: TypeAlias = tuple[tuple[Sighting, ...], Mapping[str, Spoken]]


def samples_of(place: Path) -> list[Sample]:
    """Return the dev samples of a manifest, or of a folder with one; where lines name a split, only those of "dev"."""
    found = [place, *(place / name for name in _INDEXES)]
    path = next((path for path in found if path.is_file()), None)
    if path is None:
        raise ConfigError(f"--dev {place}: expected a manifest, or a folder with {' or '.join(_INDEXES)}")
    samples = [entry for entry in read_manifest(path, "dev", (SESSION,)) if isinstance(entry, Sample)]
    samples = samples or [entry for entry in read_manifest(path, traits=(SESSION,)) if isinstance(entry, Sample)]
    if not samples:
        raise ConfigError(f"{path}: holds no samples; write one a line, see docs/evaluation.md")
    return samples


def measure_all(samples: Sequence[Sample], equipment: Equipment, jobs: int, cache: Path | None) -> list[Measured]:
    """Return what could be measured of ``samples``, in their order; read from ``cache`` what was measured before."""
    memory = Memory.read(cache, equipment)
    every = tuple(equipment.measurer.cues)
    tasks: list[Task] = []
    for sample in samples:
        lacking = memory.lacking(sample)
        if lacking is None:
            tasks.append((sample, None, every))
        elif lacking:
            tasks.append((sample, memory.found[name_of(sample)], lacking))
    with Progress(f"measure, {equipment.way}", len(tasks)) as progress:
        for (sample, _, _), (seen, spoken) in zip(tasks, each(tasks, _opener(equipment, jobs), jobs), strict=True):
            memory.learn(sample, seen, spoken)
            progress.advance()
    if tasks:
        memory.write()
    names = [(sample, name_of(sample)) for sample in samples]
    return [
        measured_of(sample, {cue: memory.spoken[cue][name] for cue in every})
        for sample, name in names
        if memory.found[name]
    ]


def _opener(equipment: Equipment, jobs: int) -> Callable[[], Callable[[Task], Found]]:
    """Return what opens the work: in this process nothing is opened twice."""
    if jobs == 1:
        return lambda: partial(_do, equipment.measurer)
    return partial(_open, equipment.way, equipment.shelf)


def _open(way: Way, shelf: Shelf) -> Callable[[Task], Found]:
    return partial(_do, open_equipment(way, shelf).measurer)


def _do(measurer: Measurer, task: Task) -> Found:
    sample, known, cues = task
    try:
        evidence = measurer.evidence(sample) if known is None else seen_again(sample, known)
    except PictureError as exc:
        raise PadError(f"{exc}; it was there before: measure with another --cache") from exc
    if not evidence:
        return (), {}
    return sightings(evidence), {cue: measurer.spoken(cue, evidence) for cue in cues}
