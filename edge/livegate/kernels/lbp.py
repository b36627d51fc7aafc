"""Local binary patterns: which neighbours on a circle are no darker than the pixel (Ojala, Pietikainen, Maenpaa 2002).

Equal to scikit-image's ``local_binary_pattern`` in every bit: neighbours between pixels are interpolated by the same
float64 operations in the same order, and outside the picture everything is 0. Bit ``i`` of a code is the neighbour
``i`` steps counter-clockwise from the one to the right.

A row of all planes is worked on at once, one plane beside the other with MARGIN zeros around each: long loops. That
is a line; its ``span`` is all but the outermost margins.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.kernels.compiled import kernel

MARGIN = 8
RING = 8
"""Picture rows kept at a time: a power of two above twice the largest radius."""
MOST_RADIUS = 2
SCRATCH_8, SCRATCH_16 = 3 * RING + 4, 7 * RING + 12
"""Lines of scratch: of each row kept itself, and as it is at each slanted neighbour's column; and these columns."""
# Of sixteen neighbours those between pixels: which bit, and which of six offsets it lies at along rows and columns.
_SLANTED = ((1, 2, 5), (2, 1, 4), (3, 0, 3), (5, 0, 2), (6, 1, 1), (7, 2, 0),
            (9, 3, 0), (10, 4, 1), (11, 5, 2), (13, 5, 3), (14, 4, 4), (15, 3, 5))  # fmt: skip
_U, _U2 = np.uint8, np.uint16


@kernel("void(i8, i8, f8[::1], f8[:, ::1])")
def prepare(count: int, width: int, across: NDArray[np.float64], scratch: NDArray[np.float64]) -> None:
    """Write into scratch what the planes do not change: zeros around them, and where their columns' neighbours lie.

    Args:
        count: how many planes there are.
        width: of each, W.
        across: (2,) or (6,) the offsets of slanted neighbours along columns in rising order, to five decimals.
        scratch: as of the kernel that is called next, which leaves this as it is.
    """
    kinds = len(across)
    scratch[:] = 0.0
    shares = scratch[(kinds + 1) * RING :]
    for kind in range(kinds):
        share, rest = shares[2 * kind], shares[2 * kind + 1]
        for p in range(count):
            first = p * (width + MARGIN) + MARGIN
            for c in range(width):
                # How far right of a pixel its neighbour lies, as rounding has it at that column.
                share[first + c] = (c + across[kind]) - np.floor(c + across[kind])
                rest[first + c] = 1.0 - share[first + c]


@kernel()
def _load(planes: Any, row: int, across: Any, scratch: Any) -> None:
    """Fill the lines of one picture row: itself, then interpolated for each column offset."""
    kinds, width = len(across), planes.shape[2]
    lines = scratch[(kinds + 1) * (row & (RING - 1)) :]
    if row < 0 or row >= planes.shape[1]:
        lines[: kinds + 1] = 0.0
        return
    for p in range(planes.shape[0]):
        first = p * (width + MARGIN) + MARGIN
        own, source = lines[0, first : first + width], planes[p, row]
        for c in range(width):
            own[c] = np.float64(source[c])
    span = lines.shape[1] - 2 * MARGIN
    for kind in range(kinds):
        first = MARGIN + int(np.floor(across[kind]))
        left, right = lines[0, first : first + span], lines[0, first + 1 : first + 1 + span]
        share = scratch[(kinds + 1) * RING + 2 * kind, MARGIN : MARGIN + span]
        rest = scratch[(kinds + 1) * RING + 2 * kind + 1, MARGIN : MARGIN + span]
        out = lines[kind + 1, MARGIN : MARGIN + span]
        for x in range(span):
            out[x] = rest[x] * left[x] + share[x] * right[x]


@kernel()
def _straight(row: int, radius: int, lines: int, scratch: Any) -> Any:
    """Return the spans of a row, and of what lies right, above, left and below of it by the radius."""
    span = scratch.shape[1] - 2 * MARGIN
    here = scratch[lines * (row & (RING - 1))]
    above = scratch[lines * ((row - radius) & (RING - 1)), MARGIN : MARGIN + span]
    below = scratch[lines * ((row + radius) & (RING - 1)), MARGIN : MARGIN + span]
    right = here[MARGIN + radius : MARGIN + radius + span]
    left = here[MARGIN - radius : MARGIN - radius + span]
    return here[MARGIN : MARGIN + span], right, above, left, below


@kernel()
def _between(row: int, offset: float, lines: int, kind: int, scratch: Any) -> Any:
    """Return the spans of a kind between which a row plus an offset lies, and how far from the first."""
    span = scratch.shape[1] - 2 * MARGIN
    place = row + offset
    first = int(np.floor(place))
    upper = scratch[lines * (first & (RING - 1)) + kind, MARGIN : MARGIN + span]
    lower = scratch[lines * ((first + 1) & (RING - 1)) + kind, MARGIN : MARGIN + span]
    return upper, lower, place - first


