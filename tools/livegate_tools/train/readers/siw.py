"""SiW, Spoof in the Wild (Liu, Jourabloo, Liu, CVPR 2018): 165 people, moving; prints and replays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from livegate_tools.train.readers.shared.boxes import BoxTable, box_of_corners
from livegate_tools.train.readers.shared.layout import files_of, folders_of, known, parts_of
from livegate_tools.train.readers.shared.recording import Reader, Recording
from livegate_tools.train.readers.shared.sources import Video
from livegate_tools.train.samples import Split

_SPLITS = {"Train": Split.TRAIN, "Test": Split.TEST}
_EXPECTED = "Train/ or Test/ with live/ and spoof/ and in them SUBJECT/SUBJECT-SENSOR-TYPE-MEDIUM-SESSION.mov"
_SPECIES: dict[str, str | None] = {"1": None, "2": "print", "3": "replay"}


def find(folder: Path, _protocol: str | None) -> Iterator[Recording]:
    """Yield the videos of both folders; those of Train are the set's subjects for training."""
    for place in folders_of(folder, _SPLITS, _EXPECTED):
        for path in files_of(place, (".mov", ".mp4"), _EXPECTED):
            yield _recording(path, _SPLITS[place.name])


def _recording(path: Path, split: Split) -> Recording:
    # The page of the set writes underscores, its files have hyphens.
    separator = "-" if "-" in path.stem else "_"
    form = separator.join(("SUBJECT", "SENSOR", "TYPE", "MEDIUM", "SESSION"))
    subject, sensor, kind, medium, session = parts_of(path, separator, form)
    return Recording(
        path.stem,
        known(kind, _SPECIES, path, "type"),
        subject,
        split,
        Video(path),
        BoxTable(path.with_suffix(".face"), box_of_corners, numbered=False),
        {"sensor": sensor, "medium": medium, "session": session},
    )


READER = Reader("SiW", find)
