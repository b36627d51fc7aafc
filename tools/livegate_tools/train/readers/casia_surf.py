"""CASIA-SURF (Zhang et al., CVPR 2019): 1,000 people, colour, depth and near infrared; prints with parts cut out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from livegate.errors import AssetError
from livegate.types import Box
from livegate_tools.train.readers.shared.layout import listed_file, misfit, text_lines
from livegate_tools.train.readers.shared.recording import Image, Reader, Recording
from livegate_tools.train.readers.shared.sources import Picture
from livegate_tools.train.samples import Split

_LISTS = {
    Split.TRAIN: "train_list.txt",
    Split.DEV: "val_private_list.txt",
    Split.TEST: "test_private_list.txt",
}
_EXPECTED = f"{', '.join(_LISTS.values())} (one at least) in it, with the folders they name"
# The faces are cut out and the rest is black; JPEG leaves a few levels of it.
_BLACK = 12


def find(folder: Path, _protocol: str | None) -> Iterator[Recording]:
    """Yield the pictures of the lists with labels; depth is left out, it is 8 bits without a unit."""
    lists = {split: folder / name for split, name in _LISTS.items() if (folder / name).is_file()}
    if not lists:
        raise misfit(folder, _EXPECTED)
    for split, path in lists.items():
        for number, line in enumerate(text_lines(path, _EXPECTED), start=1):
            yield _recording(folder, path, number, line, split)


def _recording(folder: Path, listed: Path, number: int, line: str, split: Split) -> Recording:
    words = line.split()
    colour, infrared = _of_stream(words, "color"), _of_stream(words, "ir")
    if len(words) != 4 or colour is None or words[-1] not in ("0", "1"):
        raise AssetError(
            f"{listed}: line {number} is '{line[:80]}'; expected the colour, depth and ir picture and 1 (living) or 0"
        )
    parts = Path(colour).parts
    # Training/fake_part/CLKJ_AS0005/04_en_b.rssdk/color/101.jpg; the other lists number pictures without a person.
    named = len(parts) == 6 and parts[1] in ("real_part", "fake_part")
    return Recording(
        str(Path(colour).with_suffix("")),
        None if words[-1] == "1" else "cutout_mask",
        parts[2] if named else None,
        split,
        Picture(
            listed_file(folder, colour, listed), None if infrared is None else listed_file(folder, infrared, listed)
        ),
        _lit,
        {"instrument": parts[3].removesuffix(".rssdk")} if named and words[-1] == "0" else {},
    )


def _of_stream(words: list[str], stream: str) -> str | None:
    return next((word for word in words[:-1] if f"/{stream}/" in word or Path(word).stem.endswith(f"-{stream}")), None)


def _lit(_number: int, image: Image) -> Box | None:
    rows, columns = np.nonzero(image.max(axis=2) > _BLACK)
    if not rows.size:
        return None
    left, top = int(columns.min()), int(rows.min())
    return Box(left, top, int(columns.max()) - left + 1, int(rows.max()) - top + 1)


READER = Reader("CASIA-SURF", find)
