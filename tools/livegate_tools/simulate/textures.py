"""All textures of a scene in one array, as the kernels want them, and textures made by rule."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(slots=True)
class TextureBank:
    """Textures of one scene; ``add`` returns the layer number a Material refers to."""

    pictures: list[Array] = field(default_factory=list)

    def add(self, rgba: Array) -> int:
        """Add a texture (H, W, 4) uint8; the same array added twice gets one layer."""
        for layer, known in enumerate(self.pictures):
            if known is rgba:
                return layer
        self.pictures.append(rgba)
        return len(self.pictures) - 1

    def packed(self) -> tuple[Array, Array]:
        """Return texels (N, 4) uint8 and the table (L, 3) int64 of offset, width and height."""
        table, offset = [], 0
        for picture in self.pictures:
            table.append((offset, picture.shape[1], picture.shape[0]))
            offset += picture.shape[0] * picture.shape[1]
        if not table:
            return np.zeros((1, 4), np.uint8), np.zeros((1, 3), np.int64)
        return np.concatenate([p.reshape(-1, 4) for p in self.pictures]), np.array(table, np.int64)


def cloth_texture(pattern: int, rng: np.random.Generator) -> Array:
    """Return a (256, 256, 4) garment, opaque below v = 0.9: plain, striped, checked or blotched."""
    size = 256
    x, y = np.meshgrid(np.arange(size), np.arange(size))
    period = float(2 ** rng.integers(3, 6))
    stripes = (np.sin(2 * np.pi * y / period) > rng.uniform(-0.5, 0.5)).astype(np.float32)
    checks = stripes * (np.sin(2 * np.pi * x / period) > 0)
    blotches = cv2.resize(rng.random((16, 16)).astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
    weave = (np.zeros_like(stripes), stripes, checks, blotches)[pattern % 4]
    second = rng.uniform(0.25, 1.0, 3)
    colour = 1 + weave[..., None] * (second - 1)
    rgba = np.empty((size, size, 4), np.uint8)
    rgba[..., :3] = np.clip(colour * 235, 0, 255)
    rgba[..., 3] = np.where(y < 0.1 * size, 0, 255)
    # The rows wrap: what lies far below the collar must not run into the cut-off rows again.
    return rgba
