"""Writes what a reader finds as an evaluation manifest that ``livegate train`` and ``livegate evaluate`` take."""

from __future__ import annotations

import enum
import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.errors import AssetError, ConfigError, LivegateError, PadError, PictureError
from livegate.progress import Progress
from livegate.types import Box, Face
from livegate_tools.lines import Lines, make_folder
from livegate_tools.train.readers.shared.layout import check_text, misfit
from livegate_tools.train.readers.shared.recording import Image, Reader, Recording, Shown
from livegate_tools.train.samples import Presentation, Split

MANIFEST = "manifest.jsonl"
_JPEG_QUALITY = 95
_DIGITS = 5


class BoxesFrom(enum.StrEnum):
    """Whose face boxes go into the manifest: the set's and where it has none the detector's, or one of them alone."""

    BOTH = "both"
    SET = "set"
    DETECTOR = "detector"


class FaceFinder(Protocol):
    """What finds faces in a picture."""

    def detect(self, image: NDArray[np.uint8]) -> tuple[Face, ...]:
        """Return the faces of a (H, W, 3) uint8 B, G, R picture."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to take of a set.

    Every ``every``-th frame of a recording; of the people to train with, ``dev_share`` is set aside as dev where the
    set itself has no dev; ``most`` recordings a split, None for all.
    """

    every: int = 15
    boxes: BoxesFrom = BoxesFrom.BOTH
    protocol: str | None = None
    dev_share: float = 0.2
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of it: lines by split and what they show (species, or bona_fide), lines without a box, failures."""

    counts: Counter[tuple[Split, str]]
    without_box: int
    failures: tuple[str, ...]


def recordings_of(reader: Reader, folder: Path, wanted: Wanted) -> list[Recording]:
    """Return the recordings of ``folder``; AssetError says what was expected and found where there are none."""
    if wanted.protocol is not None and not reader.protocols:
        raise ConfigError(f"--protocol {wanted.protocol}: {reader.title} is read by its one division; leave it out")
    if not folder.is_dir():
        raise misfit(folder, f"the folder of {reader.title}")
    recordings = list(reader.find(folder, wanted.protocol))
    if not recordings:
        raise misfit(folder, f"recordings of {reader.title}")
    divided = _with_dev(recordings, wanted.dev_share)
    return divided if wanted.most is None else _at_most(divided, wanted.most)


def _at_most(recordings: list[Recording], most: int) -> list[Recording]:
    """Keep ``most`` recordings a split, always the same ones: the people in turn, so that all are there first."""
    turn: Counter[tuple[Split, str | None, str | None]] = Counter()
    ranks: dict[str, tuple[int, bytes]] = {}
    for recording in sorted(recordings, key=lambda recording: _drawn(recording.name)):
        cell = (recording.split, recording.subject, recording.pai_species)
        ranks[recording.name] = (turn[cell], _drawn(recording.name))
        turn[cell] += 1
    kept: set[str] = set()
    for split in Split:
        names = sorted((r.name for r in recordings if r.split is split), key=ranks.__getitem__)
        kept.update(names[:most])
    return [recording for recording in recordings if recording.name in kept]


def _drawn(name: str | None) -> bytes:
    """Return what sorts names in an order that has nothing to do with them and is always the same."""
    return hashlib.sha256(str(name).encode()).digest()


def _with_dev(recordings: list[Recording], share: float) -> list[Recording]:
    """Set a share of the training people aside as dev where there is no dev, always the same people."""
    people = {recording.subject for recording in recordings if recording.split is Split.TRAIN}
    if any(recording.split is Split.DEV for recording in recordings) or None in people or share == 0:
        return recordings
    shuffled = sorted(people, key=_drawn)
    dev = set(shuffled[: math.ceil(len(shuffled) * share)])
    return [
        replace(recording, split=Split.DEV)
        if recording.split is Split.TRAIN and recording.subject in dev
        else recording
        for recording in recordings
    ]


def write_manifest(
    source: str,
    recordings: list[Recording],
    out: Path,
    wanted: Wanted,
    open_finder: Callable[[], FaceFinder],
) -> Imported:
    """Write frames and manifest into ``out``; a recording that cannot be read is left out and told in ``failures``.

    The manifest takes its name last, so a run that was cut short leaves none. ``open_finder`` is called when the first
    box has to be found. Raises LivegateError where writing fails.
    """
    make_folder(out)
    unfinished = out / f"{MANIFEST}.new"
    counts: Counter[tuple[Split, str]] = Counter()
    failures: list[str] = []
    without_box = 0
    boxes = _Boxes(wanted.boxes, open_finder)
    with Lines(unfinished) as lines, Progress("import", len(recordings)) as progress:
        for recording in recordings:
            try:
                for line in _lines(source, recording, out, wanted.every, boxes):
                    lines.write(json.dumps(line, ensure_ascii=False))
                    counts[recording.split, recording.pai_species or Presentation.BONA_FIDE.value] += 1
                    without_box += line["box"] is None
            except (PictureError, AssetError, PadError) as exc:
                failures.append(str(exc))
            progress.advance()
    unfinished.replace(out / MANIFEST)
    return Imported(counts, without_box, tuple(failures))


class _Boxes:
    def __init__(self, choice: BoxesFrom, open_finder: Callable[[], FaceFinder]) -> None:
        self._choice = choice
        self._open = open_finder
        self._finder: FaceFinder | None = None

    def of(self, recording: Recording, shown: Shown) -> tuple[Box | None, str | None]:
        """Return the box of a frame, and whose it is."""
        if self._choice is not BoxesFrom.DETECTOR and recording.box_of is not None:
            box = recording.box_of(shown.number, shown.rgb)
            if box is not None:
                return box, "set"
        if self._choice is BoxesFrom.SET:
            return None, None
        found = self._largest(shown.rgb)
        return found, None if found is None else "livegate"

    def _largest(self, image: Image) -> Box | None:
        if self._finder is None:
            self._finder = self._open()
        return max((face.box for face in self._finder.detect(image)), key=lambda box: box.area, default=None)


def _lines(source: str, recording: Recording, out: Path, every: int, boxes: _Boxes) -> Iterator[dict[str, Any]]:
    species = recording.pai_species
    check_text(recording.name)
    for shown in recording.frames.shown(every):
        box, whose = boxes.of(recording, shown)
        yield {
            "id": f"{source}/{recording.name}/{shown.number:0{_DIGITS}d}",
            "rgb": _kept(out, recording, shown, shown.rgb, shown.path, "jpg"),
            "nir": _kept(out, recording, shown, shown.nir, shown.nir_path, "nir.png"),
            "depth": None,
            "rgb_right": None,
            "camera": None,
            "label": (Presentation.BONA_FIDE if species is None else Presentation.ATTACK).value,
            "pai_species": species,
            "subject": recording.subject,
            "source": source,
            "split": recording.split.value,
            "box": None if box is None else [round(side, 1) for side in (box.x, box.y, box.w, box.h)],
            "box_source": whose,
            "recording": recording.name,
            "frame": shown.number,
            "notes": dict(recording.notes),
        }


def _kept(
    out: Path, recording: Recording, shown: Shown, image: Image | None, path: Path | None, ending: str
) -> str | None:
    """Return the path for the manifest, writing the picture where it is not a file of the set."""
    if image is None:
        return None
    if path is not None:
        return str(path.resolve())
    name = Path("frames") / recording.name / f"{shown.number:0{_DIGITS}d}.{ending}"
    make_folder((out / name).parent)
    if not cv2.imwrite(str(out / name), image, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]):
        raise LivegateError(f"{out / name}: cannot be written; make room or give --out another place")
    return name.as_posix()


def summary(imported: Imported) -> Iterable[str]:
    """Yield what was written, a line a split, for people."""
    for split in Split:
        shown = {kind: count for (of, kind), count in sorted(imported.counts.items()) if of is split}
        if shown:
            yield f"{split.value}: " + ", ".join(f"{count} {kind}" for kind, count in shown.items())
    if imported.without_box:
        yield f"{imported.without_box} without a face box: livegate train leaves them out"
