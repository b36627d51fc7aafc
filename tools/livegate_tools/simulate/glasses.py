"""Spectacles: frames of square tubes before the eyes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate_tools.simulate import materials
from livegate_tools.simulate.materials import Material
from livegate_tools.simulate.meshes import Mesh
from livegate_tools.simulate.parts import Part

Array = NDArray[Any]


def glasses(body: Array, eyes: Array, rng: np.random.Generator) -> Part:
    """Return a frame of two rims, a bridge and two temples, as tubes of square section before the eyes."""
    width, height, power = rng.uniform(21, 25), rng.uniform(16, 21), rng.uniform(2, 4)
    angles = np.linspace(0, 2 * np.pi, 33)
    shape = (
        np.abs(np.cos(angles)) ** (2 / power) * np.sign(np.cos(angles)),
        (np.abs(np.sin(angles)) ** (2 / power) * np.sign(np.sin(angles))),
    )
    face = body[:13380]
    near = (np.abs(face[:, 1]) < 12) & (np.abs(face[:, 0]) < 14)
    front = float(face[near][:, 2].max()) + 3
    paths = []
    for eye in eyes:
        x, y = eye[0] + width * shape[0], eye[1] - 3 + height * shape[1]
        paths.append(np.stack([x, y, front - 0.004 * x * x], axis=1))
        side = float(np.sign(eye[0]))
        hinge = np.array([eye[0] + side * width, 4.0, front - 0.004 * (eye[0] + side * width) ** 2])
        paths.append(np.array([hinge, [side * 76.0, 6.0, front - 40], [side * 78.0, 4.0, front - 110]]))
    inner = abs(eyes[0][0]) - width
    paths.append(np.array([[inner, 2, front], [0, 5, front + 1.5], [-inner, 2, front]]))
    tone = float(rng.uniform(0.01, 0.3))
    material = Material(materials.Kind.CASE, tint=(tone, tone * 0.9, tone * 0.8), nir_base=0.1, gloss=0.2,
                        shininess=60, nir_gloss=0.1, two_sided=True)  # fmt: skip
    return Part(tube(paths, float(rng.uniform(0.8, 2.2))), material)


def tube(paths: list[Array], radius: float) -> Mesh:
    """Return square tubes of ``radius`` mm along polylines (N, 3)."""
    corners = radius * np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]], dtype=np.float64)
    vertices, triangles, normals = [], [], []
    count = 0
    for path in paths:
        along = np.gradient(path, axis=0)
        along /= np.linalg.norm(along, axis=1, keepdims=True)
        up = np.where(np.abs(along[:, 2:]) > 0.9, np.array([[0.0, 1, 0]]), np.array([[0.0, 0, 1]]))
        side = np.cross(along, up)
        side /= np.linalg.norm(side, axis=1, keepdims=True)
        other = np.cross(along, side)
        for first, second in corners:
            vertices.append(path + first * side + second * other)
            normals.append((first * side + second * other) / (radius * np.sqrt(2)))
        n = len(path)
        for k in range(4):
            a, b = count + k * n, count + ((k + 1) % 4) * n
            for i in range(n - 1):
                triangles += [(a + i, a + i + 1, b + i), (b + i, a + i + 1, b + i + 1)]
        count += 4 * n
    points = np.concatenate(vertices).astype(np.float32)
    return Mesh(points, np.concatenate(normals).astype(np.float32), np.zeros((count, 2), np.float32),
                np.array(triangles, np.int32))  # fmt: skip