@kernel()
def _name(row: int, codes: Any, table: Any, out: Any) -> None:
    """Write a row of all planes as the table names its codes."""
    width = out.shape[2]
    for p in range(out.shape[0]):
        first = p * (width + MARGIN)
        own, named = codes[first : first + width], out[p, row]
        for c in range(width):
            named[c] = table[own[c]]


@kernel()
def _row_8(row: int, radius: int, diagonal: float, scratch: Any, codes: Any) -> None:
    """Write the codes of one row."""
    middle, right, above, left, below = _straight(row, radius, 3, scratch)
    nw0, nw1, up = _between(row, -diagonal, 3, 1, scratch)
    ne0, ne1, _ = _between(row, -diagonal, 3, 2, scratch)
    sw0, sw1, down = _between(row, diagonal, 3, 1, scratch)
    se0, se1, _ = _between(row, diagonal, 3, 2, scratch)
    rest_up, rest_down = 1.0 - up, 1.0 - down
    for x in range(middle.shape[0]):
        v = middle[x]
        code = _U(right[x] >= v)
        code |= _U(rest_up * ne0[x] + up * ne1[x] >= v) << _U(1)
        code |= _U(above[x] >= v) << _U(2)
        code |= _U(rest_up * nw0[x] + up * nw1[x] >= v) << _U(3)
        code |= _U(left[x] >= v) << _U(4)
        code |= _U(rest_down * sw0[x] + down * sw1[x] >= v) << _U(5)
        code |= _U(below[x] >= v) << _U(6)
        code |= _U(rest_down * se0[x] + down * se1[x] >= v) << _U(7)
        codes[x] = code


@kernel(
    "void(u1[:, :, ::1], i8, f8, u1[::1], f8[:, ::1], u1[::1], u1[:, :, ::1])",
    "void(f8[:, :, ::1], i8, f8, u1[::1], f8[:, ::1], u1[::1], u1[:, :, ::1])",
)
def lbp_8(
    planes: NDArray[Any],
    radius: int,
    diagonal: float,
    table: NDArray[np.uint8],
    scratch: NDArray[np.float64],
    codes: NDArray[np.uint8],
    out: NDArray[np.uint8],
) -> None:
    """Write the pattern of eight neighbours at every pixel, as ``table`` names it.

    Args:
        planes: (P, H, W) uint8, or float64 and finite; of any size.
        radius: of the circle, 1 to MOST_RADIUS.
        diagonal: the offset of a diagonal neighbour along rows and columns, radius / sqrt(2) to five decimals.
        table: (256,) what to write for each code.
        scratch: (SCRATCH_8, L) float64, as :func:`prepare` left it, worked in.
        codes: (L,) uint8, worked in.
        out: (P, H, W) uint8, overwritten.
    """
    across = (-diagonal, diagonal)
    for row in range(-radius, radius):
        _load(planes, row, across, scratch)
    for row in range(planes.shape[1]):
        _load(planes, row + radius, across, scratch)
        _row_8(row, radius, diagonal, scratch, codes)
        _name(row, codes, table, out)


@kernel()
def _row_16(row: int, across: Any, scratch: Any, codes: Any) -> None:
    """Write the codes of one row."""
    middle, right, above, left, below = _straight(row, 2, 7, scratch)
    for x in range(middle.shape[0]):
        v = middle[x]
        code = _U2(right[x] >= v) | _U2(above[x] >= v) << _U2(4)
        codes[x] = code | _U2(left[x] >= v) << _U2(8) | _U2(below[x] >= v) << _U2(12)
    for bit, slant, kind in _SLANTED:
        upper, lower, share = _between(row, across[slant], 7, kind + 1, scratch)
        rest, one = 1.0 - share, _U2(1 << bit)
        for x in range(middle.shape[0]):
            codes[x] |= one if rest * upper[x] + share * lower[x] >= middle[x] else _U2(0)


@kernel(
    "void(u1[:, :, ::1], f8[::1], u2[::1], f8[:, ::1], u2[::1], u2[:, :, ::1])",
    "void(f8[:, :, ::1], f8[::1], u2[::1], f8[:, ::1], u2[::1], u2[:, :, ::1])",
)
def lbp_16(
    planes: NDArray[Any],
    across: NDArray[np.float64],
    table: NDArray[np.uint16],
    scratch: NDArray[np.float64],
    codes: NDArray[np.uint16],
    out: NDArray[np.uint16],
) -> None:
    """Write the pattern of sixteen neighbours two pixels away at every pixel, as ``table`` names it.

    Args:
        planes: (P, H, W) uint8, or float64 and finite; of any size.
        across: (6,) the offsets of slanted neighbours along rows and columns in rising order, to five decimals.
        table: (65536,) what to write for each code.
        scratch: (SCRATCH_16, L) float64, as :func:`prepare` left it, worked in.
        codes: (L,) uint16, worked in.
        out: (P, H, W) uint16, overwritten.
    """
    for row in range(-MOST_RADIUS, MOST_RADIUS):
        _load(planes, row, across, scratch)
    for row in range(planes.shape[1]):
        _load(planes, row + MOST_RADIUS, across, scratch)
        _row_16(row, across, scratch, codes)
        _name(row, codes, table, out)
