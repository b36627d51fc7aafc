"""What was measured of dev captures, kept in files for another run: where faces are, and for each cue its numbers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from livegate.filesystem import replace_whole
from livegate.samples.manifest import Sample
from livegate.samples.measuring import Rows, Sighting, Spoken
from livegate.types import Box, Face
from livegate_tools.train.dev_measurers import Equipment


@dataclass(slots=True)
class Memory:
    """What is known so far, by :func:`name_of` a sample; ``folder`` None keeps nothing beyond this run.

    ``found`` has where the evidence of a sample is, empty where it has none, ``spoken`` by cue what it measured of it.
    """

    folder: Path | None
    equipment: Equipment
    found: dict[str, tuple[Sighting, ...]] = field(default_factory=dict)
    spoken: dict[str, dict[str, Spoken]] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path | None, equipment: Equipment) -> Memory:
        """Return what earlier runs with the same models and code have left in ``folder``."""
        memory = cls(folder, equipment)
        memory.found = {name: _sightings(line) for name, line in _lines(memory._file(None))}
        memory.spoken = {
            cue: {name: _spoken(line) for name, line in _lines(memory._file(cue))} for cue in equipment.measurer.cues
        }
        return memory

    def lacking(self, sample: Sample) -> tuple[str, ...] | None:
        """Return which cues are still to be measured of ``sample``; None where faces were never looked for."""
        name = name_of(sample)
        if name not in self.found:
            return None
        return tuple(cue for cue, known in self.spoken.items() if self.found[name] and name not in known)

    def learn(self, sample: Sample, seen: tuple[Sighting, ...], spoken: Mapping[str, Spoken]) -> None:
        """Remember where the evidence of ``sample`` is, and what cues measured of it."""
        name = name_of(sample)
        self.found[name] = seen
        for cue, said in spoken.items():
            self.spoken[cue][name] = said

    def write(self) -> None:
        """Write all that is known."""
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        _write(self._file(None), {name: [_flat(one) for one in seen] for name, seen in self.found.items()})
        for cue, known in self.spoken.items():
            _write(self._file(cue), {name: [said.rows, said.narrower] for name, said in known.items()})

    def _file(self, cue: str | None) -> Path | None:
        if self.folder is None:
            return None
        found = self.equipment.found_key
        key = "" if cue is None else hashlib.sha256(self.equipment.cue_keys[cue].encode()).hexdigest()[:16]
        return self.folder / (f"faces-{found[:16]}.jsonl" if cue is None else f"{cue}-{found[:16]}-{key}.jsonl")


def name_of(sample: Sample) -> str:
    """Return a name for a sample that is another one whenever its pictures' places or its labels are."""
    paths = [str(path.resolve()) for moment in sample.moments for path in moment.paths.values()]
    label = [sample.pai_species, sample.source, sample.subject]
    return hashlib.sha256(json.dumps([paths, label]).encode()).hexdigest()[:32]


def _lines(file: Path | None) -> list[tuple[str, Any]]:
    if file is None or not file.is_file():
        return []
    return [tuple(json.loads(line)) for line in file.read_text("utf-8").splitlines()]


def _write(file: Path | None, known: Mapping[str, Any]) -> None:
    if file is not None:
        replace_whole(file, "".join(json.dumps([name, value]) + "\n" for name, value in known.items()).encode())


def _flat(one: Sighting) -> list[float]:
    face = one.face
    return [one.moment, face.box.x, face.box.y, face.box.w, face.box.h, face.p_bona_fide, face.p_attack]


def _sightings(line: list[list[float]]) -> tuple[Sighting, ...]:
    return tuple(Sighting(int(flat[0]), Face(Box(*flat[1:5]), *flat[5:])) for flat in line)


def _spoken(line: list[Any]) -> Spoken:
    rows, narrower = line
    return Spoken(_rows(rows), {sensors: _rows(those) for sensors, those in narrower.items()})


def _rows(read: list[list[float]]) -> Rows:
    return tuple(tuple(row) for row in read)
