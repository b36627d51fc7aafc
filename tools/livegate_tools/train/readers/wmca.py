"""WMCA (George et al., TIFS 2020): 72 people, several channels; prints, replays, masks, fake heads, glasses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from livegate.errors import PictureError
from livegate_tools.train.readers.shared.grouping import find_list, read_groups
from livegate_tools.train.readers.shared.hdf5 import numbers, opened
from livegate_tools.train.readers.shared.layout import files_of, found_in, parts_of
from livegate_tools.train.readers.shared.recording import Image, Reader, Recording, Shown
from livegate_tools.train.samples import Split

_EXPECTED = "recordings CLIENT_SESSION_PRESENTER_TYPE_PAI.hdf5 in folders by date"
# What the name alone says; the lists of the leave-one-out protocols say more.
_BY_TYPE = {"1": "glasses", "2": "mask_3d", "3": "print_flat", "4": "replay"}
_BY_FAMILY = {
    "fakehead": "fake_head",
    "flexiblemask": "mask_flexible",
    "glasses": "glasses",
    "papermask": "mask_paper",
    "prints": "print_flat",
    "replay": "replay",
    "rigidmask": "mask_3d",
}
_NIR_CHANNEL = 2


@dataclass(frozen=True, slots=True)
class _Recorded:
    """The colour frames of one file and, of the preprocessed set, the infrared channel of the file that goes with it.

    The preprocessed set has Frame_N/array, (3, H, W) uint8 R, G, B, and in the other file (4, H, W): grey, depth,
    infrared, thermal; the raw one data/sr300/color/TIME, (H, W, 3) uint8 R, G, B.
    """

    path: Path
    channels: Path | None

    def shown(self, every: int) -> Iterator[Shown]:
        with opened(self.path) as file:
            if "data" in file:
                yield from self._raw(file, every)
            elif self.channels is None:
                yield from ((Shown(number, _colour(file, key, self.path))) for number, key in _frames(file, every))
            else:
                yield from self._both(file, self.channels, every)

    def _raw(self, file: Any, every: int) -> Iterator[Shown]:
        stream = file.get("data/sr300/color")
        if stream is None:
            raise PictureError(f"{self.path}: expected data/sr300/color or Frame_0/array, found {', '.join(file)}")
        for number, key in enumerate(sorted(stream)):
            if number % every == 0:
                yield Shown(
                    number, np.ascontiguousarray(_checked(numbers(stream[key], self.path), self.path)[:, :, ::-1])
                )

    def _both(self, file: Any, channels: Path, every: int) -> Iterator[Shown]:
        with opened(channels) as other:
            for number, key in _frames(file, every):
                values = numbers(other[key]["array"], channels) if key in other else None
                nir = None if values is None else np.ascontiguousarray(values[_NIR_CHANNEL], dtype=np.uint8)
                yield Shown(number, _colour(file, key, self.path), nir=nir)


def _frames(file: Any, every: int) -> Iterator[tuple[int, str]]:
    found = sorted(int(key.removeprefix("Frame_")) for key in file if key.startswith("Frame_"))
    yield from ((number, f"Frame_{number}") for number in found[::every])


def _colour(file: Any, key: str, path: Path) -> Image:
    return np.ascontiguousarray(_checked(np.moveaxis(numbers(file[key]["array"], path), 0, -1), path)[:, :, ::-1])


def _checked(values: Any, path: Path) -> Image:
    if values.ndim != 3 or values.shape[2] != 3 or values.dtype != np.uint8:
        raise PictureError(f"{path}: expected colour frames of 8 bits, found {values.shape} {values.dtype}")
    return np.asarray(values)


def find(folder: Path, protocol: str | None) -> Iterator[Recording]:
    """Yield the recordings that the list of ``protocol`` (default: grandtest) names."""
    groups = read_groups(find_list(folder, f"PROTOCOL-{protocol or 'grandtest'}.csv"))
    families = _families(folder)
    files = [path for path in files_of(folder, (".hdf5",), _EXPECTED) if "_CDIT" not in str(path.relative_to(folder))]
    if not any(path.stem in groups for path in files):
        raise PictureError(f"{folder}: not one of its recordings is in the protocol list; found {found_in(folder)}")
    for path in files:
        if path.stem in groups:
            yield _recording(folder, path, groups[path.stem], families)


def _families(folder: Path) -> dict[str, dict[str, Split]]:
    """Return the lists of the protocols that leave one family of attacks out of training, by family."""
    lists = {path.stem.removeprefix("PROTOCOL-LOO_"): path for path in sorted(folder.rglob("PROTOCOL-LOO_*.csv"))}
    return {family: read_groups(path) for family, path in lists.items() if family in _BY_FAMILY}


def _recording(folder: Path, path: Path, split: Split, families: dict[str, dict[str, Split]]) -> Recording:
    client, session, presenter, kind, pai = parts_of(path, "_", "CLIENT_SESSION_PRESENTER_TYPE_PAI")
    beside = Path(str(path.relative_to(folder)).replace("_RGB", "_CDIT"))
    channels = folder / beside if beside != path.relative_to(folder) and (folder / beside).is_file() else None
    species = None if kind == "0" else _species(path.stem, kind, split, families)
    notes = {"session": session, "presenter": presenter, "type": kind, "instrument": pai}
    return Recording(path.stem, species, client, split, _Recorded(path, channels), notes=notes)


def _species(name: str, kind: str, split: Split, families: dict[str, dict[str, Split]]) -> str:
    """Name the family: the one whose list leaves the recording out of training, or tests it alone."""
    for family, groups in families.items():
        if (groups.get(name) is Split.TEST) if split is Split.TEST else (name not in groups):
            return _BY_FAMILY[family]
    return _BY_TYPE.get(kind, f"type_{kind}")


READER = Reader("WMCA", find, "grandtest, LOO_fakehead, LOO_flexiblemask, ... (the lists' names)")
