"""The photographs simulation draws from: people's portraits and webcam frames, and rooms, by split."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from livegate.errors import PictureError
from livegate_tools.simulate.geometry import BoxPx, Pixels
from livegate_tools.simulate.held_out import Split, split_of

WEBCAMS = ("phone_replay", "webcam_live")
_LEAST_FACE_PX = 60.0
_TO_LINEAR = np.where(
    np.arange(256) <= 10, np.arange(256) / 255 / 12.92, ((np.arange(256) / 255 + 0.055) / 1.055) ** 2.4
).astype(np.float32)
_LONDON_POINTS = ("eye_left_img", "eye_right_img", "nose_tip_est", "mouth_left_img", "mouth_right_img")
_BACKGROUND_TURN = (Split.TRAIN, Split.TRAIN, Split.DEV, Split.TRAIN, Split.TEST, Split.TRAIN)


@dataclass(frozen=True, slots=True)
class Portrait:
    """One picture of one person: where it is, who it is, and YuNet's box (x, y, w, h) in pixels.

    ``points``: x, y of both eyes, the tip of the nose and the corners of the mouth, ten numbers, or none.
    """

    path: Path
    source: str
    subject: str
    box: BoxPx
    points: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Background:
    """One picture without people; ``name`` is the room or photograph it belongs to."""

    path: Path
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Sources:
    """What one split may draw from; ``webcams`` are whole frames of people before their own rooms."""

    split: Split
    portraits: tuple[Portrait, ...]
    webcams: tuple[Portrait, ...]
    backgrounds: tuple[Background, ...]


def read_sources(data: Path, split: Split | str) -> Sources:
    """Read the indexes under ``data`` (laid out as its README says) and keep what belongs to ``split``.

    Sets that are absent are skipped, but portraits and backgrounds must remain.

    Raises:
        PictureError: no portrait or no background of this split was found under ``data``.
    """
    split = Split(split)
    portraits = [p for p, s in (*_generated(data), *_studio(data)) if s is split]
    webcams = [p for p, s in _webcams(data) if s is split]
    backgrounds = _backgrounds(data, split)
    if not portraits or not backgrounds:
        raise PictureError(
            f"{data}: no portraits or no backgrounds for split {split!r}; give the folder of the data sets"
        )
    return Sources(split, tuple(portraits), tuple(webcams), tuple(backgrounds))


def load_encoded(path: Path) -> Pixels:
    """Return a picture as (H, W, 3) uint8 R, G, B as stored.

    Raises:
        PictureError: the file cannot be read as a picture.
    """
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise PictureError(f"{path}: not a readable picture; check the data folder")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def load_linear(path: Path) -> Pixels:
    """Return a picture as (H, W, 3) float32 R, G, B in linear light, 0..1; errors as :func:`load_encoded`."""
    return to_linear(load_encoded(path))


def to_linear(encoded: Pixels) -> Pixels:
    """Return uint8 sRGB values as float32 linear light, 0..1 (IEC 61966-2-1)."""
    return np.asarray(cv2.LUT(encoded, _TO_LINEAR), np.float32)


def to_encoded(linear: Pixels) -> Pixels:
    """Return linear light, clipped to 0..1, as uint8 with a gamma of 2.2."""
    return np.asarray(np.clip(linear, 0, 1) ** (1 / 2.2) * 255, np.uint8)


def _lines(index: Path) -> list[dict[str, Any]]:
    if not index.exists():
        return []
    return [json.loads(line) for line in index.read_text(encoding="utf-8").splitlines() if line.strip()]


def _portrait(folder: Path, line: dict[str, Any], source: str, subject: str) -> Portrait | None:
    box = line.get("yunet_box")
    if not box or box[2] < _LEAST_FACE_PX:
        return None
    x, y, w, h = map(float, box)
    points = np.asarray(line.get("yunet_landmarks") or (), np.float64).ravel()
    return Portrait(folder / line["rgb"], source, subject, (x, y, w, h), tuple(points.tolist()))


def _generated(data: Path) -> list[tuple[Portrait, Split]]:
    folder = data / "generated_faces"
    found = []
    for line in _lines(folder / "samples.jsonl"):
        portrait = _portrait(folder, line, "generated_faces", line["id"])
        if portrait is not None and line["faces"] == 1:
            found.append((portrait, Split(line["split"])))
    return found


def _studio(data: Path) -> list[tuple[Portrait, Split]]:
    """Portraits without a split of their own: dealt by the person's name."""
    found = []
    for line in _lines(data / "canada_faces" / "samples.jsonl"):
        subject = f"canada_{line['id']}"
        portrait = _portrait(data / "canada_faces", line, "canada_faces", subject)
        if portrait is not None:
            found.append((portrait, split_of(subject)))
    index = data / "london_faces" / "landmarks.json"
    faces = json.loads(index.read_text(encoding="utf-8"))["faces"] if index.exists() else []
    for face in faces if isinstance(faces, list) else faces.values():
        subject = "london_" + Path(face["file"]).stem.split("_")[0]
        points = [face.get(name) for name in _LONDON_POINTS]
        line = {"rgb": face["file"], "yunet_box": face["yunet_box"], "yunet_landmarks": points if all(points) else None}
        portrait = _portrait(data / "london_faces", line, "london_faces", subject)
        if portrait is not None:
            found.append((portrait, split_of(subject)))
    return found


def _webcams(data: Path) -> list[tuple[Portrait, Split]]:
    found = []
    for source in WEBCAMS:
        for line in _lines(data / source / "samples.jsonl"):
            portrait = _portrait(data / source, line, source, line["subject"])
            if portrait is not None and line["label"] == "bona_fide":
                found.append((portrait, Split(line["split"])))
    return found


def _backgrounds(data: Path, split: Split) -> list[Background]:
    """Views, panoramas and photographs; all views of one panorama, and its whole, stay together."""
    found = []
    for line in _lines(data / "backgrounds" / "backgrounds.jsonl"):
        stem = Path(line["file"]).stem
        if line["kind"] == "view":
            stem = stem.rsplit("_", 1)[0]
        elif line["kind"] not in ("photo", "panorama"):
            continue
        found.append(Background(data / "backgrounds" / line["file"], stem, line["kind"]))
    viewed = sorted({b.name for b in found if b.kind == "view"})
    whole = sorted({b.name for b in found if b.kind == "panorama"} - set(viewed))
    photos = sorted({b.name for b in found if b.kind == "photo"})
    turn = {name: place for names in (viewed, whole, photos) for place, name in enumerate(names)}
    return [b for b in found if _BACKGROUND_TURN[turn[b.name] % len(_BACKGROUND_TURN)] is split]
