"""Registration of a depth map onto another camera's pixels, nearest surface first.

Every pixel of the depth camera is a small patch of surface. Its ray (precomputed, so that the depth camera's own
distortion costs nothing) times its depth is a point, which is moved and projected into the target camera with the
target's Brown-Conrady distortion (Brown 1966, as OpenCV has it). The patch covers the rectangle of target pixels whose
centres lie in it: half a depth pixel to each side and, where the neighbour on the right or below belongs to the same
surface, on to that neighbour's patch, so that enlarging, slant and roll leave no cracks. Between a near and a far
surface nothing is bridged: what only one of the two cameras sees stays without a value, and of two patches on one pixel
the nearer wins.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.kernels.compiled import kernel

# Places in ``model``, (MODEL_SIZE,) float32.
UNIT, OFFSET, TX, TY, TZ, FX, FY, CX, CY, K1, K2, P1, P2, K3, MOST_R2, HALF_U, HALF_V, STEP = range(18)
MODEL_SIZE = 18
NO_RETURN = 65535
"""Besides 0: what some sensors give for "too far" or "none"."""

_ZERO, _ONE, _TWO, _HALF = np.float32(0), np.float32(1), np.float32(2), np.float32(0.5)
# A uint16 of millimetres holds no more, and nothing nearer than a millimetre is seen.
_NEAREST, _FARTHEST = np.float32(1), np.float32(65534)
_SINGLE = np.uint32(1)


@kernel()
def project(depth: Any, rays: Any, m: Any, out: Any) -> None:
    """Fill a row of ``out`` (3, w): target column and row of each pixel, and its depth there, 0 where it is not seen.

    Without branches, so that it becomes SIMD; arguments as for :func:`register`.
    """
    unit, offset, tx, ty, tz = m[UNIT], m[OFFSET], m[TX], m[TY], m[TZ]
    fx, fy, cx, cy = m[FX], m[FY], m[CX], m[CY]
    k1, k2, p1, p2, k3, most_r2 = m[K1], m[K2], m[P1], m[P2], m[K3], m[MOST_R2]
    rx, ry, rz = rays[0], rays[1], rays[2]
    u, v, z = out[0], out[1], out[2]
    for i in range(depth.shape[0]):
        raw = depth[i]
        d = np.float32(raw) * unit + offset
        pz = d * rz[i] + tz
        seen = (raw != 0) & (raw != NO_RETURN) & (d > _ZERO) & (pz >= _NEAREST) & (pz <= _FARTHEST)
        a = (d * rx[i] + tx) / pz
        b = (d * ry[i] + ty) / pz
        r2 = a * a + b * b
        radial = _ONE + r2 * (k1 + r2 * (k2 + r2 * k3))
        u[i] = fx * (a * radial + _TWO * p1 * a * b + p2 * (r2 + _TWO * a * a)) + cx
        v[i] = fy * (b * radial + p1 * (r2 + _TWO * b * b) + _TWO * p2 * a * b) + cy
        z[i] = pz if seen & (r2 <= most_r2) else _ZERO


@kernel()
def _bounds(row: Any, under: Any, axis: int, limit: Any, model: Any, covered: Any) -> None:
    """Fill the first target pixel each patch covers along one axis, and the one after its last; both 0..limit.

    No branches here either. A neighbour without a value has depth 0, far out of reach; NaN compares as false.
    """
    halved, step = model[HALF_U + axis], model[STEP]
    u, z, below_u, below_z = row[axis], row[2], under[axis], under[2]
    first, end = covered[2 * axis], covered[2 * axis + 1]
    for i in range(first.shape[0]):
        here, depth = u[i], z[i]
        reach = step * depth
        right = u[i + 1] if abs(z[i + 1] - depth) <= reach else here
        below = below_u[i] if abs(below_z[i] - depth) <= reach else here
        least = right if right < below else below
        most = right if right > below else below
        low, high = here - halved, here + halved
        low = low if low < least + halved else least + halved
        high = high if high > most - halved else most - halved
        low = low if low > _ZERO else _ZERO
        low = low if low < limit else limit
        high = high if high > _ZERO else _ZERO
        high = high if high < limit else limit
        whole_low, whole_high = np.int32(low), np.int32(high)
        first[i] = whole_low + np.int32(np.float32(whole_low) < low)
        end[i] = whole_high + np.int32(np.float32(whole_high) < high)


@kernel()
def _nearer(held: Any, value: Any) -> Any:
    """Return the nearer of two values of which ``held`` may be 0, for none: as one less it wraps to the farthest."""
    return np.uint16(min(np.uint16(held - np.uint16(1)), np.uint16(value - np.uint16(1))) + np.uint16(1))


@kernel()
def _scatter(z: Any, covered: Any, out: Any) -> None:
    left, right, top, bottom = covered[0], covered[1], covered[2], covered[3]
    for i in range(left.shape[0]):
        # Unsigned: an index that cannot be negative need not be looked at for counting from the end.
        x0, x1, y0, y1 = np.uint32(left[i]), np.uint32(right[i]), np.uint32(top[i]), np.uint32(bottom[i])
        if z[i] > _ZERO and x0 < x1 and y0 < y1:
            value = np.uint16(z[i] + _HALF)
            out[y0, x0] = _nearer(out[y0, x0], value)
            # Most patches cover one pixel, and a loop over one costs as much as all the rest.
            if x1 - x0 > _SINGLE or y1 - y0 > _SINGLE:
                for y in range(y0, y1):
                    for x in range(x0, x1):
                        out[y, x] = _nearer(out[y, x], value)


@kernel("void(uint16[:,::1], float32[:,:,::1], float32[::1], float32[:,::1], int32[:,::1], uint16[:,::1])")
def register(
    depth: NDArray[np.uint16],
    rays: NDArray[np.float32],
    model: NDArray[np.float32],
    scratch: NDArray[np.float32],
    covered: NDArray[np.int32],
    out: NDArray[np.uint16],
) -> None:
    """Write ``depth`` (h, w), in counts, as it looks from the target camera into ``out`` (H, W) in mm, 0 = nothing.

    ``rays`` (h, 3, w) is, for each depth pixel, its ray at unit depth turned into the target's axes; NaN where the
    lens shows nothing. ``model`` (MODEL_SIZE,) holds millimetres a count and offset in mm of the depth camera, its
    place in the target's axes in mm, the target's focal lengths, principal point and distortion, the greatest squared
    distance from the axis its picture shows (beyond it the polynomials may fold back), half the size in target pixels
    of a depth pixel, and by what share of its depth a neighbour may be nearer or further on one surface. ``scratch``
    (6, w + 1) and ``covered`` (4, w) are worked in.
    """
    height, columns, rows = depth.shape[0], np.float32(out.shape[1]), np.float32(out.shape[0])
    out[:] = 0
    scratch[:, depth.shape[1]] = _ZERO
    here, below = 0, 3
    if height > 0:
        project(depth[0], rays[0], model, scratch[:3])
    for y in range(height):
        if y + 1 < height:
            project(depth[y + 1], rays[y + 1], model, scratch[below : below + 3])
        else:
            below = here
        row, under = scratch[here : here + 3], scratch[below : below + 3]
        _bounds(row, under, 0, columns, model, covered)
        _bounds(row, under, 1, rows, model, covered)
        _scatter(row[2], covered, out)
        here, below = 3 - here, here
