"""Local binary patterns of planes, and the tables that name them."""

from __future__ import annotations

import enum
import threading
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

_DECIMALS = 5
_MOST_CHANGES = 2
_BITS_OF_A_BYTE = 8
# Numbers of float64 in 64 bytes.
_LINE = 8
_AXES = 3
RADII = (1, 2)
"""How far neighbours may be, in pixels."""


class Naming(enum.Enum):
    """Which patterns are told apart; the values are scikit-image's names for them."""

    FULL = "default"
    """Every one: 2^P."""
    ROTATED = "ror"
    """All but those that are each other's rotations, by the smallest code among them."""
    UNIFORM = "nri_uniform"
    """Those with at most two changes around the circle, and the rest as one: P (P - 1) + 3."""
    ROTATED_UNIFORM = "uniform"
    """The uniform ones by how many neighbours are no darker, and the rest as one: P + 2."""


BINS = {
    (8, Naming.FULL): 256,
    (8, Naming.ROTATED): 256,
    (8, Naming.UNIFORM): 59,
    (8, Naming.ROTATED_UNIFORM): 10,
    (16, Naming.FULL): 65536,
    (16, Naming.ROTATED): 65536,
    (16, Naming.UNIFORM): 243,
    (16, Naming.ROTATED_UNIFORM): 18,
}
"""Names lie below this, by the number of neighbours."""


def patterns(planes: NDArray[Any], radius: int = 1, naming: Naming = Naming.UNIFORM) -> NDArray[np.uint8]:
    """Return the patterns of eight neighbours on a circle of ``radius`` (1 or 2) pixels, (P, H, W) uint8.

    ``planes`` (P, H, W), uint8 or finite floats, of any strides. Ojala, Pietikainen and Maenpaa 2002, in every bit as
    scikit-image has them: neighbours between pixels are bilinear, and outside the plane everything is 0. ValueError for
    another radius and for planes of other axes or numbers.
    """
    from livegate.kernels import lbp

    if radius not in RADII or not isinstance(radius, (int, np.integer)):
        raise ValueError(f"radius {radius}: expected 1 or 2 pixels")
    given = _given(planes)
    out = np.empty(given.shape, dtype=np.uint8)
    diagonal = round(radius * float(np.cos(np.pi / 4)), _DECIMALS)
    scratch = _prepared(lbp.SCRATCH_8, given, (-diagonal, diagonal))
    codes = np.empty(scratch.shape[1], dtype=np.uint8)
    lbp.lbp_8(given, radius, diagonal, names(8, naming), scratch, codes, out)
    return out


def patterns_16(planes: NDArray[Any], naming: Naming = Naming.UNIFORM) -> NDArray[np.uint16]:
    """Return the patterns of sixteen neighbours on a circle of 2 pixels, (P, H, W) uint16; else as :func:`patterns`."""
    from livegate.kernels import lbp

    given = _given(planes)
    out = np.empty(given.shape, dtype=np.uint16)
    quarter = [round(2 * float(np.sin(np.pi / 8 * k)), _DECIMALS) for k in (1, 2, 3)]
    across = (-quarter[2], -quarter[1], -quarter[0], *quarter)
    scratch = _prepared(lbp.SCRATCH_16, given, across)
    codes = np.empty(scratch.shape[1], dtype=np.uint16)
    lbp.lbp_16(given, np.array(across), names(16, naming), scratch, codes, out)
    return out


class _Kept(threading.local):
    """Scratch that a thread used last, and for what: planes come in the same size again and again."""

    purpose: tuple[object, ...] = ()
    lines = np.empty((0, 0))


_kept = _Kept()


def _prepared(count: int, planes: NDArray[Any], across: tuple[float, ...]) -> NDArray[np.float64]:
    """Return ``count`` lines of scratch, prepared; each begins at a whole cache line, which halves the loads."""
    purpose = (planes.shape[0], planes.shape[2], across)
    if _kept.purpose != purpose:
        from livegate.kernels import lbp

        length = lbp.MARGIN + planes.shape[0] * (planes.shape[2] + lbp.MARGIN)
        length += -length % _LINE
        room = np.empty(count * length + _LINE)
        first = -room.ctypes.data // room.itemsize % _LINE
        _kept.lines = room[first : first + count * length].reshape(count, length)
        lbp.prepare(planes.shape[0], planes.shape[2], np.array(across), _kept.lines)
        _kept.purpose = purpose
    return _kept.lines


def _given(planes: NDArray[Any]) -> NDArray[Any]:
    if planes.ndim != _AXES or (planes.dtype != np.uint8 and planes.dtype.kind != "f"):
        found = f"{planes.dtype} of shape {planes.shape}"
        raise ValueError(f"planes: expected (planes, height, width) of uint8 or finite floats, found {found}")
    if planes.dtype == np.uint8 and planes.flags.c_contiguous and planes.flags.writeable:
        return planes
    return np.require(planes, np.uint8 if planes.dtype == np.uint8 else np.float64, ("C", "W"))


@cache
def names(neighbours: int, naming: Naming) -> NDArray[Any]:
    """Return the name of each of the 2^P codes: uint8 for 8 neighbours, uint16 for 16."""
    codes = np.arange(1 << neighbours)
    bits = codes[:, np.newaxis] >> np.arange(neighbours) & 1
    ones = bits.sum(axis=1)
    rest = np.abs(np.diff(bits, axis=1)).sum(axis=1) > _MOST_CHANGES
    if naming is Naming.FULL:
        found = codes
    elif naming is Naming.ROTATED:
        turned = [codes >> k | (codes & (1 << k) - 1) << neighbours - k for k in range(neighbours)]
        found = np.min(turned, axis=0)
    elif naming is Naming.ROTATED_UNIFORM:
        found = np.where(rest, neighbours + 1, ones)
    else:
        # How far the ones are turned from lying at the end of the circle; they may run across it.
        first_one, first_zero = bits.argmax(axis=1), bits.argmin(axis=1)
        turns = np.where(first_one == 0, ones - first_zero, neighbours - first_one)
        found = 1 + (ones - 1) * neighbours + turns
        found[0], found[-1] = 0, neighbours * (neighbours - 1) + 1
        found = np.where(rest, neighbours * (neighbours - 1) + 2, found)
    return found.astype(np.uint8 if neighbours == _BITS_OF_A_BYTE else np.uint16)
