"""The texture kernels as one writes them without Numba: what ours are compared with.

Written apart from the kernels and after the papers, in the quickest form we know for each library, so that a ratio says
what compiling is worth. All work on planes (P, H, W).
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Planes = NDArray[np.float32]
Codes = NDArray[np.uint8]
Lbp = Callable[[Planes], Codes]

NEIGHBOURS = 8
_UNEVEN = NEIGHBOURS * (NEIGHBOURS - 1) + 2
# Rounded as scikit-image rounds them: (row, column) of each neighbour at radius 1.
_OFFSETS = tuple(
    (round(-math.sin(2 * math.pi * p / NEIGHBOURS), 5), round(math.cos(2 * math.pi * p / NEIGHBOURS), 5))
    for p in range(NEIGHBOURS)
)


# Products of 1, cosine, sine along a row and down a column, by number 3 * row + column, that make the real and the
# imaginary parts of the transform at the frequencies (a, 0), (0, a), (a, a), (-a, a): columns.
_PARTS = np.zeros((9, 8), np.float32)
for _column, _products in enumerate((
    {3: 1}, {6: 1}, {1: 1}, {2: 1}, {4: 1, 8: -1}, {5: 1, 7: 1}, {4: 1, 8: 1}, {5: 1, 7: -1},
)):  # fmt: skip
    for _product, _sign in _products.items():
        _PARTS[_product, _column] = _sign


def _label(code: int) -> int:
    """Return which of 59 labels a pattern of eight bits has: uniform ones by length and turn, the rest one."""
    bits = [code >> p & 1 for p in range(NEIGHBOURS)]
    ones, starts = sum(bits), [p for p in range(NEIGHBOURS) if bits[p] and not bits[p - 1]]
    if ones in (0, NEIGHBOURS):
        return 0 if ones == 0 else _UNEVEN - 1
    if len(starts) > 1:
        return _UNEVEN
    # Counted from where the row of ones begins, against the order of the neighbours.
    return 1 + (ones - 1) * NEIGHBOURS + (NEIGHBOURS - starts[0]) % NEIGHBOURS


UNIFORM = np.array([_label(code) for code in range(2**NEIGHBOURS)], np.uint8)
"""The label 0..58 of every pattern, non-rotation-invariant uniform (Ojala 2002), numbered as scikit-image numbers."""


def numpy_lbp(planes: Planes) -> Codes:
    """Return LBP(8,1) uniform (Ojala 2002) of (P, H, W) as labels 0..58; beyond the picture lies 0.

    Places between pixels are reckoned once for the whole picture, not pixel by pixel as scikit-image does: where a
    neighbour at a diagonal is as bright as the middle but for rounding, the two may differ.
    """
    padded = np.pad(planes, ((0, 0), (1, 1), (1, 1)))
    codes = np.zeros(planes.shape, np.uint8)
    for p, (down, across) in enumerate(_OFFSETS):
        bits = _moved(padded, down, across) >= planes
        codes |= bits.view(np.uint8) << np.uint8(p)
    return np.asarray(UNIFORM[codes])


def _moved(padded: Planes, down: float, across: float) -> Planes:
    """Return planes that have an edge of one pixel as seen so far aside, without the edge, bilinearly."""
    height, width = padded.shape[1] - 2, padded.shape[2] - 2
    top, left = math.floor(down), math.floor(across)

    def seen(row: int, column: int) -> Planes:
        return padded[:, 1 + row : 1 + row + height, 1 + column : 1 + column + width]

    def in_row(row: int) -> Planes:
        here = seen(row, left)
        return here if across == left else here + (seen(row, left + 1) - here) * padded.dtype.type(across - left)

    upper = in_row(top)
    return upper if down == top else upper + (in_row(top + 1) - upper) * padded.dtype.type(down - top)


def opencv_lbp(planes: Planes) -> Codes:
    """Return what :func:`numpy_lbp` does by OpenCV in 32 bits: all planes as one high picture, a filter a neighbour.

    Where a neighbour at a diagonal is as bright as the middle, rounding decides.
    """
    count, height, width = planes.shape
    high = np.zeros((count * (height + 2), width + 2), np.float32)
    high.reshape(count, height + 2, width + 2)[:, 1:-1, 1:-1] = planes
    codes = np.zeros(high.shape, np.uint8)
    for p, (down, across) in enumerate(_OFFSETS):
        found = cv2.filter2D(high, -1, _bilinear(down, across), borderType=cv2.BORDER_CONSTANT)
        bit = np.asarray(cv2.compare(found, high, cv2.CMP_GE), np.uint8) & np.uint8(1 << p)
        cv2.bitwise_or(codes, bit, dst=codes)
    labels = np.asarray(cv2.LUT(codes, UNIFORM), np.uint8)
    return labels.reshape(count, height + 2, width + 2)[:, 1:-1, 1:-1]


def _bilinear(down: float, across: float) -> NDArray[np.float32]:
    kernel = np.zeros((3, 3), np.float32)
    top, left = math.floor(down), math.floor(across)
    for row, share in ((top, 1 - (down - top)), (top + 1, down - top)):
        for column, part in ((left, 1 - (across - left)), (left + 1, across - left)):
            if share * part > 0:
                kernel[1 + row, 1 + column] = share * part
    return kernel


def scikit_image_lbp() -> Lbp | None:
    """Return the same by scikit-image, plane by plane, or None where it is not installed."""
    try:
        feature: Any = importlib.import_module("skimage.feature")
    except ImportError:
        return None

    def lbp(planes: Planes) -> Codes:
        found = [feature.local_binary_pattern(plane, NEIGHBOURS, 1, method="nri_uniform") for plane in planes]
        return np.asarray(found).astype(np.uint8)

    return lbp


def numpy_lpq(planes: Planes, window: int, mixing: NDArray[np.float32]) -> Codes:
    """Return the codes (P, H - window + 1, W - window + 1) of local phase quantisation (Ojansivu, Heikkila 2008).

    The short-term Fourier transform over an even window at the four lowest frequencies with alpha = 1 / window, its
    eight parts mixed by ``mixing`` (8, 8), the identity or :func:`uncorrelated`, and their signs as bits.
    """
    taps = _taps(window)
    across = np.lib.stride_tricks.sliding_window_view(planes, window, axis=2) @ taps
    both = np.lib.stride_tricks.sliding_window_view(across, window, axis=1)
    found = (np.ascontiguousarray(both).reshape(-1, window) @ taps).reshape(-1, 9)
    return np.asarray(np.packbits(found @ (_PARTS @ mixing) > 0, axis=1, bitorder="little")).reshape(both.shape[:3])


def uncorrelated(window: int, rho: float) -> NDArray[np.float32]:
    """Return what mixes the eight parts, (8, 8), so that they are uncorrelated where pixels are by rho^distance."""
    places = np.arange(window)
    y, x = (axis.ravel() for axis in np.meshgrid(places, places, indexing="ij"))
    correlation = rho ** np.hypot(y[:, None] - y, x[:, None] - x)
    taps = _taps(window).astype(np.float64)
    of_window = (taps[x][:, :, None] * taps[y][:, None, :]).reshape(-1, 9) @ _PARTS
    _, _, turned = np.linalg.svd(of_window.T @ correlation @ of_window)
    return np.asarray(turned.T, np.float32)


def _taps(window: int) -> NDArray[np.float32]:
    turn = 2 * np.pi * (np.arange(window) - window // 2) / window
    return np.stack([np.ones(window), np.cos(turn), np.sin(turn)], axis=1).astype(np.float32)
