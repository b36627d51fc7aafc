"""Draw a scene: parts in camera coordinates, a light and a backdrop, to linear RGB, NIR and depth in one pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.types import Intrinsics
from livegate_tools.simulate.lighting import Backdrop, Light, srgb_to_linear
from livegate_tools.simulate.meshes import Mesh
from livegate_tools.simulate.parts import Part
from livegate_tools.simulate.rasterise import rasterise
from livegate_tools.simulate.shade import shade
from livegate_tools.simulate.textures import TextureBank

Array = NDArray[Any]

_NEAREST_MM = 40.0
_SHADOW_CELLS = 400
_SHADOW_HALF_MM = 260.0
_DECODE = srgb_to_linear(np.arange(256))


@dataclass(frozen=True, slots=True)
class Illuminator:
    """The near-infrared lamp, at ``place`` mm in camera coordinates; paper at ``reference_mm`` appears as ``strength``.

    ``ambient`` is the near infrared of the room, as a share of its visible light.
    """

    place: tuple[float, float, float]
    reference_mm: float
    strength: float = 1.0
    ambient: float = 0.03


@dataclass(frozen=True, slots=True)
class Scene:
    """What is drawn: parts in camera coordinates (mm, x right, y down, z forward), in front of a backdrop."""

    parts: tuple[Part, ...]
    bank: TextureBank
    light: Light
    illuminator: Illuminator
    backdrop: Backdrop


@dataclass(frozen=True, slots=True)
class Radiance:
    """A drawn scene before any sensor: rgb (H, W, 3), nir (H, W) linear, depth (H, W) mm, kinds (H, W) uint8.

    ``ambient`` (H, W) is the part of ``nir`` that is not the lamp's; ``right`` (H, W, 3) what rgb would be to a camera
    a baseline to the right, None where there is no such camera.
    """

    rgb: Array
    nir: Array
    depth_mm: Array
    kinds: Array
    ambient: Array
    right: Array | None = None


@dataclass(frozen=True, slots=True)
class _Batch:
    vertices: Array
    normals: Array
    uvs: Array
    triangles: Array
    material: Array
    rows: Array


def draw(scene: Scene, camera: Intrinsics, supersampling: int = 2) -> Radiance:
    """Return the scene as ``camera`` sees it, each pixel the mean of supersampling² samples."""
    rgb = scene.backdrop.rgb.astype(np.float32).copy()
    nir, ambient = _backdrop_nir(scene)
    depth = scene.backdrop.depth_mm.astype(np.float32).copy()
    kinds = np.zeros(depth.shape, np.uint8)
    if not scene.parts:
        return Radiance(rgb, nir, depth, kinds, ambient)
    batch = _batch(scene.parts)
    texels, table = scene.bank.packed()
    flags = batch.rows[batch.material]
    alpha_layer = np.where(flags[:, 17] > 0.5, flags[:, 1], -1).astype(np.int32)
    two_sided = flags[:, 18] > 0.5
    sampled = np.array([camera.fx, camera.fy, camera.cx + 0.5, camera.cy + 0.5]) * supersampling
    winner = np.full((camera.height * supersampling, camera.width * supersampling), -1, np.int32)
    key = np.full(winner.shape, np.inf, np.float32)
    screen, inverse = _perspective(batch.vertices, sampled)
    rasterise(screen, inverse, batch.uvs, batch.triangles, alpha_layer, two_sided, texels, table, key, winner)
    shadows, matrices = _shadows(batch, scene.light, alpha_layer, texels, table)
    lamp = scene.illuminator
    illuminator = np.array([*lamp.place, lamp.reference_mm, lamp.strength, lamp.ambient], np.float64)
    shade(
        winner, sampled, batch.vertices, batch.normals, batch.uvs, batch.triangles, batch.material, batch.rows, texels,
        table, _DECODE, scene.light.sh, scene.light.lamps, shadows, matrices, scene.light.panorama, illuminator,
        rgb, nir, ambient, depth, kinds,
    )  # fmt: skip
    return Radiance(rgb, nir, depth, kinds, ambient)


def to_camera(mesh: Mesh) -> Mesh:
    """Return a mesh of y-up coordinates facing +z turned to face a camera that looks along +z with y down."""
    flip = np.array([1, -1, -1], np.float32)
    return Mesh(mesh.vertices * flip, mesh.normals * flip, mesh.uvs, mesh.triangles)


def project(points: Array, camera: Intrinsics) -> Array:
    """Return pixel coordinates (N, 2) of points (N, 3) in camera coordinates, in mm, before the camera."""
    z = np.maximum(points[:, 2], _NEAREST_MM)
    return np.stack([camera.fx * points[:, 0] / z + camera.cx, camera.fy * points[:, 1] / z + camera.cy], axis=1)


def _backdrop_nir(scene: Scene) -> tuple[Array, Array]:
    lamp, backdrop = scene.illuminator, scene.backdrop
    fall_off = lamp.strength * (lamp.reference_mm / backdrop.depth_mm) ** 2
    ambient = np.asarray(backdrop.nir_albedo * lamp.ambient, np.float32)
    return np.asarray(backdrop.nir_albedo * fall_off + ambient, np.float32), ambient


def _batch(parts: tuple[Part, ...]) -> _Batch:
    offsets = np.cumsum([0] + [len(p.mesh.vertices) for p in parts])
    triangles = [p.mesh.triangles + offset for p, offset in zip(parts, offsets[:-1], strict=True)]
    counts = [len(p.mesh.triangles) for p in parts]
    return _Batch(
        np.concatenate([p.mesh.vertices for p in parts]).astype(np.float32),
        np.concatenate([p.mesh.normals for p in parts]).astype(np.float32),
        np.concatenate([p.mesh.uvs for p in parts]).astype(np.float32),
        np.concatenate(triangles).astype(np.int32),
        np.repeat(np.arange(len(parts), dtype=np.int32), counts),
        np.stack([p.material.row() for p in parts]),
    )


def _perspective(vertices: Array, sampled: Array) -> tuple[Array, Array]:
    z = vertices[:, 2]
    inverse = np.where(z > _NEAREST_MM, 1.0 / np.maximum(z, 1e-3), -1.0).astype(np.float32)
    x = sampled[0] * vertices[:, 0] * inverse + sampled[2]
    y = sampled[1] * vertices[:, 1] * inverse + sampled[3]
    return np.stack([x, y, -inverse], axis=1).astype(np.float32), inverse


def _shadows(batch: _Batch, light: Light, alpha_layer: Array, texels: Array, table: Array) -> tuple[Array, Array]:
    """Return one shadow map a lamp, around the scene's middle, and the matrices that lead into them."""
    count = len(light.lamps)
    maps = np.full((count, _SHADOW_CELLS, _SHADOW_CELLS), np.inf, np.float32)
    matrices = np.zeros((count, 3, 4), np.float32)
    middle = np.median(batch.vertices, axis=0)
    everything = np.ones(len(batch.triangles), bool)
    flat = np.ones(len(batch.vertices), np.float32)
    for lamp in range(count):
        matrix = _shadow_matrix(light.lamps[lamp, :3].astype(np.float64), middle)
        screen = (batch.vertices @ matrix[:, :3].T + matrix[:, 3]).astype(np.float32)
        winner = np.full(maps.shape[1:], -1, np.int32)
        rasterise(screen, flat, batch.uvs, batch.triangles, alpha_layer, everything, texels, table, maps[lamp], winner)
        matrices[lamp] = matrix
    return maps, matrices


def _shadow_matrix(direction: Array, middle: Array) -> Array:
    across = np.cross(direction, [0.0, 1.0, 0.0])
    across /= max(float(np.linalg.norm(across)), 1e-6)
    down = np.cross(across, direction)
    scale = _SHADOW_CELLS / (2 * _SHADOW_HALF_MM)
    rows = np.stack([across * scale, down * scale, -direction])
    offset = -rows @ middle + np.array([_SHADOW_CELLS / 2, _SHADOW_CELLS / 2, 0.0])
    return np.concatenate([rows, offset[:, None]], axis=1)
