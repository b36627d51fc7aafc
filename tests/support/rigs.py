"""Rigs of cameras whose places are known, and a plain reference for what the kernels compute."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.geometry.calibration import CalibratedCamera, RigCalibration
from livegate.kernels import register as places

MADE = "2026-11-22T08:00:00Z"


def turned(about_x: float = 0.0, about_y: float = 0.0, about_z: float = 0.0) -> tuple[float, ...]:
    """Return the rotation, row by row, by angles in degrees about x, then y, then z."""
    x, y, z = np.deg2rad([about_x, about_y, about_z])
    rx = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    ry = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    rz = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    return tuple(float(value) for value in (rz @ ry @ rx).ravel())


def camera(width: int = 64, height: int = 48, focal: float = 60.0, **more: Any) -> CalibratedCamera:
    """Return a camera that looks straight ahead from its middle unless ``more`` says otherwise."""
    middle = {"cx": (width - 1) / 2, "cy": (height - 1) / 2}
    return CalibratedCamera(**{"width": width, "height": height, "fx": focal, "fy": focal, **middle, **more})


def rig(rgb: CalibratedCamera | None = None, **more: Any) -> RigCalibration:
    """Return the calibration of a rig."""
    return RigCalibration(MADE, rgb or camera(), rms_px=0.2, **more)


def projected(depth: NDArray[Any], rays: NDArray[Any], model: NDArray[Any]) -> NDArray[np.float32]:
    """Return (h, 3, w) float32: what the kernel's projection says, each operation as the kernel has it."""
    m = model.astype(np.float32)
    two, one = np.float32(2), np.float32(1)
    d = depth.astype(np.float32) * m[places.UNIT] + m[places.OFFSET]
    with np.errstate(all="ignore"):
        pz = d * rays[:, 2] + m[places.TZ]
        a = (d * rays[:, 0] + m[places.TX]) / pz
        b = (d * rays[:, 1] + m[places.TY]) / pz
        r2 = a * a + b * b
        radial = one + r2 * (m[places.K1] + r2 * (m[places.K2] + r2 * m[places.K3]))
        p1, p2 = m[places.P1], m[places.P2]
        u = m[places.FX] * (a * radial + two * p1 * a * b + p2 * (r2 + two * a * a)) + m[places.CX]
        v = m[places.FY] * (b * radial + p1 * (r2 + two * b * b) + two * p2 * a * b) + m[places.CY]
        seen = (depth != 0) & (depth != places.NO_RETURN) & (d > 0) & (pz >= 1) & (pz <= 65534)
        seen &= r2 <= m[places.MOST_R2]
    return np.stack([u, v, np.where(seen, pz, np.float32(0))], axis=1)


def registered(depth: NDArray[Any], rays: NDArray[Any], model: NDArray[Any], shape: tuple[int, int]) -> NDArray[Any]:
    """Return what the kernel writes, patch by patch in plain loops."""
    seen = projected(depth, rays, model)
    height, width = depth.shape
    out = np.full(shape, 65535, np.uint16)
    for y in range(height):
        for x in range(width):
            z = seen[y, 2, x]
            if z <= 0:
                continue
            beside = [seen[y, :, x + 1]] if x + 1 < width else []
            beside += [seen[y + 1, :, x]] if y + 1 < height else []
            near = [other for other in beside if abs(other[2] - z) <= model[places.STEP] * z]
            left, right = _covered(seen[y, 0, x], [other[0] for other in near], model[places.HALF_U], shape[1])
            top, bottom = _covered(seen[y, 1, x], [other[1] for other in near], model[places.HALF_V], shape[0])
            patch = out[top:bottom, left:right]
            np.minimum(patch, np.uint16(z + np.float32(0.5)), out=patch)
    out[out == 65535] = 0
    return out


def _covered(here: Any, beside: list[Any], half: Any, limit: int) -> tuple[int, int]:
    low = min([here - half, *(place + half for place in beside)])
    high = max([here + half, *(place - half for place in beside)])
    if not (np.isfinite(low) and np.isfinite(high)):
        return 0, 0
    return int(np.ceil(np.clip(low, 0, limit))), int(np.ceil(np.clip(high, 0, limit)))


def looked_up(image: NDArray[Any], columns: NDArray[Any], rows: NDArray[Any]) -> NDArray[np.uint8]:
    """Return ``image`` (h, w) or (h, w, 3) uint8 at places (H, W) float32: bilinear at 1/256 of a pixel, 0 outside."""
    height, width = image.shape[:2]
    with np.errstate(invalid="ignore"):
        within = (columns > -0.5) & (columns < width - 0.5) & (rows > -0.5) & (rows < height - 0.5)
    u = np.clip(np.where(within, columns, 0), 0, width - 1).astype(np.float32)
    v = np.clip(np.where(within, rows, 0), 0, height - 1).astype(np.float32)
    left, top = np.minimum(u.astype(int), width - 2), np.minimum(v.astype(int), height - 2)
    across, down = (((place - corner) * 256 + 0.5).astype(int) for place, corner in ((u, left), (v, top)))
    if image.ndim == 3:
        across, down, within = across[..., None], down[..., None], within[..., None]
    picture = image.astype(int)
    upper = (256 - across) * picture[top, left] + across * picture[top, left + 1]
    lower = (256 - across) * picture[top + 1, left] + across * picture[top + 1, left + 1]
    return np.where(within, ((256 - down) * upper + down * lower + (1 << 15)) >> 16, 0).astype(np.uint8)


def filled(depth: NDArray[Any], nominal_mm: int) -> NDArray[np.uint16]:
    """Return a depth map without holes, as the kernel is to fill it, in plain loops."""
    height, width = depth.shape
    cells = np.zeros((-(-height // 16), -(-width // 16)), np.uint16)
    for y, x in np.ndindex(*cells.shape):
        samples = depth[y * 16 : y * 16 + 16 : 2, x * 16 : x * 16 + 16 : 2]
        returns = samples[samples > 0]
        if returns.size >= 4:
            most = int(min(np.float32(returns.min()) * np.float32(1.08), np.float32(65535)))
            surface = returns[returns <= most].astype(int)
            cells[y, x] = (surface.sum() + surface.size // 2) // surface.size
    for _ in range(4):
        grown = cells.copy()
        for y, x in np.argwhere(cells == 0):
            around = cells[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
            grown[y, x] = around[around > 0].min() if around.any() else 0
        cells = grown
    whole = np.repeat(np.repeat(cells, 16, axis=0), 16, axis=1)[:height, :width]
    out = np.where(depth > 0, depth, whole)
    return np.where(out > 0, out, nominal_mm).astype(np.uint16)
