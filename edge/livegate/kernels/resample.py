"""Pictures looked up between pixels: through a map that stands for ever, or through the surface that depth shows.

Bilinear; what lies outside the picture (half a pixel beyond its outermost centres) is 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.kernels.compiled import kernel
from livegate.kernels.register import project

_ZERO, _ONE, _HALF = np.float32(0), np.float32(1), np.float32(0.5)


@kernel()
def _within(place: Any, size: int) -> Any:
    """Return whether a coordinate lies on one of ``size`` pixels; NaN does not."""
    return (place > -_HALF) & (place < np.float32(size) - _HALF)


@kernel()
def _clamped(place: Any, size: int) -> Any:
    last = np.float32(size - 1)
    place = place if place > _ZERO else _ZERO
    return place if place < last else last


@kernel("void(uint8[:,:,::1], float32[:,::1], float32[:,::1], uint8[:,:,::1])")
def resample(
    image: NDArray[np.uint8], columns: NDArray[np.float32], rows: NDArray[np.float32], out: NDArray[np.uint8]
) -> None:
    """Write ``image`` (h, w, 3) as seen at ``columns`` and ``rows`` (H, W), in its pixels, into ``out`` (H, W, 3)."""
    height, width = image.shape[0], image.shape[1]
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            u, v = columns[y, x], rows[y, x]
            if not (_within(u, width) and _within(v, height)):
                out[y, x, 0] = out[y, x, 1] = out[y, x, 2] = 0
                continue
            u, v = _clamped(u, width), _clamped(v, height)
            left, top = np.uint32(u), np.uint32(v)
            right, below = np.uint32(min(left + 1, width - 1)), np.uint32(min(top + 1, height - 1))
            across, down = u - np.float32(left), v - np.float32(top)
            for c in range(3):
                upper = (_ONE - across) * np.float32(image[top, left, c]) + across * np.float32(image[top, right, c])
                lower = (_ONE - across) * np.float32(image[below, left, c]) + across * np.float32(
                    image[below, right, c]
                )
                out[y, x, c] = np.uint8((_ONE - down) * upper + down * lower + _HALF)


@kernel()
def _look_up(image: Any, seen: Any, out: Any) -> None:
    height, width = image.shape
    for x in range(out.shape[0]):
        u, v = seen[0, x], seen[1, x]
        if not (seen[2, x] > _ZERO and _within(u, width) and _within(v, height)):
            out[x] = 0
            continue
        u, v = _clamped(u, width), _clamped(v, height)
        left, top = np.uint32(u), np.uint32(v)
        right, below = np.uint32(min(left + 1, width - 1)), np.uint32(min(top + 1, height - 1))
        across, down = u - np.float32(left), v - np.float32(top)
        upper = (_ONE - across) * np.float32(image[top, left]) + across * np.float32(image[top, right])
        lower = (_ONE - across) * np.float32(image[below, left]) + across * np.float32(image[below, right])
        out[x] = np.uint8((_ONE - down) * upper + down * lower + _HALF)


@kernel("void(uint8[:,::1], uint16[:,::1], float32[:,:,::1], float32[::1], float32[:,::1], uint8[:,::1])")
def through_surface(
    image: NDArray[np.uint8],
    surface: NDArray[np.uint16],
    rays: NDArray[np.float32],
    model: NDArray[np.float32],
    scratch: NDArray[np.float32],
    out: NDArray[np.uint8],
) -> None:
    """Write ``image`` (h, w) as it looks on the pixels of another view into ``out`` (H, W).

    ``surface`` (H, W) is the distance of what each of those pixels shows, in mm, 0 where it is not known; ``rays``
    (H, 3, W) and ``model`` are those of :func:`livegate.kernels.register.register` from that view to the camera
    ``image`` is of. ``scratch`` (3, W) is worked in.
    """
    for y in range(out.shape[0]):
        project(surface[y], rays[y], model, scratch)
        _look_up(image, scratch, out[y])
