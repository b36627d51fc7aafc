"""3DMAD (Erdogmus, Marcel, BTAS 2013): 17 people before a Kinect, and masks of their faces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from livegate.errors import AssetError, PictureError
from livegate.types import Box
from livegate_tools.train.readers.shared.boxes import box_of_eyes
from livegate_tools.train.readers.shared.hdf5 import numbers, opened
from livegate_tools.train.readers.shared.layout import files_of, folders_of, parts_of
from livegate_tools.train.readers.shared.recording import BoxOf, Image, Reader, Recording, Shown
from livegate_tools.train.samples import Split

_SESSIONS = ("session01", "session02", "session03")
_EXPECTED = "session01/, session02/ (living) or session03/ (masks) with Data/SUBJECT_SESSION_SHOT.hdf5"
_MASKS = "03"
# The paper draws 7 people to train, 5 to develop and 5 to test, anew each time; here in the order of their numbers.
_LAST_TRAIN, _LAST_DEV = 7, 12


@dataclass(frozen=True, slots=True)
class _Recorded:
    """The colour frames of one file: Color_Data (N, 3, H, W) uint8 R, G, B.

    Depth_Data is the Kinect's 11-bit disparity, not millimetres and not registered to colour: left out.
    """

    path: Path

    def shown(self, every: int) -> Iterator[Shown]:
        with opened(self.path) as file:
            frames = file.get("Color_Data")
            if frames is None or frames.ndim != 4 or frames.shape[1] != 3 or frames.dtype != np.uint8:
                raise PictureError(f"{self.path}: expected Color_Data (N, 3, H, W) of 8 bits, found {', '.join(file)}")
            for number in range(0, len(frames), every):
                yield Shown(
                    number, np.ascontiguousarray(np.moveaxis(numbers(frames, self.path, number), 0, -1)[:, :, ::-1])
                )


def find(folder: Path, _protocol: str | None) -> Iterator[Recording]:
    """Yield the recordings of the three sessions."""
    for place in folders_of(folder, _SESSIONS, _EXPECTED):
        for path in files_of(place, (".hdf5",), _EXPECTED):
            yield _recording(path)


def _recording(path: Path) -> Recording:
    subject, session, shot = parts_of(path, "_", "SUBJECT_SESSION_SHOT")
    if not subject.isdecimal():
        raise AssetError(f"{path}: expected a name of the form SUBJECT_SESSION_SHOT, the subject a number")
    notes = {"session": session, "shot": shot}
    species = "mask_3d" if session == _MASKS else None
    return Recording(path.stem, species, subject, _split(int(subject)), _Recorded(path), _eyes(path), notes)


def _split(subject: int) -> Split:
    if subject <= _LAST_TRAIN:
        return Split.TRAIN
    return Split.DEV if subject <= _LAST_DEV else Split.TEST


def _eyes(path: Path) -> BoxOf:
    def box_of(number: int, _image: Image) -> Box | None:
        with opened(path) as file:
            eyes = file.get("Eye_Pos")
            if eyes is None or number >= len(eyes) or eyes.shape[1] < 4:
                return None
            x0, y0, x1, y1 = (float(value) for value in eyes[number][:4])
            return box_of_eyes(x0, y0, x1, y1)

    return box_of


READER = Reader("3DMAD", find)
