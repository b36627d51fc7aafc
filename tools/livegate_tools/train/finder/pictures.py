"""The pictures the finder learns from: half their size and grey, with the faces in them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.errors import ConfigError
from livegate.types import Box

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png")
_NO_ROOM = {None, "own", "wall"}


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture with its ``faces``; nothing is known about ``unsure`` places."""

    path: Path
    faces: tuple[Box, ...]
    unsure: tuple[Box, ...]
    source: str
    subject: str
    room: str | None
    portrait_source: str | None = None
    label: str | None = None
    species: str | None = None
    split: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A picture in memory: ``grey`` (h, w) uint8 at half its size, and its boxes in pixels of that."""

    grey: NDArray[np.uint8]
    faces: tuple[Box, ...]
    unsure: tuple[Box, ...]


def read_manifest(path: Path) -> list[Picture]:
    """Return the pictures of a manifest (JSON lines); a line with several faces and boxes for one only is left out.

    Boxes are in YuNet's convention: a line's ``yunet_box`` where it has one, else those of ``faces``, else ``box``.
    """
    try:
        lines = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as exc:
        raise ConfigError(f"{path}: expected a manifest, one JSON object a line ({exc})") from exc
    return [picture for line in lines if (picture := _picture(line, path)) is not None]


def of_training(path: Path) -> list[Picture]:
    """Return the pictures of a manifest, less those whose ``split`` is another than train."""
    return [picture for picture in read_manifest(path) if picture.split in (None, "train")]


def read_folder(folder: Path) -> list[Picture]:
    """Return the pictures under ``folder``, none of which shows a face; its room is the part before the last number."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES)
    if not paths:
        raise ConfigError(f"{folder}: expected a folder of pictures without faces")
    return [Picture(path, (), (), folder.name, path.stem, _room(path.stem)) for path in paths]


def apart(pictures: Iterable[Picture], dev: Sequence[Picture], report: Sequence[Picture]) -> list[Picture]:
    """Return those of ``pictures`` that share no person and no captured set with the rest, nor a room with ``dev``."""
    held_out = [*dev, *report]
    people = {picture.subject for picture in held_out if picture.faces}
    rooms = {picture.room for picture in dev} - _NO_ROOM
    captured = {picture.source for picture in held_out if picture.room is None}
    return [
        picture
        for picture in pictures
        if picture.subject not in people
        and picture.room not in rooms
        and not {picture.source, picture.room, picture.portrait_source} & captured
    ]


def load(picture: Picture) -> Seen | None:
    """Read a picture at half its size, or return None where it cannot be read."""
    grey = cv2.imread(str(picture.path), cv2.IMREAD_REDUCED_GRAYSCALE_2)
    if grey is None or min(grey.shape) < 8:
        return None
    return Seen(np.asarray(grey, dtype=np.uint8), _halved(picture.faces), _halved(picture.unsure))


def loaded(pictures: Iterable[Picture]) -> list[Seen]:
    """Read the pictures; what cannot be read is left out."""
    return [seen for picture in pictures if (seen := load(picture)) is not None]


def _halved(boxes: tuple[Box, ...]) -> tuple[Box, ...]:
    return tuple(Box(box.x / 2, box.y / 2, box.w / 2, box.h / 2) for box in boxes)


def _picture(line: dict[str, Any], path: Path) -> Picture | None:
    several = isinstance(line.get("faces"), list)
    if not several and (line.get("faces") or 1) > 1:
        return None
    one = line.get("yunet_box") or line.get("box")
    if not several and not one and line.get("label") in ("bona_fide", "attack"):
        return None
    faces: list[list[float]] = [face["box"] for face in line["faces"]] if several else [one] if one else []
    unsure: list[list[float]] = line.get("unsure") or []
    return Picture(
        path.parent / line["rgb"],
        tuple(Box(*box) for box in faces),
        tuple(Box(*box) for box in unsure),
        line.get("source") or path.parent.name,
        line.get("subject") or line["id"],
        _room(line["background"]) if line.get("background") else None,
        line.get("portrait_source"),
        line.get("label"),
        line.get("pai_species"),
        line.get("split"),
    )


def _room(stem: str) -> str:
    return stem.rstrip("0123456789").rstrip("_-")
