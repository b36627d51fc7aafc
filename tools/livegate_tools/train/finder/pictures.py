"""The pictures the finder learns from: half their size and grey, with the faces in them."""

from __future__ import annotations

import json
import math
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
    ConfigError names file, line and remedy where a line lacks a field or has a wrong one, or its picture is missing.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, ValueError) as exc:
        raise ConfigError(f"{path}: expected a manifest, one JSON object a line ({exc})") from exc
    told = ((number, line) for number, line in enumerate(lines, start=1) if line.strip())
    return [picture for number, line in told if (picture := _told(line, path, number)) is not None]


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


def _told(line: str, path: Path, number: int) -> Picture | None:
    try:
        picture = _picture(_object(line), path)
    except (ValueError, RecursionError) as exc:
        raise ConfigError(f"{path}:{number}: {exc}; correct the line or take it out") from exc
    if picture is not None and not picture.path.is_file():
        raise ConfigError(f"{path}:{number}: there is no picture {picture.path}; bring it back or take the line out")
    return picture


def _object(line: str) -> dict[str, Any]:
    told = json.loads(line)
    if isinstance(told, dict):
        return told
    raise ValueError(f"found {line[:80]!r}, expected a JSON object")


def _picture(line: dict[str, Any], path: Path) -> Picture | None:
    """Return what a line shows, or None where it does not count; ValueError says which field is wrong."""
    faces = line.get("faces")
    several = isinstance(faces, list)
    if not several and _count(faces) > 1:
        return None
    one = line.get("yunet_box") or line.get("box")
    if not several and not one and line.get("label") in ("bona_fide", "attack"):
        return None
    boxes: list[Any] = [_face(each) for each in faces] if isinstance(faces, list) else [one] if one else []
    room = _text(line, "background")
    return Picture(
        path.parent / _needed(line, "rgb"),
        tuple(_box(box, "faces" if several else "yunet_box' or 'box") for box in boxes),
        tuple(_box(box, "unsure") for box in _list(line, "unsure")),
        _text(line, "source") or path.parent.name,
        _text(line, "subject") or _needed(line, "id"),
        _room(room) if room else None,
        _text(line, "portrait_source"),
        _text(line, "label"),
        _text(line, "pai_species"),
        _text(line, "split"),
    )


def _needed(line: dict[str, Any], key: str) -> str:
    text = _text(line, key)
    if not text:
        raise ValueError(f"lacks '{key}', expected text")
    return text


def _text(line: dict[str, Any], key: str) -> str | None:
    value = line.get(key)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"'{key}': expected text, found {value!r}")
    return value


def _list(line: dict[str, Any], key: str) -> list[Any]:
    value = line.get(key) or []
    if isinstance(value, list):
        return value
    raise ValueError(f"'{key}': expected a list of boxes, found {value!r}")


def _count(faces: Any) -> int:
    if faces is not None and not isinstance(faces, int):
        raise ValueError(f"'faces': expected how many there are or a list of them, found {faces!r}")
    return faces or 1


def _face(face: Any) -> Any:
    if not isinstance(face, dict) or "box" not in face:
        raise ValueError(f"'faces': expected objects with a 'box', found {face!r}")
    return face["box"]


def _box(values: Any, key: str) -> Box:
    numbers = values if isinstance(values, list) and len(values) == 4 else [None]
    if not all(isinstance(n, int | float) and math.isfinite(n) for n in numbers) or min(numbers[2:]) <= 0:
        raise ValueError(f"'{key}': expected [x, y, w, h] in pixels, w and h above 0, found {values!r}")
    return Box(*numbers)


def _room(stem: str) -> str:
    return stem.rstrip("0123456789").rstrip("_-")
