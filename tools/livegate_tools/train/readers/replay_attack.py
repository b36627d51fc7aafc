"""Replay-Attack (Chingovska, Anjos, Marcel, BIOSIG 2012): 50 people before a notebook; prints, a phone and a tablet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from livegate.errors import AssetError
from livegate_tools.train.readers.shared.boxes import BoxTable, box_of_size
from livegate_tools.train.readers.shared.layout import files_of, folders_of, known
from livegate_tools.train.readers.shared.recording import Reader, Recording
from livegate_tools.train.readers.shared.sources import Video
from livegate_tools.train.samples import Split

_SPLITS = {"train": Split.TRAIN, "devel": Split.DEV, "test": Split.TEST}
_EXPECTED = "train/, devel/ or test/ with real/ and attack/{fixed,hand}/, and face-locations/ beside them"
_FORMS = "clientNNN_session01_webcam_authenticate_LIGHT_N or attack_DEVICE_clientNNN_session01_DEVICE_TYPE_LIGHT"
# "mobile" is an iPhone 3GS, "highdef" an iPad.
_SPECIES: dict[str, str | None] = {"print": "print_flat", "mobile": "replay_phone", "highdef": "replay_tablet"}


def find(folder: Path, _protocol: str | None) -> Iterator[Recording]:
    """Yield the videos of the protocol "grandtest": all of them but those for enrolment."""
    for place in folders_of(folder, _SPLITS, _EXPECTED):
        for path in files_of(place, (".mov", ".mp4", ".avi"), _EXPECTED):
            yield _recording(folder, path, _SPLITS[place.name])


def _recording(folder: Path, path: Path, split: Split) -> Recording:
    parts = path.stem.split("_")
    client = next((part.removeprefix("client") for part in parts if part.startswith("client")), None)
    if client is None or len(parts) < 5:
        raise AssetError(f"{path}: expected a name of the form {_FORMS}; see docs/datasets.md")
    attack = parts[0] == "attack"
    beside = folder / "face-locations" / path.relative_to(folder).with_suffix(".face")
    return Recording(
        str(path.relative_to(folder).with_suffix("")),
        known(parts[1], _SPECIES, path, "instrument") if attack else None,
        client,
        split,
        Video(path),
        BoxTable(beside, box_of_size, numbered=True),
        {"support": path.parent.name, "shown": parts[5], "light": parts[-1]} if attack else {"light": parts[-2]},
    )


READER = Reader("Replay-Attack", find)
