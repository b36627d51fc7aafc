"""Decoded pictures in one flat file, so that an epoch costs no JPEG decoding of large pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.types import Box
from livegate_tools.train.reading import read_picture
from livegate_tools.train.samples import Sample

MAX_WIDTH = 480
MAX_HEIGHT = 360


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture to learn from: ``image`` (H, W, 3) uint8 B, G, R, read-only; boxes in its pixels."""

    image: NDArray[np.uint8]
    faces: tuple[Box, ...]
    unsure: tuple[Box, ...] = ()


def scale_box(box: Box, factor: float, dx: float = 0.0, dy: float = 0.0) -> Box:
    """Return the box scaled about the origin, then moved."""
    return Box(box.x * factor + dx, box.y * factor + dy, box.w * factor, box.h * factor)


def load_picture(path: Path) -> tuple[NDArray[np.uint8], float]:
    """Return the file as (H, W, 3) uint8 B, G, R of at most 480×360, and the scale against the file (at most 1).

    AssetError names a file that is missing, PictureError one that is no picture.
    """
    image = read_picture(path)
    factor = min(MAX_WIDTH / image.shape[1], MAX_HEIGHT / image.shape[0], 1.0)
    if factor < 1:
        size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    return np.ascontiguousarray(image, dtype=np.uint8), factor


class PictureCache:
    """Pictures by index, decoded once into ``folder``; rebuilt when one is asked for that is not there."""

    def __init__(self, samples: Sequence[Sample], folder: Path) -> None:
        """Decode what is not yet there; errors as :func:`load_picture`."""
        self.samples = list(samples)
        folder.mkdir(parents=True, exist_ok=True)
        index_path, self._pixels_path = folder / "index.json", folder / "pixels.bin"
        names = [str(sample.path) for sample in self.samples]
        index = json.loads(index_path.read_text(encoding="utf-8")) if index_path.exists() else {}
        if not set(names) <= set(index.get("names", ())):
            index_path.unlink(missing_ok=True)
            index = {"names": names, "sizes": self._decode()}
            index_path.write_text(json.dumps(index), encoding="utf-8")
        lengths = [height * width * 3 for height, width, _ in index["sizes"]]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        rows = {name: row for row, name in enumerate(index["names"])}
        self._sizes: list[tuple[int, int, float]] = [tuple(index["sizes"][rows[name]]) for name in names]
        self._starts = [int(starts[rows[name]]) for name in names]
        self._pixels = np.memmap(self._pixels_path, dtype=np.uint8, mode="r") if lengths else np.zeros(0, np.uint8)

    def _decode(self) -> list[tuple[int, int, float]]:
        sizes: list[tuple[int, int, float]] = []
        with self._pixels_path.open("wb") as out:
            for sample in self.samples:
                image, factor = load_picture(sample.path)
                out.write(image.tobytes())
                sizes.append((image.shape[0], image.shape[1], factor))
        return sizes

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Picture:
        """Return the picture at ``index`` with its boxes scaled to the stored size."""
        height, width, factor = self._sizes[index]
        start = self._starts[index]
        pixels = self._pixels[start : start + height * width * 3]
        sample = self.samples[index]
        return Picture(
            image=pixels.reshape(height, width, 3),
            faces=tuple(scale_box(box, factor) for box in sample.faces),
            unsure=tuple(scale_box(box, factor) for box in sample.unsure),
        )
