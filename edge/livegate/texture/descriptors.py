"""What texture cues are trained on: a crop's texture as one vector, by name.

Each is a pure function of a crop (3, SIDE, SIDE) uint8 B, G, R as :func:`livegate.texture.crop.face_crop` cuts it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from livegate.texture.patterns import BINS, Naming, patterns
from livegate.texture.planes import byte_planes, colour_planes

Vector = NDArray[np.float32]
_CELLS = 1 + 4 + 16
_PLANES = 6


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A descriptor: what it makes of a crop, (length,) float32, finite."""

    length: int
    of: Callable[[NDArray[np.uint8]], Vector]


def spmt(crop: NDArray[np.uint8]) -> Vector:
    """Return the spatial pyramid coding of micro-texture, (7434,) on [0, 1], of length 1 (L2).

    Song et al. 2019 [R]: uniform patterns of eight neighbours at radius 1 (59 bins) of H, S, V, Y, Cb, Cr, counted in
    1 x 1, 2 x 2 and 4 x 4 cells; square roots, L2 norm. Order: plane, cell (row by row, coarse to fine), bin. The
    outermost pixels, whose circle leaves the crop, are not counted. Every level of every plane weighs the same.
    """
    from livegate.kernels import pyramid

    names = patterns(byte_planes(colour_planes(crop)), 1, Naming.UNIFORM)
    counts = np.empty((_PLANES, pyramid.CELLS, BINS[8, Naming.UNIFORM]), dtype=np.int32)
    pyramid.count_pyramid(names, 1, counts)
    return _rooted(counts)


def _rooted(counts: NDArray[np.int32]) -> Vector:
    from livegate.kernels.pyramid import rooted

    out = np.empty(counts.size, dtype=np.float32)
    rooted(counts.reshape(-1), out)
    return out


DESCRIPTORS: Mapping[str, Descriptor] = MappingProxyType({
    "spmt": Descriptor(_PLANES * _CELLS * 59, spmt),
})  # fmt: skip
