"""The six colour planes texture is looked for in: hue, saturation, value; luma and the two chroma planes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.kernels.compiled import kernel

PLANES = 6

_F = np.float32
_ZERO, _HALF, _ONE, _TWO, _FOUR, _SIXTH, _BYTE = _F(0), _F(0.5), _F(1), _F(2), _F(4), _F(1 / 6), _F(255)
# ITU-R BT.601 for 8-bit R, G, B: luma on 16..235, chroma on 16..240.
_LUMA = (_F(65.481 / 255), _F(128.553 / 255), _F(24.966 / 255), _F(16))
_CHROMA_BLUE = (_F(-37.797 / 255), _F(-74.203 / 255), _F(112.0 / 255), _F(128))
_CHROMA_RED = (_F(112.0 / 255), _F(-93.786 / 255), _F(-18.214 / 255), _F(128))


@kernel()
def _hue(red: Any, green: Any, blue: Any, most: Any, spread: Any) -> Any:
    """Return the hue on [0, 1), 0 for greys. Selections and no branches: SIMD."""
    per = _ONE / (spread if spread > _ZERO else _ONE)
    of_red = (green - blue) * per
    of_green = (blue - red) * per + _TWO
    of_blue = (red - green) * per + _FOUR
    sixths = of_red if most == red else (of_green if most == green else of_blue)
    hue = sixths * _SIXTH
    return hue + _ONE if hue < _ZERO else hue


@kernel()
def _weighted(red: Any, green: Any, blue: Any, weights: Any) -> Any:
    return weights[3] + weights[0] * red + weights[1] * green + weights[2] * blue


@kernel("void(u1[:, :, ::1], f4[:, :, ::1])")
def colour_planes(bgr: NDArray[np.uint8], out: NDArray[np.float32]) -> None:
    """Write H, S, V on [0, 1], Y on [16, 235], Cb and Cr on [16, 240] of ``bgr`` (3, H, W) into ``out`` (6, H, W).

    Smith 1978 for the hexcone (hue in turns, 0 where there is none); ITU-R BT.601 for the rest.
    """
    for i in range(bgr.shape[1]):
        for j in range(bgr.shape[2]):
            blue, green, red = _F(bgr[0, i, j]), _F(bgr[1, i, j]), _F(bgr[2, i, j])
            most = max(red, green, blue)
            spread = most - min(red, green, blue)
            out[0, i, j] = _hue(red, green, blue, most, spread)
            out[1, i, j] = spread / (most if most > _ZERO else _ONE)
            out[2, i, j] = most / _BYTE
            out[3, i, j] = _weighted(red, green, blue, _LUMA)
            out[4, i, j] = _weighted(red, green, blue, _CHROMA_BLUE)
            out[5, i, j] = _weighted(red, green, blue, _CHROMA_RED)


@kernel("void(f4[:, :, ::1], u1[:, :, ::1])")
def to_bytes(planes: NDArray[np.float32], out: NDArray[np.uint8]) -> None:
    """Write the planes of :func:`colour_planes` rounded to whole levels: the first three times 255, the rest as is."""
    for plane in range(PLANES):
        scale = _BYTE if plane < PLANES // 2 else _ONE
        for i in range(out.shape[1]):
            for j in range(out.shape[2]):
                out[plane, i, j] = np.uint8(planes[plane, i, j] * scale + _HALF)
