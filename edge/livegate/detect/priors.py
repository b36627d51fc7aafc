"""Prior boxes of the single-shot detector, and the encoding of a box against its prior.

Source: Liu et al., SSD: Single Shot MultiBox Detector, ECCV 2016, section 2.2. Faces are upright and taller than wide,
so every prior has one fixed aspect; sizes go by height. Training and the terminal both import this file: there is one
definition of the priors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CENTRE_VARIANCE = 0.1
SIZE_VARIANCE = 0.2


@dataclass(frozen=True, slots=True)
class PriorLayout:
    """The grid of priors: input size in pixels, and for each stride the prior heights in input pixels."""

    width: int
    height: int
    strides: tuple[int, ...]
    heights: tuple[tuple[float, ...], ...]
    aspect: float
    """Width over height of every prior."""


def prior_boxes(layout: PriorLayout) -> NDArray[np.float32]:
    """Return every prior as (N, 4) float32: centre x, centre y, width, height as shares of the input's size.

    Order: stride by stride, row by row, column by column, then the stride's heights. N is fixed by the layout.
    """
    blocks: list[NDArray[np.float32]] = []
    for stride, heights in zip(layout.strides, layout.heights, strict=True):
        columns, rows = -(-layout.width // stride), -(-layout.height // stride)
        y, x, size = np.meshgrid(
            (np.arange(rows) + 0.5) * stride / layout.height,
            (np.arange(columns) + 0.5) * stride / layout.width,
            np.asarray(heights, dtype=np.float64),
            indexing="ij",
        )
        block = np.stack([x, y, size * layout.aspect / layout.width, size / layout.height], axis=-1)
        blocks.append(block.reshape(-1, 4).astype(np.float32))
    return np.concatenate(blocks)


def encode(boxes: NDArray[np.float32], priors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the regression targets (N, 4) that turn ``priors`` into ``boxes``; both as centre and size, same shape."""
    centres = (boxes[:, :2] - priors[:, :2]) / (priors[:, 2:] * CENTRE_VARIANCE)
    sizes = np.log(np.maximum(boxes[:, 2:], 1e-6) / priors[:, 2:]) / SIZE_VARIANCE
    return np.concatenate([centres, sizes], axis=1).astype(np.float32)


def decode(offsets: NDArray[np.float32], priors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Invert :func:`encode`: (N, 4) offsets and priors to (N, 4) boxes as centre and size, in shares of the input."""
    centres = priors[:, :2] + offsets[:, :2] * CENTRE_VARIANCE * priors[:, 2:]
    # e^4 is a box 50 times its prior: no face, and no overflow from a damaged model either.
    sizes = priors[:, 2:] * np.exp(np.clip(offsets[:, 2:] * SIZE_VARIANCE, -4.0, 4.0))
    return np.concatenate([centres, sizes], axis=1).astype(np.float32)
