"""CASIA-FASD (Zhang et al., ICB 2012): 50 people, three qualities; warped and cut photographs, a tablet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from livegate_tools.train.readers.shared.layout import files_of, folders_of, known
from livegate_tools.train.readers.shared.recording import Reader, Recording
from livegate_tools.train.readers.shared.sources import Video
from livegate_tools.train.samples import Split

_SPLITS = {"train_release": Split.TRAIN, "test_release": Split.TEST}
_EXPECTED = "train_release/ or test_release/ with SUBJECT/{1..8,HR_1..HR_4}.avi"
_SPECIES: dict[str, str | None] = {
    **dict.fromkeys(("1", "2", "HR_1")),
    **dict.fromkeys(("3", "4", "HR_2"), "print_bent"),
    **dict.fromkeys(("5", "6", "HR_3"), "cutout_mask"),
    **dict.fromkeys(("7", "8", "HR_4"), "replay_tablet"),
}


def find(folder: Path, _protocol: str | None) -> Iterator[Recording]:
    """Yield the videos of both folders; the set has no boxes."""
    for place in folders_of(folder, _SPLITS, _EXPECTED):
        for path in files_of(place, (".avi",), _EXPECTED):
            yield _recording(path, _SPLITS[place.name])


def _recording(path: Path, split: Split) -> Recording:
    species = known(path.stem, _SPECIES, path, "video")
    # The numbers of both folders begin at 1 and mean other people.
    subject = f"{split.value}_{path.parent.name}"
    return Recording(
        f"{path.parent.parent.name}/{path.parent.name}/{path.stem}",
        species,
        subject,
        split,
        Video(path),
        notes={"quality": _quality(path.stem)},
    )


def _quality(stem: str) -> str:
    if stem.startswith("HR"):
        return "high"
    return "normal" if int(stem) % 2 else "low"


READER = Reader("CASIA-FASD", find)
