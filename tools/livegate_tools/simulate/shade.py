"""The Numba kernel that turns visible samples into linear RGB, near infrared and depth.

Colours are linear, 1.0 = white paper facing the light. Light is an ambient term (second-order spherical harmonics of
the surroundings), directional lamps with shadow maps, and one near-infrared point source beside the camera whose light
falls off with 1/z2.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from livegate_tools.simulate.compiling import CACHE
from livegate_tools.simulate.rasterise import sample_colour, value_noise

Array = NDArray[Any]

C_KIND, C_LAYER, C_TINT, C_NIR_BASE, C_NIR_LUMA, C_NIR_MAX = 0, 1, 2, 5, 6, 7
C_EMISSION, C_GLOSS, C_SHININESS, C_NIR_GLOSS, C_MIRROR, C_WRAP = 8, 9, 10, 11, 12, 13
C_DETAIL, C_DETAIL_SCALE, C_BUMP, C_TWO_SIDED = 14, 15, 16, 18


@numba.njit(cache=CACHE, inline="always")
def _irradiance(sh: Array, x: float, y: float, z: float, channel: int) -> float:
    """Return ambient irradiance over pi for a unit normal (Ramamoorthi and Hanrahan, SIGGRAPH 2001)."""
    light = (
        sh[0, channel] + sh[1, channel] * y + sh[2, channel] * z + sh[3, channel] * x + sh[4, channel] * x * y
        + sh[5, channel] * y * z + sh[6, channel] * (3 * z * z - 1) + sh[7, channel] * x * z
        + sh[8, channel] * (x * x - y * y)
    )  # fmt: skip
    return float(max(light, 0.0))


@numba.njit(cache=CACHE)
def _lit(shadow: Array, matrix: Array, bias: float, x: float, y: float, z: float) -> float:
    """Return the share 0..1 of a lamp's light that reaches a point, averaged over 3x3 shadow map cells."""
    sx = matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2] * z + matrix[0, 3]
    sy = matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2] * z + matrix[1, 3]
    depth = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2] * z + matrix[2, 3] - bias
    column, row = int(sx), int(sy)
    if column < 1 or row < 1 or column >= shadow.shape[1] - 1 or row >= shadow.shape[0] - 1:
        return 1.0
    seen = 0.0
    for j in range(-1, 2):
        for i in range(-1, 2):
            if shadow[row + j, column + i] >= depth:
                seen += 1.0
    return seen / 9.0


@numba.njit(cache=CACHE)
def _surroundings(panorama: Array, x: float, y: float, z: float, channel: int) -> float:
    height, width = panorama.shape[0], panorama.shape[1]
    across = (np.arctan2(x, z) / (2 * np.pi) + 0.5) * width - 0.5
    down = min(max(np.arccos(min(max(-y, -1.0), 1.0)) / np.pi * height - 0.5, 0.0), height - 1.001)
    column, row = int(np.floor(across)), int(down)
    fx, fy = across - column, down - row
    left, right = column % width, (column + 1) % width
    top = panorama[row, left, channel] * (1 - fx) + panorama[row, right, channel] * fx
    low = panorama[row + 1, left, channel] * (1 - fx) + panorama[row + 1, right, channel] * fx
    return float(top * (1 - fy) + low * fy)


