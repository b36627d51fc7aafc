"""Reads labelled pictures from the data folder and from simulated sets into one kind of value.

Boxes follow YuNet's convention: ``yunet_box`` where a line has the field, else ``box``. A line whose ``yunet_box`` is
null shows a face that no box is known for, so it is left out rather than taught as background.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from livegate.errors import AssetError, ConfigError
from livegate.types import Box

INDEX = "manifest.jsonl"
"""The file in a set's folder that names its pictures."""
PORTRAIT_SOURCES = ("generated_faces", "canada_faces")
CAPTURED_SOURCES = ("phone_replay", "webcam_live")


class Presentation(enum.StrEnum):
    """What a training picture shows; portraits are nobody's capture, so they teach detection only."""

    BONA_FIDE = "bona_fide"
    ATTACK = "attack"
    PORTRAIT = "portrait"
    BACKGROUND = "background"


class Split(enum.StrEnum):
    """Which part of the work a picture belongs to."""

    TRAIN = "train"
    DEV = "dev"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture with its faces, in pixels of the file; ``unsure`` are regions that may hold faces nobody boxed."""

    identifier: str
    path: Path
    presentation: Presentation
    species: str | None
    subject: str
    source: str
    split: Split
    faces: tuple[Box, ...]
    unsure: tuple[Box, ...] = ()
    made_of: frozenset[str] = frozenset()
    """Names of other sources whose pictures a simulated one was made from: left out with them."""

    def comes_from(self, source: str) -> bool:
        """Whether ``source`` had any part in this picture."""
        return source == self.source or source in self.made_of


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a JSON-lines file; AssetError names file and line where one is missing or damaged.

    A last line without its newline is still being written by a simulator and is left out when it does not parse.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as exc:
        raise AssetError(f"{path}: cannot be read ({exc.strerror}); expected an index of labelled pictures") from exc
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError as exc:
            if not line.endswith("\n"):
                return
            raise AssetError(f"{path}:{number}: not a JSON object: {exc}") from exc
        if not isinstance(value, dict):
            raise AssetError(f"{path}:{number}: expected a JSON object, found {type(value).__name__}")
        yield value


def read_all(data: Path | None, simulated: Iterable[Path]) -> list[Sample]:
    """Return the samples of the data folder and of every set with a manifest."""
    samples = read_data(data)
    for folder in simulated:
        samples += read_manifest(folder / INDEX)
    return samples


def read_data(folder: Path | None) -> list[Sample]:
    """Return the captured pictures, portraits and backgrounds of the data folder that are there to learn from.

    None has none: whoever holds licensed sets may train on them alone.
    """
    if folder is None:
        return []
    if not folder.is_dir():
        raise AssetError(f"{folder}: no such folder; expected the data folder, name it with --data")
    samples: list[Sample] = []
    for source in CAPTURED_SOURCES:
        if (folder / source).is_dir():
            samples += read_manifest(folder / source / "samples.jsonl")
    for source in PORTRAIT_SOURCES:
        if (folder / source).is_dir():
            samples += read_portraits(folder / source / "samples.jsonl")
    if (folder / "backgrounds").is_dir():
        samples += read_backgrounds(folder / "backgrounds" / "backgrounds.jsonl")
    return samples


def read_manifest(path: Path) -> list[Sample]:
    """Return the samples of an evaluation manifest that have a box; AssetError names the line of a wrong value."""
    samples: list[Sample] = []
    number = 0
    for number, line in enumerate(read_lines(path), 1):
        sample = _labelled(path, number, line)
        if sample is not None:
            samples.append(sample)
    if number == 0:
        raise AssetError(f"{path}: holds no sample; expected one JSON object a line")
    return samples


def _labelled(path: Path, number: int, line: dict[str, Any]) -> Sample | None:
    try:
        presentation = Presentation(line["label"])
        box = line["yunet_box"] if "yunet_box" in line else line.get("box")
        if line["rgb"] is None or (box is None and presentation is not Presentation.BACKGROUND):
            return None
        faces = _faces(box, line.get("faces", ()))
        unsure = tuple(_box(region) for region in line.get("unsure", ()))
        return Sample(
            identifier=str(line["id"]),
            path=path.parent / line["rgb"],
            presentation=presentation,
            species=line.get("pai_species"),
            # Nobody says who it is: then it could be anyone of its source, and is drawn as one person.
            subject=f"unnamed of {line['source']}" if line["subject"] is None else str(line["subject"]),
            source=str(line["source"]),
            split=Split(line.get("split", "train")),
            faces=faces,
            unsure=tuple(region for region in unsure if region not in faces),
            made_of=frozenset(str(line[key]) for key in ("portrait_source", "background") if line.get(key)),
        )
    except (KeyError, TypeError, ValueError) as exc:
        raise AssetError(f"{path}: sample {number} ({line.get('id')}): missing or wrong field: {exc!r}") from exc


def _faces(box: Any, others: Any) -> tuple[Box, ...]:
    """Return the sample's own face first, then the others of the picture; ``faces`` may be a count, which says none."""
    faces = [] if box is None else [_box(box)]
    for other in others if isinstance(others, list | tuple) else ():
        found = _box(other["box"] if isinstance(other, dict) else other)
        if all(found.iou(face) < 0.5 for face in faces):
            faces.append(found)
    return tuple(faces)


def _box(values: Any) -> Box:
    return Box(*(float(value) for value in values))


def read_portraits(path: Path) -> list[Sample]:
    """Return the portraits with exactly one known face."""
    return [
        Sample(
            identifier=str(line["id"]),
            path=path.parent / line["rgb"],
            presentation=Presentation.PORTRAIT,
            species=None,
            subject=str(line["id"]),
            source=path.parent.name,
            split=Split(line.get("split", "train")),
            faces=(Box(*line["yunet_box"]),),
        )
        for line in read_lines(path)
        if line.get("faces", 1) == 1 and line.get("yunet_box")
    ]


def read_backgrounds(path: Path) -> list[Sample]:
    """Return the pictures without faces; every seventh, by the name before its number, is kept for dev."""
    samples: list[Sample] = []
    for line in read_lines(path):
        name = Path(line["file"]).stem.rstrip("0123456789").rstrip("_-")
        held_out = sum(name.encode()) % 7 == 0
        samples.append(
            Sample(
                identifier=line["file"],
                path=path.parent / line["file"],
                presentation=Presentation.BACKGROUND,
                species=None,
                subject=name,
                source="backgrounds",
                split=Split.DEV if held_out else Split.TRAIN,
                faces=(),
            )
        )
    return samples


def of_split(samples: Iterable[Sample], split: Split) -> list[Sample]:
    """Return the samples of one split, in order."""
    return [sample for sample in samples if sample.split is split]


def require_both_classes(samples: Iterable[Sample], where: str) -> None:
    """Raise ConfigError unless bona fide and attack presentations are both there."""
    counts = dict.fromkeys((Presentation.BONA_FIDE, Presentation.ATTACK), 0)
    for sample in samples:
        if sample.presentation in counts:
            counts[sample.presentation] += 1
    if min(counts.values()) == 0:
        found = ", ".join(f"{count} {kind}" for kind, count in counts.items())
        raise ConfigError(f"{where}: expected bona fide and attack presentations, found {found}; add data of both")
