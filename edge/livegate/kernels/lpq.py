"""Local phase quantisation (Ojansivu, Heikkila 2008): the signs of a window's four lowest frequencies, at every pixel.

Weights are whole numbers that add up to nothing, and sums along one axis stay below 2^24, exact in float32: a flat
window has no phase, instead of the phase of a rounding error. The operations and their order are fixed, so every
machine gets the same codes. Smaller windows are windows of 7 x 7 with weights of 0.

A row of all planes is worked on at once, one plane beside the other: long loops.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.kernels.compiled import kernel

RING = 8
"""Picture rows kept at a time: a power of two above the largest window."""
RADIUS = 3
MARGIN = 16
"""Numbers before and after the planes in a line; more than RADIUS, and a whole cache line."""
SCRATCH = RING + 3
"""Lines of scratch: picture rows, and their three sums along columns."""
_F, _U, _I = np.float32, np.uint8, np.uint64
_ZERO = np.float32(0)
_L3, _L2, _L1, _M, _R1, _R2, _R3 = _I(0), _I(1), _I(2), _I(3), _I(4), _I(5), _I(6)


@kernel()
def _load(planes: Any, row: int, scratch: Any) -> None:
    width, line = planes.shape[2], scratch[row & (RING - 1)]
    for p in range(planes.shape[0]):
        source, own = planes[p, row], line[MARGIN + p * width : MARGIN + (p + 1) * width]
        for c in range(width):
            own[c] = _F(source[c])


@kernel()
def _down(row: int, waves: Any, scratch: Any) -> None:
    """Sum a window's height at every column: plainly, and with the wave's real and imaginary part."""
    plain, real, imaginary = scratch[RING], scratch[RING + 1], scratch[RING + 2]
    middle = scratch[row & (RING - 1)]
    a1, b1 = scratch[(row - 1) & (RING - 1)], scratch[(row + 1) & (RING - 1)]
    a2, b2 = scratch[(row - 2) & (RING - 1)], scratch[(row + 2) & (RING - 1)]
    a3, b3 = scratch[(row - 3) & (RING - 1)], scratch[(row + 3) & (RING - 1)]
    c0, c1, c2, c3 = waves[0, 0], waves[0, 1], waves[0, 2], waves[0, 3]
    s1, s2, s3 = waves[1, 1], waves[1, 2], waves[1, 3]
    w2, w3 = waves[2, 2], waves[2, 3]
    for c in range(plain.shape[0]):
        t1, t2, t3 = a1[c] + b1[c], a2[c] + b2[c], a3[c] + b3[c]
        plain[c] = middle[c] + t1 + w2 * t2 + w3 * t3
        real[c] = c0 * middle[c] + c1 * t1 + c2 * t2 + c3 * t3
        imaginary[c] = s1 * (b1[c] - a1[c]) + s2 * (b2[c] - a2[c]) + s3 * (b3[c] - a3[c])


@kernel()
def _along(line: Any, c: Any, w: Any) -> Any:
    """Return the sums of a window's width from ``c`` on: with the wave's real and imaginary part, and plainly."""
    t1, t2, t3 = line[c + _L1] + line[c + _R1], line[c + _L2] + line[c + _R2], line[c + _L3] + line[c + _R3]
    d1, d2, d3 = line[c + _R1] - line[c + _L1], line[c + _R2] - line[c + _L2], line[c + _R3] - line[c + _L3]
    even = w[0] * line[c + _M] + w[1] * t1 + w[2] * t2 + w[3] * t3
    return even, w[4] * d1 + w[5] * d2 + w[6] * d3, line[c + _M] + t1 + w[7] * t2 + w[8] * t3


@kernel()
def _bit(f: Any, m: Any) -> Any:
    """Return what is added to the code for four numbers: m[4] where their mix is above 0."""
    return m[4] if m[0] * f[0] + m[1] * f[1] + m[2] * f[2] + m[3] * f[3] > _ZERO else _U(0)


@kernel()
def _mix(mixing: Any, bits: Any, k: int) -> Any:
    return mixing[k, 0], mixing[k, 1], mixing[k, 2], mixing[k, 3], bits[k]


@kernel()
def _codes(waves: Any, mixing: Any, bits: Any, scratch: Any, codes: Any) -> None:
    """Write the code of every place in a line: sums along the row, mixed, and their signs."""
    first = MARGIN - RADIUS
    plain, real, imaginary = scratch[RING, first:], scratch[RING + 1, first:], scratch[RING + 2, first:]
    # Not looked up where they are used: what is written might be them, as far as a compiler knows.
    w = (waves[0, 0], waves[0, 1], waves[0, 2], waves[0, 3], waves[1, 1], waves[1, 2], waves[1, 3],
         waves[2, 2], waves[2, 3])  # fmt: skip
    m0, m1, m2, m3 = _mix(mixing, bits, 0), _mix(mixing, bits, 1), _mix(mixing, bits, 2), _mix(mixing, bits, 3)
    m4, m5, m6, m7 = _mix(mixing, bits, 4), _mix(mixing, bits, 5), _mix(mixing, bits, 6), _mix(mixing, bits, 7)
    for c in range(_I(codes.shape[0])):
        # Nothing but its type in compiled code; as Python, NumPy 1 makes a float of an int and a uint64.
        place = _I(c)
        real_0, imaginary_0, _ = _along(plain, place, w)
        even_real, odd_real, real_1 = _along(real, place, w)
        even_imaginary, odd_imaginary, imaginary_1 = _along(imaginary, place, w)
        f = real_0, real_1, even_real - odd_imaginary, even_real + odd_imaginary
        g = imaginary_0, imaginary_1, even_imaginary + odd_real, even_imaginary - odd_real
        low = _bit(f, m0) | _bit(f, m1) | _bit(f, m2) | _bit(f, m3)
        codes[place] = low | _bit(g, m4) | _bit(g, m5) | _bit(g, m6) | _bit(g, m7)


@kernel("void(u1[:, :, ::1], f4[:, ::1], f4[:, ::1], u1[::1], f4[:, ::1], u1[::1], u1[:, :, ::1])")
def lpq(
    planes: NDArray[np.uint8],
    waves: NDArray[np.float32],
    mixing: NDArray[np.float32],
    bits: NDArray[np.uint8],
    scratch: NDArray[np.float32],
    codes: NDArray[np.uint8],
    out: NDArray[np.uint8],
) -> None:
    """Write the code of every window that lies in its plane.

    Args:
        planes: (P, H, W) uint8, at least as large as a window.
        waves: (3, RADIUS + 1) float32, 0 to RADIUS pixels from the middle: cosine and sine of the lowest frequency,
            whole numbers up to 2^11, and 1 where the window is, else 0.
        mixing: (8, 4) float32: rows 0 to 3 mix the four real parts, the others the four imaginary ones.
        bits: (8,) uint8, what each of these adds to the code where it is above 0.
        scratch: (SCRATCH, at least P * W + 2 * MARGIN) float32, worked in.
        codes: (P * W,) uint8, worked in.
        out: (P, H - 2 r, W - 2 r) uint8, r the window's radius, overwritten.
    """
    radius, width = (planes.shape[2] - out.shape[2]) // 2, planes.shape[2]
    scratch[:] = _ZERO
    for row in range(2 * radius):
        _load(planes, row, scratch)
    for r in range(out.shape[1]):
        _load(planes, r + 2 * radius, scratch)
        _down(r + radius, waves, scratch)
        _codes(waves, mixing, bits, scratch, codes)
        for p in range(out.shape[0]):
            found, row_out = codes[p * width + radius : (p + 1) * width - radius], out[p, r]
            for c in range(out.shape[2]):
                row_out[c] = found[c]
