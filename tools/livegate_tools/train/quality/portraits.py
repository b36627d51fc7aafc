"""Pictures of people with a face box, and landmarks where somebody found them: what quality is learnt from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from livegate.errors import AssetError, LivegateError
from livegate.types import Box
from livegate_tools.train.samples import read_lines

_LANDMARK_FILE = "landmarks.json"
_EYES_AND_NOSE = ("eye_left_img", "eye_right_img", "nose_tip_est")


@dataclass(frozen=True, slots=True)
class Portrait:
    """One picture of a living person.

    ``turn`` is where the nose lies from the middle between the eyes, along their line, in distances between the eyes;
    ``eyes_px`` is that distance. Both are None without landmarks.
    """

    source: str
    subject: str
    path: Path
    box: Box
    held_out: bool
    simulated: bool = False
    turn: float | None = None
    eyes_px: float | None = None


def read_portraits(data: Path, simulated: Sequence[Path]) -> list[Portrait]:
    """Return every bona fide picture with a face box below ``data`` and in the ``simulated`` folders.

    ``data`` holds one folder a source, with samples.jsonl or landmarks.json as its README describes them. Raise
    AssetError naming a damaged index, LivegateError when there is no picture with landmarks at all.
    """
    found: list[Portrait] = []
    for index in sorted(data.glob("*/samples.jsonl")):
        found += _captured(index)
    for index in sorted(data.glob(f"*/{_LANDMARK_FILE}")):
        found += _studio(index)
    if all(portrait.turn is None for portrait in found):
        raise LivegateError(
            f"{data}: no picture with landmarks; expected folders with samples.jsonl, name it by --data"
        )
    for folder in simulated:
        found += _simulated(folder / "manifest.jsonl")
    return found


def _captured(index: Path) -> Iterator[Portrait]:
    for number, line in enumerate(read_lines(index), 1):
        try:
            if line.get("label") == "attack" or line.get("yunet_box") is None:
                continue
            turn, eyes_px = _pose(line["yunet_landmarks"])
            yield Portrait(
                index.parent.name,
                str(line.get("subject", line["id"])),
                index.parent / line["rgb"],
                Box(*map(float, line["yunet_box"])),
                held_out=line.get("split") == "dev",
                turn=turn,
                eyes_px=eyes_px,
            )
        except (KeyError, TypeError, ValueError) as exc:
            raise AssetError(f"{index}: line {number}: missing or wrong field: {exc!r}") from exc


def _studio(index: Path) -> Iterator[Portrait]:
    try:
        faces = json.loads(index.read_text("utf-8"))["faces"]
        for face in faces.values() if isinstance(faces, dict) else faces:
            turn, eyes_px = _pose([value for point in _EYES_AND_NOSE for value in face[point]])
            box = Box(*map(float, face["yunet_box"]))
            name = str(face["file"])
            yield Portrait(
                index.parent.name, Path(name).stem, index.parent / name, box, held_out=True, turn=turn, eyes_px=eyes_px
            )
    except (OSError, KeyError, TypeError, ValueError) as exc:
        raise AssetError(f"{index}: missing or wrong: {exc!r}; expected faces with eyes, nose tip and box") from exc


def _simulated(index: Path) -> Iterator[Portrait]:
    for number, line in enumerate(read_lines(index), 1):
        try:
            if line["label"] == "bona_fide" and line["box"] is not None:
                box = Box(*map(float, line["box"]))
                source = str(line.get("source", index.parent.name))
                yield Portrait(
                    source, str(line["subject"]), index.parent / line["rgb"], box, held_out=True, simulated=True
                )
        except (KeyError, TypeError, ValueError) as exc:
            raise AssetError(f"{index}: line {number}: missing or wrong field: {exc!r}") from exc


def _pose(landmarks: Any) -> tuple[float, float]:
    """Return turn and distance between the eyes of landmarks x, y, x, y, ... in the order eye, eye, nose."""
    eye, other, nose = np.array(landmarks, dtype=np.float64).reshape(-1, 2)[:3]
    between = other - eye
    eyes_px = float(np.hypot(*between))
    if not eyes_px > 0:
        raise ValueError(f"eyes at one point: {landmarks}")
    return float((nose - (eye + other) / 2) @ between) / eyes_px**2, eyes_px
