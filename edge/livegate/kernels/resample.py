"""Pictures looked up between pixels: at places that stand for ever, or through the surface that depth shows.

Bilinear, at 1/256 of a pixel; what lies outside the picture (half a pixel beyond its outermost centres) is 0. A place
is three numbers: which pixel is the upper left one of four, counted row by row, -1 outside; and how far to the right
and down of it to look, in 1/256 of a pixel, 0 to 256.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.kernels.compiled import kernel
from livegate.kernels.register import project

_ZERO, _HALF, _FINE = np.float32(0), np.float32(0.5), np.float32(256)
_WHOLE, _ROUND, _SHIFT = np.int32(256), np.int32(1 << 15), np.int32(16)


@kernel()
def _place(seen: Any, width: int, height: int, places: Any) -> None:
    """Fill the places (3, W) of a row from columns, rows and depths ``seen`` (3, W). Without branches: SIMD."""
    columns, rows, depths = seen[0], seen[1], seen[2]
    corner, across, down = places[0], places[1], places[2]
    last_u, last_v = np.float32(width - 1), np.float32(height - 1)
    most_left, most_top = np.int32(width - 2), np.int32(height - 2)
    for i in range(columns.shape[0]):
        u, v = columns[i], rows[i]
        # NaN is nowhere.
        within = (u > -_HALF) & (u < last_u + _HALF) & (v > -_HALF) & (v < last_v + _HALF) & (depths[i] > _ZERO)
        u = u if within & (u > _ZERO) else _ZERO
        u = u if u < last_u else last_u
        v = v if within & (v > _ZERO) else _ZERO
        v = v if v < last_v else last_v
        left, top = min(np.int32(u), most_left), min(np.int32(v), most_top)
        corner[i] = top * np.int32(width) + left if within else np.int32(-1)
        across[i] = np.int32((u - np.float32(left)) * _FINE + _HALF)
        down[i] = np.int32((v - np.float32(top)) * _FINE + _HALF)


@kernel("void(float32[:,:,::1], int64, int64, int32[:,:,::1])")
def place(seen: NDArray[np.float32], width: int, height: int, places: NDArray[np.int32]) -> None:
    """Fill ``places`` (H, 3, W) for a picture of ``width`` by ``height``, at least 2 by 2.

    ``seen`` (H, 3, W) holds the column and the row to look at, and a depth that is above 0 where there is anything.
    """
    for y in range(seen.shape[0]):
        _place(seen[y], width, height, places[y])


@kernel("void(uint8[::1], int64, int32[:,:,::1], uint8[:,:,::1])")
def resample(image: NDArray[np.uint8], width: int, places: NDArray[np.int32], out: NDArray[np.uint8]) -> None:
    """Write a picture, its (h * width * 3) bytes, as seen at ``places`` (H, 3, W) into ``out`` (H, W, 3)."""
    step = np.uint32(3 * width)
    for y in range(out.shape[0]):
        corner, across, down = places[y, 0], places[y, 1], places[y, 2]
        for x in range(out.shape[1]):
            if corner[x] < 0:
                out[y, x, 0] = out[y, x, 1] = out[y, x, 2] = 0
                continue
            at = np.uint32(corner[x] * 3)
            a, d = across[x], down[x]
            for c in range(np.uint32(3)):
                k = at + np.uint32(c)
                upper = (_WHOLE - a) * np.int32(image[k]) + a * np.int32(image[k + np.uint32(3)])
                under = k + step
                lower = (_WHOLE - a) * np.int32(image[under]) + a * np.int32(image[under + np.uint32(3)])
                out[y, x, c] = np.uint8(((_WHOLE - d) * upper + d * lower + _ROUND) >> _SHIFT)


@kernel()
def _look_up(image: Any, width: int, places: Any, out: Any) -> None:
    corner, across, down = places[0], places[1], places[2]
    one, step = np.uint32(1), np.uint32(width)
    for x in range(out.shape[0]):
        if corner[x] < 0:
            out[x] = 0
            continue
        k = np.uint32(corner[x])
        a, d = across[x], down[x]
        upper = (_WHOLE - a) * np.int32(image[k]) + a * np.int32(image[k + one])
        lower = (_WHOLE - a) * np.int32(image[k + step]) + a * np.int32(image[k + step + one])
        out[x] = np.uint8(((_WHOLE - d) * upper + d * lower + _ROUND) >> _SHIFT)


@kernel("void(u1[::1], i8, i8, u2[:, ::1], f4[:, :, ::1], f4[::1], f4[:, ::1], i4[:, ::1], u1[:, ::1])")
def through_surface(  # noqa: PLR0913, PLR0917 - a kernel takes its arrays flat
    image: NDArray[np.uint8],
    width: int,
    height: int,
    surface: NDArray[np.uint16],
    rays: NDArray[np.float32],
    model: NDArray[np.float32],
    scratch: NDArray[np.float32],
    places: NDArray[np.int32],
    out: NDArray[np.uint8],
) -> None:
    """Write a picture, its (h * w) bytes, as it looks on the pixels of another view into ``out`` (H, W).

    It is ``width`` by ``height``, at least 2 by 2. ``surface`` (H, W) is the distance of what each of those pixels
    shows, in mm, 0 where it is not known; ``rays`` (H, 3, W) and ``model`` are those of
    :func:`livegate.kernels.register.register` from that view to the camera the picture is of. ``scratch`` (3, W) and
    ``places`` (3, W) are worked in.
    """
    for y in range(out.shape[0]):
        project(surface[y], rays[y], model, scratch)
        _place(scratch, width, height, places)
        _look_up(image, width, places, out[y])
