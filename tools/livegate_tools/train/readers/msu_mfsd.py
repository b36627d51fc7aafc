"""MSU-MFSD (Wen, Han, Jain, TIFS 2015): 35 people before a notebook and a phone; prints, a tablet, a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from livegate.errors import AssetError
from livegate_tools.train.readers.shared.boxes import BoxTable, box_of_corners
from livegate_tools.train.readers.shared.layout import files_of, known, misfit, text_lines
from livegate_tools.train.readers.shared.recording import Reader, Recording
from livegate_tools.train.readers.shared.sources import Video
from livegate_tools.train.samples import Split

_EXPECTED = "scene01/{real,attack}/ with videos, and train_sub_list.txt and test_sub_list.txt beside scene01/"
_NAME = re.compile(
    r"(?:real_client(?P<real>\d{3})|attack_client(?P<attack>\d{3}))_(?P<camera>laptop|android)_SD_"
    r"(?:(?P<instrument>[a-z]+)_(?:photo|video)_)?scene01"
)
_SPECIES: dict[str, str | None] = {"printed": "print_flat", "ipad": "replay_tablet", "iphone": "replay_phone"}


def find(folder: Path, _protocol: str | None) -> Iterator[Recording]:
    """Yield the videos of the people in either list."""
    splits = _splits(folder)
    for path in files_of(folder / "scene01", (".mov", ".mp4"), _EXPECTED):
        recording = _recording(path, splits)
        if recording is not None:
            yield recording


def _splits(folder: Path) -> dict[int, Split]:
    splits: dict[int, Split] = {}
    for name, split in (("train_sub_list.txt", Split.TRAIN), ("test_sub_list.txt", Split.TEST)):
        if not (folder / name).is_file():
            raise misfit(folder, _EXPECTED)
        for line in text_lines(folder / name, "a subject's number a line"):
            if not line.isdecimal():
                raise AssetError(f"{folder / name}: '{line[:40]}'; expected a subject's number a line")
            splits[int(line)] = split
    return splits


def _recording(path: Path, splits: dict[int, Split]) -> Recording | None:
    match = _NAME.fullmatch(path.stem)
    if match is None or (match["attack"] is None) != (match["instrument"] is None):
        raise AssetError(
            f"{path}: expected a name of the form real_clientNNN_CAMERA_SD_scene01 or "
            "attack_clientNNN_CAMERA_SD_INSTRUMENT_scene01"
        )
    subject = match["real"] or match["attack"]
    if int(subject) not in splits:
        return None
    return Recording(
        path.stem,
        known(match["instrument"], _SPECIES, path, "instrument") if match["attack"] else None,
        subject,
        splits[int(subject)],
        Video(path),
        BoxTable(path.with_suffix(".face"), box_of_corners, numbered=True),
        {"camera": match["camera"]},
    )


READER = Reader("MSU-MFSD", find)
