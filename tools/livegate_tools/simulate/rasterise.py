"""Numba kernels of the head renderer: visibility, texture fetches and vertex normals.

A z-buffer over screen-space triangles. Depth is compared by a key that is linear on the screen (-1/z under perspective,
z under an orthographic projection), so one kernel draws pictures and shadow maps. Alpha-tested materials
(hair, lashes, cut paper) compare their texture's alpha with a hash of the sample's place, which makes layers of
hair blend in any order once samples are averaged.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from livegate_tools.simulate.compiling import CACHE

Array = NDArray[Any]


@numba.njit(cache=CACHE, inline="always")
def hash_unit(x: int, y: int, seed: int) -> float:
    """Return a number in [0, 1) that depends on three integers and looks random."""
    h = np.uint32(x) * np.uint32(374761393) + np.uint32(y) * np.uint32(668265263) + np.uint32(seed) * np.uint32(974711)
    h = (h ^ (h >> np.uint32(13))) * np.uint32(1274126177)
    h = h ^ (h >> np.uint32(16))
    return float(h & np.uint32(0xFFFFFF)) / 16777216.0


@numba.njit(cache=CACHE)
def value_noise(x: float, y: float, seed: int) -> float:
    """Return smooth noise in [-1, 1] with one lattice cell per unit of x and y."""
    ix, iy = int(np.floor(x)), int(np.floor(y))
    fx, fy = x - ix, y - iy
    fx, fy = fx * fx * (3.0 - 2.0 * fx), fy * fy * (3.0 - 2.0 * fy)
    top = hash_unit(ix, iy, seed) * (1.0 - fx) + hash_unit(ix + 1, iy, seed) * fx
    low = hash_unit(ix, iy + 1, seed) * (1.0 - fx) + hash_unit(ix + 1, iy + 1, seed) * fx
    return 2.0 * (top * (1.0 - fy) + low * fy) - 1.0


@numba.njit(cache=CACHE)
def sample_alpha(texels: Array, table: Array, layer: int, u: float, v: float) -> float:
    """Return the nearest texel's alpha, 0..1; u and v wrap, v counts from the picture's lower edge."""
    offset, width, height = table[layer, 0], table[layer, 1], table[layer, 2]
    x = int((u - np.floor(u)) * width) % width
    y = int((1.0 - (v - np.floor(v))) * height) % height
    return float(texels[offset + y * width + x, 3] / 255.0)


@numba.njit(cache=CACHE)
def sample_colour(
    texels: Array, table: Array, layer: int, u: float, v: float, decode: Array
) -> tuple[float, float, float]:
    """Return the bilinear texture colour in linear light (R, G, B); ``decode`` (256,) turns texel values to linear."""
    offset, width, height = table[layer, 0], table[layer, 1], table[layer, 2]
    x = (u - np.floor(u)) * width - 0.5
    y = (1.0 - (v - np.floor(v))) * height - 0.5
    x0, y0 = int(np.floor(x)), int(np.floor(y))
    fx, fy = x - x0, y - y0
    x1, y1 = min(x0 + 1, width - 1), min(y0 + 1, height - 1)
    x0, y0 = max(x0, 0), max(y0, 0)
    a, b = offset + y0 * width + x0, offset + y0 * width + x1
    c, d = offset + y1 * width + x0, offset + y1 * width + x1
    wa, wb, wc, wd = (1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy
    red = decode[texels[a, 0]] * wa + decode[texels[b, 0]] * wb + decode[texels[c, 0]] * wc + decode[texels[d, 0]] * wd
    green = (
        decode[texels[a, 1]] * wa + decode[texels[b, 1]] * wb + decode[texels[c, 1]] * wc + decode[texels[d, 1]] * wd
    )
    blue = decode[texels[a, 2]] * wa + decode[texels[b, 2]] * wb + decode[texels[c, 2]] * wc + decode[texels[d, 2]] * wd
    return red, green, blue


@numba.njit(cache=CACHE)
def rasterise(  # noqa: PLR0913, PLR0917 - a kernel takes its arrays flat
    screen: Array,
    inverse_w: Array,
    uvs: Array,
    triangles: Array,
    alpha_layer: Array,
    two_sided: Array,
    texels: Array,
    table: Array,
    key: Array,
    winner: Array,
) -> None:
    """Draw triangles into ``key`` (H, W) float32 and ``winner`` (H, W) int32, both changed in place.

    Args:
        screen: (V, 3) float32: x and y in samples (a sample's centre is at +0.5), and the depth key, smaller is nearer.
        inverse_w: (V,) float32: 1/z under perspective, 1 under an orthographic projection; not positive = behind.
        uvs: (V, 2) float32 texture coordinates.
        triangles: (T, 3) int32 vertex indices, front faces counter-clockwise as seen on a y-down screen's mirror.
        alpha_layer: (T,) int32 texture whose alpha is tested, or -1 for opaque.
        two_sided: (T,) bool; back faces of the others are dropped.
        texels: (N, 4) uint8 texels of all textures.
        table: (L, 3) int64: offset, width, height of each texture.
        key: depth keys so far; start with +inf.
        winner: index of the nearest triangle, -1 where none.
    """
    height, width = key.shape
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        if inverse_w[a] <= 0 or inverse_w[b] <= 0 or inverse_w[c] <= 0:
            continue
        ax, ay, bx, by = screen[a, 0], screen[a, 1], screen[b, 0], screen[b, 1]
        cx, cy = screen[c, 0], screen[c, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0.0 or (area > 0.0 and not two_sided[t]):
            continue
        left, right = max(int(min(ax, bx, cx) - 0.5), 0), min(int(max(ax, bx, cx) + 0.5), width - 1)
        top, low = max(int(min(ay, by, cy) - 0.5), 0), min(int(max(ay, by, cy) + 0.5), height - 1)
        scale = 1.0 / area
        layer = alpha_layer[t]
        for y in range(top, low + 1):
            py = y + 0.5
            for x in range(left, right + 1):
                px = x + 0.5
                wb = ((px - ax) * (cy - ay) - (py - ay) * (cx - ax)) * scale
                wc = ((bx - ax) * (py - ay) - (by - ay) * (px - ax)) * scale
                wa = 1.0 - wb - wc
                if wa < 0.0 or wb < 0.0 or wc < 0.0:
                    continue
                depth = wa * screen[a, 2] + wb * screen[b, 2] + wc * screen[c, 2]
                if depth >= key[y, x]:
                    continue
                if layer >= 0:
                    ia, ib, ic = wa * inverse_w[a], wb * inverse_w[b], wc * inverse_w[c]
                    total = ia + ib + ic
                    u = (ia * uvs[a, 0] + ib * uvs[b, 0] + ic * uvs[c, 0]) / total
                    v = (ia * uvs[a, 1] + ib * uvs[b, 1] + ic * uvs[c, 1]) / total
                    if sample_alpha(texels, table, layer, u, v) <= 0.08 + 0.84 * hash_unit(x, y, t):
                        continue
                key[y, x] = depth
                winner[y, x] = t


@numba.njit(cache=CACHE)
def vertex_normals(vertices: Array, triangles: Array) -> Array:
    """Return unit normals (V, 3) float32, area-weighted over the triangles (T, 3) around each vertex (V, 3)."""
    normals = np.zeros((vertices.shape[0], 3), dtype=np.float32)
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ux, uy, uz = vertices[b, 0] - vertices[a, 0], vertices[b, 1] - vertices[a, 1], vertices[b, 2] - vertices[a, 2]
        wx, wy, wz = vertices[c, 0] - vertices[a, 0], vertices[c, 1] - vertices[a, 1], vertices[c, 2] - vertices[a, 2]
        nx, ny, nz = uy * wz - uz * wy, uz * wx - ux * wz, ux * wy - uy * wx
        for corner in (a, b, c):
            normals[corner, 0] += nx
            normals[corner, 1] += ny
            normals[corner, 2] += nz
    for i in range(normals.shape[0]):
        length = np.sqrt(normals[i, 0] ** 2 + normals[i, 1] ** 2 + normals[i, 2] ** 2)
        if length > 0.0:
            normals[i] /= length
    return normals


@numba.njit(cache=CACHE)
def smoothed(vertices: Array, triangles: Array, rounds: int) -> Array:
    """Return vertices (V, 3) moved ``rounds`` times to the mean of their neighbours, as cloth hangs over a body."""
    points = vertices.copy()
    total = np.zeros_like(points)
    count = np.zeros(points.shape[0], np.float32)
    for t in range(triangles.shape[0]):
        for k in range(3):
            count[triangles[t, k]] += 2
    for _ in range(rounds):
        total[:] = 0
        for t in range(triangles.shape[0]):
            for k in range(3):
                a, b, c = triangles[t, k], triangles[t, (k + 1) % 3], triangles[t, (k + 2) % 3]
                for axis in range(3):
                    total[a, axis] += points[b, axis] + points[c, axis]
        for i in range(points.shape[0]):
            if count[i] > 0:
                for axis in range(3):
                    points[i, axis] = total[i, axis] / count[i]
    return points
