"""What texture cues are trained on: a crop's texture as one vector, by name.

Each is a pure function of a crop (3, SIDE, SIDE) uint8 B, G, R as :func:`livegate.texture.crop.face_crop` cuts it,
and gives float32 on [0, 1] whose squares add up to 1: square roots of how often each pattern occurs, every histogram
weighing the same, so that a dot product of two compares them as Bhattacharyya does; ValueError for what is no such
crop. The [R] of a docstring: the paper's own parameters could not be had, these are a reconstruction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.texture.crop import SIDE
from livegate.texture.patterns import BINS, Naming, patterns, patterns_16
from livegate.texture.phase import CODES, phases
from livegate.texture.planes import HSV, YCBCR, byte_planes, colour_planes

Vector = NDArray[np.float32]
Counts = NDArray[np.int32]

CELLS = 1 + 4 + 16
"""Cells of the pyramid: 1 x 1, 2 x 2 and 4 x 4, row by row."""
PAIR_STEPS = ((1, 2), (2, 4), (4, 8))
"""How far a pattern's neighbours are, and how far the two patterns of a pair, in pixels."""
_CROP = (3, SIDE, SIDE)
_PLANES = 6
_PAIRS = 1024
_UNIFORM, _UNIFORM_16 = BINS[8, Naming.UNIFORM], BINS[16, Naming.UNIFORM]
# Maatta, Hadid and Pietikainen 2011: three by three regions that overlap by 14 pixels.
_REGION_PX, _REGION_STEP_PX, _REGIONS = 30, 16, 9


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A descriptor: what it makes of a crop, (length,) float32, and which kernels that takes besides the crop's."""

    length: int
    kernels: tuple[str, ...]
    of: Callable[[NDArray[np.uint8]], Vector]


def spmt(crop: NDArray[np.uint8]) -> Vector:
    """Return the spatial pyramid coding of micro-texture, (7434,).

    Song et al. 2019 [R]: uniform patterns of eight neighbours at radius 1 (59 bins) of H, S, V, Y, Cb, Cr, counted in
    1 x 1, 2 x 2 and 4 x 4 cells. Order: plane, cell (row by row, coarse to fine), bin. The outermost pixels, whose
    circle leaves the crop, are not counted.
    """
    from livegate.kernels import pyramid

    names = patterns(byte_planes(colour_planes(crop)), 1, Naming.UNIFORM)
    counts = np.empty((_PLANES, pyramid.CELLS, _UNIFORM), dtype=np.int32)
    pyramid.count_pyramid(names, 1, counts)
    return _rooted(counts)


def coalbp(crop: NDArray[np.uint8]) -> Vector:
    """Return the co-occurrence of adjacent patterns, (18432,).

    Nosaka, Ohkawa and Fukui 2011 as Boulkenafet, Komulainen and Hadid 2016 use them: '+' patterns (strictly brighter,
    16) of H, S, V, Y, Cb, Cr in pairs in four directions at the steps of :data:`PAIR_STEPS`. Order: step, plane,
    direction (right, lower right, below, lower left), 16 x first pattern + second. All pairs are counted whose two
    patterns lie in the crop.
    """
    from livegate.kernels.coalbp import count_pairs

    planes = byte_planes(colour_planes(crop))
    counts = np.empty((len(PAIR_STEPS), _PLANES, _PAIRS), dtype=np.int32)
    scratch = np.empty(planes.shape[1:], dtype=np.uint8)
    for (scale, distance), pairs in zip(PAIR_STEPS, counts, strict=True):
        count_pairs(planes, scale, distance, scratch, pairs)
    return _rooted(counts.reshape(-1, _PAIRS))


def lpq(crop: NDArray[np.uint8]) -> Vector:
    """Return local phase quantisation, (1536,): 256 codes of H, S, V, Y, Cb, Cr.

    Ojansivu and Heikkila 2008 as Boulkenafet et al. 2016 use it: windows of 7 x 7, decorrelated. Order: plane, code.
    """
    codes = phases(byte_planes(colour_planes(crop)))
    return _rooted(_counted(codes, [(0, codes.shape[1], 0, codes.shape[2])], CODES))


def hsv_lbp_ycbcr_lpq(crop: NDArray[np.uint8]) -> Vector:
    """Return the survey's pair, (3267,): multi-level patterns of H, S, V and phases of Y, Cb, Cr.

    Levels as of Maatta, Hadid and Pietikainen 2011: uniform patterns of eight neighbours at radius 1 in three by three
    overlapping regions (3 x 9 x 59), at radius 2 (3 x 59) and of sixteen at radius 2 (3 x 243) in the whole; then 7 x 7
    phases (3 x 256). Order: level, plane, region, bin. Patterns whose circle leaves the crop are not counted.
    """
    if crop.shape != _CROP:
        # The regions are fixed: of a smaller crop they would be outside.
        raise ValueError(f"crop: expected {_CROP} of uint8 in B, G, R, found {crop.dtype} of shape {crop.shape}")
    planes = byte_planes(colour_planes(crop))
    hsv = planes[HSV]
    starts = [1 + k * _REGION_STEP_PX for k in range(3)]
    regions = [(y, y + _REGION_PX, x, x + _REGION_PX) for y in starts for x in starts]
    inner = [(2, SIDE - 2, 2, SIDE - 2)]
    codes = phases(planes[YCBCR])
    return np.concatenate([
        part.ravel() * np.float32(0.5)
        for part in (
            _rooted(_counted(patterns(hsv, 1), regions, _UNIFORM)),
            _rooted(_counted(patterns(hsv, 2), inner, _UNIFORM)),
            _rooted(_counted(patterns_16(hsv), inner, _UNIFORM_16)),
            _rooted(_counted(codes, [(0, codes.shape[1], 0, codes.shape[2])], CODES)),
        )
    ])  # fmt: skip


def _counted(names: NDArray[Any], windows: list[tuple[int, int, int, int]], bins: int) -> Counts:
    from livegate.kernels.pyramid import count_windows

    counts = np.empty((names.shape[0], len(windows), bins), dtype=np.int32)
    count_windows(names, np.array(windows, dtype=np.int64), counts)
    return counts


def _rooted(counts: Counts) -> Vector:
    """Return the roots of counts (B, ...), every one of the B parts weighing the same, as one vector."""
    from livegate.kernels.pyramid import rooted

    out = np.empty((counts.shape[0], counts[0].size), dtype=np.float32)
    rooted(counts.reshape(out.shape), out)
    return out.reshape(-1)


DESCRIPTORS: Mapping[str, Descriptor] = MappingProxyType({
    "spmt": Descriptor(_PLANES * CELLS * _UNIFORM, ("planes", "lbp", "pyramid"), spmt),
    "coalbp": Descriptor(len(PAIR_STEPS) * _PLANES * _PAIRS, ("planes", "coalbp", "pyramid"), coalbp),
    "lpq": Descriptor(_PLANES * CODES, ("planes", "lpq", "pyramid"), lpq),
    "hsv_lbp_ycbcr_lpq": Descriptor(
        3 * (_REGIONS * _UNIFORM + _UNIFORM + _UNIFORM_16 + CODES), ("planes", "lbp", "lpq", "pyramid"),
        hsv_lbp_ycbcr_lpq,
    ),
})  # fmt: skip