@numba.njit(cache=CACHE, fastmath=True)
def shade(  # noqa: D417, PLR0912, PLR0913, PLR0915, PLR0917 - a kernel takes its arrays flat
    winner: Array,
    intrinsics: Array,
    vertices: Array,
    normals: Array,
    uvs: Array,
    triangles: Array,
    triangle_material: Array,
    materials: Array,
    texels: Array,
    table: Array,
    decode: Array,
    sh: Array,
    lamps: Array,
    shadows: Array,
    shadow_matrices: Array,
    panorama: Array,
    illuminator: Array,
    rgb: Array,
    nir: Array,
    ambient: Array,
    depth: Array,
    kinds: Array,
) -> None:
    """Shade every covered sample and average samples into pixels; the background must already be in the outputs.

    Args:
        winner: (s*H, s*W) int32 triangle of each sample, -1 for background; s is the supersampling factor.
        intrinsics: (4,) fx, fy, cx, cy in samples.
        vertices: (V, 3) float32 mm in camera coordinates (x right, y down, z forward); normals (V, 3), uvs (V, 2).
        triangles: (T, 3) int32; triangle_material (T,) int32 row of ``materials``.
        materials: (M, 19) float32, see Material.row.
        texels: (N, 4) uint8; table (L, 3); decode (256,) float32.
        sh: (9, 3) ambient coefficients.
        lamps: (K, 6): unit direction towards the lamp, colour.
        shadows: (K, S, S) nearest depth along each lamp's direction; shadow_matrices (K, 3, 4).
        panorama: (h, w, 3) surroundings in camera coordinates.
        illuminator: (6,) position mm, reference distance mm, strength, ambient near infrared.
        rgb: (H, W, 3), nir (H, W) and ambient (H, W), the room's part of it, depth (H, W) mm float32 and kinds (H, W)
            uint8, changed in place.
    """
    height, width = nir.shape
    s = winner.shape[0] // height
    share = 1.0 / (s * s)
    fx, fy, cx, cy = intrinsics[0], intrinsics[1], intrinsics[2], intrinsics[3]
    for row in range(height):
        for column in range(width):
            covered = 0
            sum_r, sum_g, sum_b, sum_nir, sum_ambient = 0.0, 0.0, 0.0, 0.0, 0.0
            nearest, sum_z, same = np.inf, 0.0, 0
            for sub in range(s * s):
                sy, sx = row * s + sub // s, column * s + sub % s
                t = winner[sy, sx]
                if t < 0:
                    continue
                covered += 1
                a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
                # The ray through the sample, met with the triangle's plane: exact perspective weights.
                rx, ry = (sx + 0.5 - cx) / fx, (sy + 0.5 - cy) / fy
                ax, ay, az = vertices[a, 0], vertices[a, 1], vertices[a, 2]
                e1x, e1y, e1z = vertices[b, 0] - ax, vertices[b, 1] - ay, vertices[b, 2] - az
                e2x, e2y, e2z = vertices[c, 0] - ax, vertices[c, 1] - ay, vertices[c, 2] - az
                px, py, pz = ry * e2z - e2y, e2x - rx * e2z, rx * e2y - ry * e2x
                determinant = e1x * px + e1y * py + e1z * pz
                if determinant == 0.0:
                    determinant = 1e-12
                wb = -(ax * px + ay * py + az * pz) / determinant
                qx, qy, qz = -ay * e1z + az * e1y, -az * e1x + ax * e1z, -ax * e1y + ay * e1x
                wc = (rx * qx + ry * qy + qz) / determinant
                wb, wc = min(max(wb, 0.0), 1.0), min(max(wc, 0.0), 1.0)
                wa = 1.0 - wb - wc
                z = wa * az + wb * vertices[b, 2] + wc * vertices[c, 2]
                x, y = rx * z, ry * z
                nx = wa * normals[a, 0] + wb * normals[b, 0] + wc * normals[c, 0]
                ny = wa * normals[a, 1] + wb * normals[b, 1] + wc * normals[c, 1]
                nz = wa * normals[a, 2] + wb * normals[b, 2] + wc * normals[c, 2]
                u = wa * uvs[a, 0] + wb * uvs[b, 0] + wc * uvs[c, 0]
                v = wa * uvs[a, 1] + wb * uvs[b, 1] + wc * uvs[c, 1]
                m = materials[triangle_material[t]]
                away = 1.0 / np.sqrt(x * x + y * y + z * z)
                vx, vy, vz = -x * away, -y * away, -z * away
                if nx * vx + ny * vy + nz * vz < 0.0 and m[C_TWO_SIDED] > 0.5:
                    nx, ny, nz = -nx, -ny, -nz
                grain = 0.0
                if m[C_DETAIL] > 0.0:
                    k = m[C_DETAIL_SCALE]
                    grain = 0.6 * value_noise(u * k, v * k, 1) + 0.5 * value_noise(u * k * 0.31, v * k * 0.31, 2)
                    if m[C_BUMP] > 0.0:
                        nx += m[C_BUMP] * value_noise(u * k, v * k, 3)
                        ny += m[C_BUMP] * value_noise(u * k, v * k, 4)
                length = 1.0 / np.sqrt(nx * nx + ny * ny + nz * nz + 1e-20)
                nx, ny, nz = nx * length, ny * length, nz * length
                red, green, blue = m[C_TINT], m[C_TINT + 1], m[C_TINT + 2]
                if m[C_LAYER] >= 0.0:
                    tr, tg, tb = sample_colour(texels, table, int(m[C_LAYER]), u, v, decode)
                    red, green, blue = red * tr, green * tg, blue * tb
                grain = max(1.0 + m[C_DETAIL] * grain, 0.1)
                luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
                albedo_nir = m[C_NIR_BASE] + m[C_NIR_LUMA] * np.sqrt(luma) + m[C_NIR_MAX] * max(red, green, blue)
                albedo_nir *= 0.5 + 0.5 * grain
                facing = max(nx * vx + ny * vy + nz * vz, 0.0)
                fresnel = 0.04 + 0.96 * (1.0 - facing) ** 5
                out_r = out_g = out_b = 0.0
                if m[C_EMISSION] > 0.0:
                    # The picture is light, not pigment; what the glass reflects comes below.
                    out_r, out_g, out_b = red * m[C_EMISSION], green * m[C_EMISSION], blue * m[C_EMISSION]
                    red = green = blue = 0.012
                    grain = 1.0
                light_r = _irradiance(sh, nx, ny, nz, 0)
                light_g = _irradiance(sh, nx, ny, nz, 1)
                light_b = _irradiance(sh, nx, ny, nz, 2)
                shine_r = shine_g = shine_b = 0.0
                for lamp in range(lamps.shape[0]):
                    lx, ly, lz = lamps[lamp, 0], lamps[lamp, 1], lamps[lamp, 2]
                    cosine = nx * lx + ny * ly + nz * lz
                    wrap = m[C_WRAP]
                    if cosine <= -wrap:
                        continue
                    lit = _lit(shadows[lamp], shadow_matrices[lamp], 6.0, x + 3 * nx, y + 3 * ny, z + 3 * nz)
                    w_r, w_g, w_b = wrap, wrap * 0.45, wrap * 0.3
                    light_r += lamps[lamp, 3] * lit * max((cosine + w_r) / (1 + w_r), 0.0)
                    light_g += lamps[lamp, 4] * lit * max((cosine + w_g) / (1 + w_g), 0.0)
                    light_b += lamps[lamp, 5] * lit * max((cosine + w_b) / (1 + w_b), 0.0)
                    if m[C_GLOSS] > 0.0 and cosine > 0.0 and lit > 0.0:
                        hx, hy, hz = lx + vx, ly + vy, lz + vz
                        half = 1.0 / np.sqrt(hx * hx + hy * hy + hz * hz + 1e-12)
                        dot = max((nx * hx + ny * hy + nz * hz) * half, 0.0)
                        lobe = m[C_GLOSS] * (m[C_SHININESS] + 8) / 8 * dot ** m[C_SHININESS] * cosine * lit
                        shine_r += lamps[lamp, 3] * lobe
                        shine_g += lamps[lamp, 4] * lobe
                        shine_b += lamps[lamp, 5] * lobe
                if m[C_MIRROR] > 0.0:
                    twice = 2.0 * (nx * vx + ny * vy + nz * vz)
                    ox, oy, oz = twice * nx - vx, twice * ny - vy, twice * nz - vz
                    shine_r += m[C_MIRROR] * fresnel * _surroundings(panorama, ox, oy, oz, 0)
                    shine_g += m[C_MIRROR] * fresnel * _surroundings(panorama, ox, oy, oz, 1)
                    shine_b += m[C_MIRROR] * fresnel * _surroundings(panorama, ox, oy, oz, 2)
                sum_r += out_r + red * grain * light_r + shine_r
                sum_g += out_g + green * grain * light_g + shine_g
                sum_b += out_b + blue * grain * light_b + shine_b
                dx, dy, dz = illuminator[0] - x, illuminator[1] - y, illuminator[2] - z
                square = dx * dx + dy * dy + dz * dz
                reach = 1.0 / np.sqrt(square)
                dx, dy, dz = dx * reach, dy * reach, dz * reach
                power = illuminator[4] * illuminator[3] * illuminator[3] / square
                cosine = max(nx * dx + ny * dy + nz * dz, 0.0)
                hx, hy, hz = dx + vx, dy + vy, dz + vz
                half = 1.0 / np.sqrt(hx * hx + hy * hy + hz * hz + 1e-12)
                dot = max((nx * hx + ny * hy + nz * hz) * half, 0.0)
                lobe = m[C_NIR_GLOSS] * (m[C_SHININESS] + 8) / 8 * dot ** m[C_SHININESS]
                rooms = illuminator[5] * albedo_nir * (light_g + 0.2)
                sum_ambient += rooms
                sum_nir += power * cosine * (albedo_nir + lobe) + rooms
                # A pixel's depth is the mean of its nearest surface, never a mixture of two.
                if z < 0.98 * nearest:
                    nearest, sum_z, same = z, 0.0, 0
                    kinds[row, column] = int(m[C_KIND])
                if z <= 1.02 * nearest:
                    sum_z += z
                    same += 1
            if covered > 0:
                depth[row, column] = sum_z / same
                rest = 1.0 - covered * share
                rgb[row, column, 0] = rgb[row, column, 0] * rest + sum_r * share
                rgb[row, column, 1] = rgb[row, column, 1] * rest + sum_g * share
                rgb[row, column, 2] = rgb[row, column, 2] * rest + sum_b * share
                nir[row, column] = nir[row, column] * rest + sum_nir * share
                ambient[row, column] = ambient[row, column] * rest + sum_ambient * share
