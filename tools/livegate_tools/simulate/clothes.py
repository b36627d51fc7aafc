"""A shirt over the shoulders, and which skin it leaves bare."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate_tools.simulate import materials
from livegate_tools.simulate.identity import Identity
from livegate_tools.simulate.makehuman import Assets
from livegate_tools.simulate.parts import Part
from livegate_tools.simulate.rasterise import smoothed
from livegate_tools.simulate.textures import TextureBank, cloth_texture

Array = NDArray[Any]

_COLLAR_DM = 5.75
_CLOTH_TILE_DM = 2.0
_TUCK_DM = 0.22


def bare_skin(assets: Assets, collar: Array) -> Array:
    """Return which of the body's faces (T,) a shirt with this collar leaves bare."""
    above = assets.base[assets.body.source][:, 1] > collar - _TUCK_DM
    return np.asarray(above[assets.body.triangles].any(axis=1))


def collar_height(base: Array, rng: np.random.Generator) -> Array:
    """Return the height (V,) in decimetres of a shirt's collar over each vertex (V, 3) of the base mesh."""
    collar = _COLLAR_DM + rng.uniform(-0.1, 0.25) + 0.8 * np.clip(np.abs(base[:, 0]) - 0.6, 0, 1)
    return np.asarray(collar - rng.uniform(0.2, 0.8) * np.clip(base[:, 2] - 0.2, 0, 1.2))


def shirt(assets: Assets, identity: Identity, body: Array, collar: Array, bank: TextureBank,
           rng: np.random.Generator) -> Part:  # fmt: skip
    """Return a shirt: the skin below the neck, blown up a little and cut off at the collar by the texture's alpha."""
    topology = assets.body
    base = assets.base[topology.source]
    worn = (base[:, 1] < collar + 0.2)[topology.triangles].all(axis=1)
    mesh = topology.mesh(body)
    mesh = replace(mesh, triangles=mesh.triangles[worn])
    uvs = np.stack([base[:, 0] / _CLOTH_TILE_DM, 0.9 + (base[:, 1] - collar) / 9.0], axis=1).astype(np.float32)
    draped = topology.mesh(smoothed(body, topology.source[topology.triangles], 12))
    vertices = draped.vertices + draped.normals * np.float32(rng.uniform(9, 13))
    # Away from the collar the cloth hangs loosely, at it it follows the neck.
    loose = np.clip((collar - base[:, 1]) / 0.5, 0, 1)[:, None]
    tight = mesh.vertices + mesh.normals * np.float32(8)
    vertices = np.asarray(tight + loose * (vertices - tight), np.float32)
    mesh = replace(mesh, normals=draped.normals)
    layer = bank.add(cloth_texture(identity.cloth_pattern, rng))
    return Part(replace(mesh, vertices=vertices, uvs=uvs), materials.cloth(layer, identity.cloth_colour, rng))
