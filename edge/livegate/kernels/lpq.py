"""Local phase quantisation (Ojansivu, Heikkila 2008): the signs of a window's four lowest frequencies, at every pixel.

Everything is a whole number below 2^53 in float64, so any order of summing gives the same, on every machine, and a
flat window, whose weights add up to exactly nothing, has no phase instead of the phase of a rounding error.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.kernels.compiled import kernel

RING = 8
"""Picture rows kept at a time: a power of two above the largest window."""
MOST_RADIUS = 3
LINES = RING + 3 + 8
"""Lines of scratch: picture rows, their sums along columns, and what one output row's frequencies are."""
_DOWN, _OUT = RING, RING + 3
_HALF = 4


@kernel()
def _load(plane: Any, row: int, scratch: Any) -> None:
    source, line = plane[row], scratch[row & (RING - 1)]
    for c in range(source.shape[0]):
        line[c] = np.float64(source[c])


@kernel()
def _down(row: int, waves: Any, scratch: Any) -> None:
    """Sum a window's height at every column: plainly, and with the wave's real and imaginary part."""
    plain, real, imaginary = scratch[_DOWN], scratch[_DOWN + 1], scratch[_DOWN + 2]
    middle, at_middle = scratch[row & (RING - 1)], waves[0, 0]
    for c in range(plain.shape[0]):
        plain[c] = middle[c]
        real[c] = at_middle * middle[c]
        imaginary[c] = 0.0
    for k in range(1, waves.shape[1]):
        above, below = scratch[(row - k) & (RING - 1)], scratch[(row + k) & (RING - 1)]
        cosine, sine = waves[0, k], waves[1, k]
        for c in range(plain.shape[0]):
            both = above[c] + below[c]
            plain[c] += both
            real[c] += cosine * both
            imaginary[c] += sine * (below[c] - above[c])


@kernel()
def _along(line: Any, waves: Any, real: Any, imaginary: Any) -> None:
    """Sum a window's width of a line with the wave's real and its imaginary part."""
    radius, width = waves.shape[1] - 1, real.shape[0]
    middle, at_middle = line[radius : radius + width], waves[0, 0]
    for c in range(width):
        real[c] = at_middle * middle[c]
        imaginary[c] = 0.0
    for k in range(1, radius + 1):
        left, right = line[radius - k : radius - k + width], line[radius + k : radius + k + width]
        cosine, sine = waves[0, k], waves[1, k]
        for c in range(width):
            real[c] += cosine * (left[c] + right[c])
            imaginary[c] += sine * (right[c] - left[c])


@kernel()
def _plainly(line: Any, radius: int, out: Any) -> None:
    width = out.shape[0]
    out[:] = 0.0
    for k in range(2 * radius + 1):
        moved = line[k : k + width]
        for c in range(width):
            out[c] += moved[c]


@kernel()
def _frequencies(waves: Any, width: int, scratch: Any) -> None:
    """Write the four real parts, then the four imaginary ones, from the sums along columns."""
    f, radius = scratch[_OUT:, :width], waves.shape[1] - 1
    _along(scratch[_DOWN], waves, f[0], f[_HALF])
    _plainly(scratch[_DOWN + 1], radius, f[1])
    _plainly(scratch[_DOWN + 2], radius, f[_HALF + 1])
    _along(scratch[_DOWN + 1], waves, f[2], f[_HALF + 3])
    _along(scratch[_DOWN + 2], waves, f[_HALF + 2], f[3])
    real_2, real_3, imaginary_2, imaginary_3 = f[2], f[3], f[_HALF + 2], f[_HALF + 3]
    for c in range(width):
        # (e + io)(c + is) and (e + io)(c - is).
        ec, os, oc, es = real_2[c], real_3[c], imaginary_2[c], imaginary_3[c]
        real_2[c], real_3[c] = ec - os, ec + os
        imaginary_2[c], imaginary_3[c] = oc + es, oc - es


@kernel()
def _signs(mixing: Any, bits: Any, scratch: Any, out: Any) -> None:
    """Write the signs of the mixed frequencies of one row."""
    out[:] = np.uint8(0)
    width = out.shape[0]
    for k in range(2 * _HALF):
        first = _OUT + k // _HALF * _HALF
        f0, f1, f2, f3 = scratch[first], scratch[first + 1], scratch[first + 2], scratch[first + 3]
        m0, m1, m2, m3, bit = mixing[k, 0], mixing[k, 1], mixing[k, 2], mixing[k, 3], bits[k]
        for c in range(width):
            total = m0 * f0[c] + m1 * f1[c] + m2 * f2[c] + m3 * f3[c]
            out[c] |= bit if total > 0.0 else np.uint8(0)


@kernel("void(u1[:, :, ::1], f8[:, ::1], f8[:, ::1], u1[::1], f8[:, ::1], u1[:, :, ::1])")
def lpq(
    planes: NDArray[np.uint8],
    waves: NDArray[np.float64],
    mixing: NDArray[np.float64],
    bits: NDArray[np.uint8],
    scratch: NDArray[np.float64],
    out: NDArray[np.uint8],
) -> None:
    """Write the code of every window of (2 r + 1) pixels that lies in its plane.

    Args:
        planes: (P, H, W) uint8.
        waves: (2, r + 1) float64, whole numbers below 2^11: cosine and sine of the lowest frequency, 0 to r pixels
            from the middle, r at most MOST_RADIUS.
        mixing: (8, 4) float64, whole numbers up to 2^26, in the last two columns up to 2^16: rows 0 to 3 mix the four
            real parts, the others the four imaginary ones.
        bits: (8,) uint8, what each of these adds to the code where it is above 0.
        scratch: (LINES, W) float64, worked in.
        out: (P, H - 2 r, W - 2 r) uint8, overwritten.
    """
    radius = waves.shape[1] - 1
    for p in range(planes.shape[0]):
        if out.shape[1] > 0:
            for row in range(2 * radius):
                _load(planes[p], row, scratch)
        for r in range(out.shape[1]):
            _load(planes[p], r + 2 * radius, scratch)
            _down(r + radius, waves, scratch)
            _frequencies(waves, out.shape[2], scratch)
            _signs(mixing, bits, scratch, out[p, r])
