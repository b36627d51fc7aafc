"""CelebA-Spoof (Zhang et al., ECCV 2020): web pictures of celebrities and instruments made from them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from livegate.errors import AssetError
from livegate.types import Box
from livegate_tools.train.readers.shared.layout import listed_file, misfit
from livegate_tools.train.readers.shared.recording import BoxOf, Image, Reader, Recording
from livegate_tools.train.readers.shared.sources import Picture
from livegate_tools.train.samples import Split

_EXPECTED = "metas/intra_test/train_label.json and test_label.json, and Data/{train,test}/ID/{live,spoof}/PICTURE"
_LISTS = {Split.TRAIN: "train_label.json", Split.TEST: "test_label.json"}
# Entry 40 of a picture's annotation: photo, poster, A4; face, upper body and region mask (paper); PC, pad, phone, mask.
_SPOOF_TYPE = 40
_SPECIES = (
    None,
    *("print_flat",) * 3,
    *("cutout_mask",) * 3,
    "replay_monitor",
    "replay_tablet",
    "replay_phone",
    "mask_3d",
)
# The boxes are written for the picture stretched to 224 by 224.
_BOX_SIDE = 224


def find(folder: Path, _protocol: str | None) -> Iterator[Recording]:
    """Yield the pictures of the intra-dataset test's two lists."""
    lists = {split: folder / "metas" / "intra_test" / name for split, name in _LISTS.items()}
    if not any(path.is_file() for path in lists.values()):
        raise misfit(folder, _EXPECTED)
    for split, path in lists.items():
        if path.is_file():
            for name, annotation in _labels(path).items():
                yield _recording(folder, name, annotation, split)


def _labels(path: Path) -> dict[str, Any]:
    try:
        labels = json.loads(path.read_text("utf-8"))
    except ValueError as exc:
        raise AssetError(f"{path}: is not JSON: {exc}; copy it again from the set") from exc
    if not isinstance(labels, dict):
        raise AssetError(f"{path}: expected a JSON object of pictures, found {type(labels).__name__}")
    return labels


def _recording(folder: Path, name: str, annotation: Any, split: Split) -> Recording:
    try:
        species = _SPECIES[int(annotation[_SPOOF_TYPE])]
        _, _, subject, presented, _ = name.split("/")
    except (IndexError, KeyError, TypeError, ValueError) as exc:
        raise AssetError(
            f"{folder}: '{name}' has the annotation {str(annotation)[:60]}; expected Data/train/ID/live/PICTURE and "
            f"at least {_SPOOF_TYPE + 1} numbers of which number {_SPOOF_TYPE} is 0 to {len(_SPECIES) - 1}"
        ) from exc
    if (species is None) != (presented == "live"):
        raise AssetError(f"{folder}: '{name}' lies under {presented}/ but its spoof type is {annotation[_SPOOF_TYPE]}")
    path = listed_file(folder, name, folder / "metas")
    return Recording(name.rsplit(".", 1)[0], species, subject, split, Picture(path), _box_beside(path))


def _box_beside(path: Path) -> BoxOf:
    beside = path.with_name(f"{path.stem}_BB.txt")

    def box_of(_number: int, image: Image) -> Box | None:
        if not beside.is_file():
            return None
        try:
            x, y, w, h = (float(word) / _BOX_SIDE for word in beside.read_text("utf-8").split()[:4])
        except ValueError as exc:
            raise AssetError(f"{beside}: expected x, y, width, height and a score, separated by blanks") from exc
        height, width = image.shape[:2]
        return Box(x * width, y * height, w * width, h * height) if w > 0 and h > 0 else None

    return box_of


READER = Reader("CelebA-Spoof", find)
