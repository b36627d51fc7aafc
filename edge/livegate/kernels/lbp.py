"""Local binary patterns: which neighbours on a circle are no darker than the pixel (Ojala, Pietikainen, Maenpaa 2002).

Equal to scikit-image's ``local_binary_pattern`` in every bit: neighbours between pixels are interpolated by the same
float64 operations in the same order, and outside the picture everything is 0. Bit ``i`` of a code is the neighbour
``i`` steps counter-clockwise from the one to the right.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.kernels.compiled import kernel

RING = 8
"""Picture rows kept at a time: a power of two above twice the largest radius."""
MOST_RADIUS = 3
LINES_8, LINES_16 = 3, 7
"""Lines kept of each row: itself, and interpolated at each of the columns that slanted neighbours lie at."""
# Of sixteen neighbours those between pixels: which bit, and which of six offsets it lies at along rows and columns.
_SLANTED = ((1, 2, 5), (2, 1, 4), (3, 0, 3), (5, 0, 2), (6, 1, 1), (7, 2, 0),
            (9, 3, 0), (10, 4, 1), (11, 5, 2), (13, 5, 3), (14, 4, 4), (15, 3, 5))  # fmt: skip
_U = np.uint8


@kernel()
def _lines(plane: Any, row: int, margin: int, across: Any, scratch: Any) -> None:
    """Fill the lines of one picture row: itself with zeros around it, then interpolated for each column offset."""
    kinds, width = len(across), plane.shape[1]
    lines = scratch[(kinds + 1) * (row & (RING - 1)) :]
    if row < 0 or row >= plane.shape[0]:
        lines[: kinds + 1] = 0.0
        return
    own, source = lines[0, margin : margin + width], plane[row]
    for c in range(width):
        own[c] = np.float64(source[c])
    for kind in range(kinds):
        first = margin + int(np.floor(across[kind]))
        left, right = lines[0, first : first + width], lines[0, first + 1 : first + 1 + width]
        share, out = scratch[(kinds + 1) * RING + kind, :width], lines[kind + 1, :width]
        for c in range(width):
            out[c] = (1.0 - share[c]) * left[c] + share[c] * right[c]


@kernel()
def _begin(plane: Any, radius: int, margin: int, across: Any, scratch: Any) -> None:
    """Clear the ring, and fill the lines of the rows that the first row looks down on."""
    scratch[: (len(across) + 1) * RING] = 0.0
    for row in range(radius):
        _lines(plane, row, margin, across, scratch)


@kernel()
def _shares(width: int, across: Any, scratch: Any) -> None:
    """Write how far right of a pixel each column plus each offset lies, 0 to 1, as rounding has it there."""
    for kind in range(len(across)):
        share = scratch[(len(across) + 1) * RING + kind]
        for c in range(width):
            share[c] = (c + across[kind]) - np.floor(c + across[kind])


@kernel()
def _between(row: int, offset: float, lines: int, kind: int, scratch: Any) -> Any:
    """Return the two lines of a kind between which a row plus an offset lies, and how far from the first."""
    place = row + offset
    first = int(np.floor(place))
    upper = scratch[lines * (first & (RING - 1)) + kind]
    lower = scratch[lines * ((first + 1) & (RING - 1)) + kind]
    return upper, lower, place - first


@kernel()
def _row_8(row: int, radius: int, diagonal: float, margin: int, scratch: Any, out: Any) -> None:
    """Write the codes of one row."""
    width = out.shape[0]
    here = scratch[LINES_8 * (row & (RING - 1))]
    middle, east = here[margin : margin + width], here[margin + radius : margin + radius + width]
    west = here[margin - radius : margin - radius + width]
    north = scratch[LINES_8 * ((row - radius) & (RING - 1)), margin : margin + width]
    south = scratch[LINES_8 * ((row + radius) & (RING - 1)), margin : margin + width]
    nw0, nw1, up = _between(row, -diagonal, LINES_8, 1, scratch)
    ne0, ne1, _ = _between(row, -diagonal, LINES_8, 2, scratch)
    sw0, sw1, down = _between(row, diagonal, LINES_8, 1, scratch)
    se0, se1, _ = _between(row, diagonal, LINES_8, 2, scratch)
    rest_up, rest_down = 1.0 - up, 1.0 - down
    for c in range(width):
        v = middle[c]
        code = _U(east[c] >= v)
        code |= _U(rest_up * ne0[c] + up * ne1[c] >= v) << _U(1)
        code |= _U(north[c] >= v) << _U(2)
        code |= _U(rest_up * nw0[c] + up * nw1[c] >= v) << _U(3)
        code |= _U(west[c] >= v) << _U(4)
        code |= _U(rest_down * sw0[c] + down * sw1[c] >= v) << _U(5)
        code |= _U(south[c] >= v) << _U(6)
        code |= _U(rest_down * se0[c] + down * se1[c] >= v) << _U(7)
        out[c] = code


@kernel(
    "void(u1[:, :, ::1], i8, f8, u1[::1], f8[:, ::1], u1[:, :, ::1])",
    "void(f8[:, :, ::1], i8, f8, u1[::1], f8[:, ::1], u1[:, :, ::1])",
)
def lbp_8(
    planes: NDArray[Any],
    radius: int,
    diagonal: float,
    table: NDArray[np.uint8],
    scratch: NDArray[np.float64],
    out: NDArray[np.uint8],
) -> None:
    """Write the pattern of eight neighbours at every pixel, as ``table`` names it.

    Args:
        planes: (P, H, W) uint8, or float64 and finite; of any size.
        radius: of the circle, 1 to MOST_RADIUS.
        diagonal: the offset of a diagonal neighbour along rows and columns, radius / sqrt(2) to five decimals.
        table: (256,) what to write for each code.
        scratch: (LINES_8 * RING + 2, W + 2 * radius + 2) float64, worked in.
        out: (P, H, W) uint8, overwritten.
    """
    height, width = planes.shape[1:]
    across, margin = (-diagonal, diagonal), radius + 1
    _shares(width, across, scratch)
    for p in range(planes.shape[0]):
        _begin(planes[p], radius, margin, across, scratch)
        for r in range(height):
            _lines(planes[p], r + radius, margin, across, scratch)
            row = out[p, r]
            _row_8(r, radius, diagonal, margin, scratch, row)
            for c in range(width):
                row[c] = table[row[c]]


@kernel()
def _row_16(row: int, across: Any, margin: int, scratch: Any, out: Any) -> None:
    """Write the codes of one row."""
    width = out.shape[0]
    here = scratch[LINES_16 * (row & (RING - 1))]
    middle = here[margin : margin + width]
    east, west = here[margin + 2 : margin + 2 + width], here[margin - 2 : margin - 2 + width]
    north = scratch[LINES_16 * ((row - 2) & (RING - 1)), margin : margin + width]
    south = scratch[LINES_16 * ((row + 2) & (RING - 1)), margin : margin + width]
    for c in range(width):
        v = middle[c]
        code = np.uint16(east[c] >= v) | np.uint16(north[c] >= v) << np.uint16(4)
        out[c] = code | np.uint16(west[c] >= v) << np.uint16(8) | np.uint16(south[c] >= v) << np.uint16(12)
    for bit, down, right in _SLANTED:
        upper, lower, share = _between(row, across[down], LINES_16, right + 1, scratch)
        rest, one = 1.0 - share, np.uint16(1 << bit)
        for c in range(width):
            out[c] |= one if rest * upper[c] + share * lower[c] >= middle[c] else np.uint16(0)


@kernel(
    "void(u1[:, :, ::1], f8[::1], u2[::1], f8[:, ::1], u2[:, :, ::1])",
    "void(f8[:, :, ::1], f8[::1], u2[::1], f8[:, ::1], u2[:, :, ::1])",
)
def lbp_16(
    planes: NDArray[Any],
    across: NDArray[np.float64],
    table: NDArray[np.uint16],
    scratch: NDArray[np.float64],
    out: NDArray[np.uint16],
) -> None:
    """Write the pattern of sixteen neighbours two pixels away at every pixel, as ``table`` names it.

    Args:
        planes: (P, H, W) uint8, or float64 and finite; of any size.
        across: (6,) the offsets of slanted neighbours along rows and columns in rising order, to five decimals.
        table: (65536,) what to write for each code.
        scratch: (LINES_16 * RING + 6, W + 6) float64, worked in.
        out: (P, H, W) uint16, overwritten.
    """
    height, width = planes.shape[1:]
    _shares(width, across, scratch)
    for p in range(planes.shape[0]):
        _begin(planes[p], 2, 3, across, scratch)
        for r in range(height):
            _lines(planes[p], r + 2, 3, across, scratch)
            row = out[p, r]
            _row_16(r, across, 3, scratch, row)
            for c in range(width):
                row[c] = table[row[c]]
