"""A hand and forearm cut from the base mesh, to hold what is presented or to cover part of a face."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate_tools.simulate import materials
from livegate_tools.simulate.head import rotation_matrix
from livegate_tools.simulate.identity import Identity
from livegate_tools.simulate.makehuman import DECIMETRE_MM, Assets
from livegate_tools.simulate.parts import Part
from livegate_tools.simulate.textures import TextureBank

Array = NDArray[Any]


def build_hand(assets: Assets, identity: Identity, bank: TextureBank) -> Part:
    """Return the left hand of a person: fingers along +y, back of the hand towards +z, origin at the knuckles, mm."""
    topology = assets.topology
    body = topology.in_group("body")
    wrist, knuckle = assets.joint("joint-l-hand", assets.base), assets.joint("joint-l-finger-3-1", assets.base)
    elbow, little = assets.joint("joint-l-elbow", assets.base), assets.joint("joint-l-finger-5-1", assets.base)
    index = assets.joint("joint-l-finger-2-1", assets.base)
    along = (knuckle - wrist) / np.linalg.norm(knuckle - wrist)
    out = np.cross(along, index - little)
    out /= np.linalg.norm(out)
    frame = np.stack([np.cross(along, out), along, out])
    centres = assets.base[topology.source[topology.triangles]].mean(axis=1)
    chosen = body & ((centres - elbow) @ along > 0.4) & (centres[:, 0] > 2.0) & (centres[:, 1] > wrist[1] - 3.5)
    part = topology.part(chosen)
    local = ((assets.shape({}) - knuckle) @ frame.T * DECIMETRE_MM).astype(np.float32)
    layer = bank.add(assets.texture(f"skins/{identity.skin.name}.png"))
    rng = np.random.default_rng([17, identity.seed])
    return Part(part.mesh(local), materials.skin(layer, identity.skin_tint, rng))


def grip(hand: Part, at: Array, angle_deg: float, mirrored: bool, lean_deg: float = 0.0) -> Part:
    """Return the hand, knuckles at ``at`` (3,) mm, fingers ``angle_deg`` from up; ``mirrored`` is a right hand."""
    mesh = hand.mesh
    if mirrored:
        flip = np.array([-1, 1, 1], np.float32)
        mesh = replace(mesh, vertices=mesh.vertices * flip, normals=mesh.normals * flip,
                       triangles=mesh.triangles[:, ::-1].copy())  # fmt: skip
    return replace(hand, mesh=mesh.placed(rotation_matrix(0, lean_deg, angle_deg), at))
