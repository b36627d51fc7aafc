"""Sheets of paper, flat or bent, and the boxes of phones and tablets; y up, facing +z, origin in the middle, mm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate_tools.simulate.meshes import Mesh
from livegate_tools.simulate.rasterise import vertex_normals

Array = NDArray[Any]

_COLUMNS, _ROWS = 33, 41


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet of ``width_mm`` x ``height_mm`` whose texture fills it.

    ``radius_mm`` None is flat; else the sheet lies on a cylinder of that radius, bulging towards the viewer (negative:
    away), whose axis is turned by ``axis_deg`` from the vertical. ``ripple_mm`` adds the waves of a soft sheet.
    """

    width_mm: float
    height_mm: float
    radius_mm: float | None = None
    axis_deg: float = 0.0
    ripple_mm: float = 0.0

    def surface(self, uvs: Array) -> Array:
        """Return the points (N, 3) mm of texture coordinates (N, 2), v counted from the lower edge."""
        x = (uvs[:, 0] - 0.5) * self.width_mm
        y = (uvs[:, 1] - 0.5) * self.height_mm
        turn = np.radians(self.axis_deg)
        across, along = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
        z = self.ripple_mm * np.sin(across / 31.0 + 1.0) * np.cos(along / 47.0)
        if self.radius_mm is not None:
            z = z + self.radius_mm * (np.cos(across / self.radius_mm) - 1.0)
            across = self.radius_mm * np.sin(across / self.radius_mm)
        x, y = across * np.cos(turn) - along * np.sin(turn), across * np.sin(turn) + along * np.cos(turn)
        return np.stack([x, y, z], axis=1).astype(np.float32)

    def mesh(self) -> Mesh:
        """Return the sheet as a grid of triangles; its back shows the same texture."""
        u, v = np.meshgrid(np.linspace(0, 1, _COLUMNS), np.linspace(0, 1, _ROWS))
        uvs = np.stack([u.ravel(), v.ravel()], axis=1).astype(np.float32)
        at = np.arange(_COLUMNS * _ROWS, dtype=np.int32).reshape(_ROWS, _COLUMNS)
        a, b, c, d = at[:-1, :-1].ravel(), at[:-1, 1:].ravel(), at[1:, 1:].ravel(), at[1:, :-1].ravel()
        triangles = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]).astype(np.int32)
        vertices = self.surface(uvs)
        # Texture coordinates wrap, so the far edge must stay just inside.
        return Mesh(vertices, vertex_normals(vertices, triangles), np.clip(uvs, 0.001, 0.999), triangles)


def slab(width_mm: float, height_mm: float, thickness_mm: float, corner_mm: float) -> Mesh:
    """Return the case of a flat device: a rounded rectangle with a rim, its front at z = 0."""
    angles = np.linspace(0, np.pi / 2, 7)
    quarter = np.stack([np.cos(angles), np.sin(angles)], axis=1) * corner_mm
    centre = np.array([width_mm / 2 - corner_mm, height_mm / 2 - corner_mm])
    turns = ((1, 1, 1), (-1, 1, -1), (-1, -1, 1), (1, -1, -1))
    outline = np.concatenate([(quarter[::order] + centre) * (sx, sy) for sx, sy, order in turns])
    n = len(outline)
    front = np.column_stack([outline, np.zeros(n)])
    back = np.column_stack([outline, np.full(n, -thickness_mm)])
    out = np.column_stack([outline, np.zeros(n)])
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    ahead = np.tile([0.0, 0.0, 1.0], (n + 1, 1))
    vertices = np.concatenate([[[0, 0, 0]], front, front, back]).astype(np.float32)
    normals = np.concatenate([ahead, out, out]).astype(np.float32)
    i = np.arange(n)
    j = (i + 1) % n
    fan = np.stack([np.zeros(n, int), 1 + i, 1 + j], axis=1)
    rim = np.concatenate([
        np.stack([1 + n + i, 1 + 2 * n + i, 1 + n + j], 1), np.stack([1 + n + j, 1 + 2 * n + i, 1 + 2 * n + j], 1),
    ])  # fmt: skip
    triangles = np.concatenate([fan, rim]).astype(np.int32)
    return Mesh(vertices, normals, np.zeros((len(vertices), 2), np.float32), triangles)
