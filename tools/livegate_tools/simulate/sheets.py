"""Prints held before the camera, flat or bent, and how things are held."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate_tools.simulate.hands import build_hand, grip
from livegate_tools.simulate.head import Expression, build_head, rotation_matrix
from livegate_tools.simulate.identity import Identity
from livegate_tools.simulate.materials import Kind, Material
from livegate_tools.simulate.parts import Part
from livegate_tools.simulate.portrait import framed, printed, take_portrait
from livegate_tools.simulate.presented import Posture, Presentation, Presented, Stage
from livegate_tools.simulate.surfaces import Sheet
from livegate_tools.simulate.textures import TextureBank

Array = NDArray[Any]

_FINGER_MM = 90.0
_HEAD_MM = 270.0


def paper(stage: Stage, identity: Identity, other: Identity, rng: np.random.Generator, bent: bool) -> Presentation:
    """Return a print held in the hand or filling the view; ``bent`` lies on a cylinder of 60 to 200 mm radius."""
    portrait = take_portrait(stage.assets, identity, stage.surroundings, rng)
    bank = TextureBank()
    scale = float(rng.uniform(0.6, 1.15))
    picture = printed(portrait, rng)
    border = float(rng.uniform(0.03, 0.1)) if rng.random() < 0.3 else 0.0
    if border > 0:
        picture = framed(picture, border)
    height = portrait.mm_per_width * scale * picture.shape[0] / picture.shape[1]
    radius = float(rng.uniform(60, 200)) if bent else None
    if radius is not None and rng.random() < 0.2:
        radius = -radius
    width = portrait.mm_per_width * scale
    # A sheet cannot go round more than half a cylinder and still show the face.
    radius = None if radius is None else float(np.sign(radius) * max(abs(radius), width / 2.4))
    sheet = Sheet(
        width, height, radius, float(rng.choice([0, 0, 0, 90]) + rng.normal(0, 8)), float(rng.uniform(0, 1.2))
    )
    parts = [Part(sheet.mesh(), ink(bank.add(picture), rng))]
    if rng.random() < stage.habits.held:
        parts += holding(stage, identity, rng, bank, sheet)
    uvs = 0.5 + (portrait.landmarks - 0.5) * (1 - 2 * border, 1 - 2 * border * picture.shape[1] / picture.shape[0])
    behind = _holder(stage, other, bank, rng) if height > _HEAD_MM and rng.random() < 0.5 else ()
    return rigid(tuple(parts), sheet.surface(uvs), bank, scale, None if border else (width, height), behind)


def _holder(stage: Stage, person: Identity, bank: TextureBank, rng: np.random.Generator) -> tuple[Part, ...]:
    """Return the attacker, whose own face the sheet hides, in coordinates centred on the face shown."""
    head = build_head(stage.assets, replace(person, hair=None, glasses=False), Expression(), bank)
    place = np.array([rng.normal(0, 15), rng.normal(-15, 15), -rng.uniform(120, 300)])
    return tuple(replace(p, mesh=p.mesh.placed(np.eye(3), place)) for p in head.parts)


def ink(layer: int, rng: np.random.Generator) -> Material:
    """Return ink on paper: dyes vanish in near infrared, laser toner stays dark, pigments lie between."""
    process = rng.random()
    base = float(rng.uniform(0.7, 0.86))
    if process < 0.45:
        nir = (base, float(rng.uniform(0.0, 0.06)), 0.0)
    elif process < 0.8:
        dark = float(rng.uniform(0.06, 0.2))
        nir = (dark, 0.0, base - dark)
    else:
        nir = (0.55 * base, 0.25 * base, 0.15 * base)
    glossy = rng.random() < 0.45
    return Material(
        Kind.PAPER, layer, nir_base=nir[0], nir_luma=nir[1], nir_max=nir[2],
        gloss=rng.uniform(0.02, 0.12) if glossy else rng.uniform(0, 0.02),
        shininess=rng.uniform(60, 250) if glossy else 12,
        nir_gloss=rng.uniform(0.005, 0.04) if glossy else 0.01, mirror=rng.uniform(0.3, 1.0) if glossy else 0.0,
        detail=rng.uniform(0, 0.03), detail_scale=500, bump=0.01 if glossy else 0.04, two_sided=True,
    )  # fmt: skip


def holding(stage: Stage, identity: Identity, rng: np.random.Generator, bank: TextureBank, sheet: Sheet,
             reach_mm: float = 12.0) -> list[Part]:  # fmt: skip
    """Return one or two hands at the sides or the lower edge, fingers over the front or behind the sheet."""
    hand = build_hand(stage.assets, identity, bank)
    hands = []
    sides = (-1.0, 1.0) if rng.random() < 0.45 else (float(rng.choice([-1, 1])),)
    for side in sides:
        edge = sheet.surface(np.array([[0.5 + 0.5 * side, rng.uniform(0.05, 0.4)]]))[0]
        front = rng.random() < 0.6
        angle = float(rng.uniform(25, 80))
        # Fingers reach some 90 mm beyond the knuckles and end 10 to 40 mm inside the edge.
        out = _FINGER_MM * np.sin(np.radians(angle)) - (rng.uniform(10, 40) if front else rng.uniform(25, 80))
        drop = _FINGER_MM * np.cos(np.radians(angle))
        at = edge + np.array([side * out, -drop, reach_mm if front else -reach_mm - 4])
        hands.append(grip(hand, at, side * angle, bool(side < 0), rng.uniform(-8, 12)))
    return hands


def rigid(parts: tuple[Part, ...], landmarks: Array, bank: TextureBank, scale: float,
           sheet_mm: tuple[float, float] | None = None, behind: tuple[Part, ...] = ()) -> Presentation:  # fmt: skip
    """Return a presentation that turns as one thing; the parts ``behind`` stay."""
    middle = landmarks.mean(axis=0)

    def at(posture: Posture) -> Presented:
        turn = rotation_matrix(posture.pose.yaw, posture.pose.pitch, posture.pose.roll)
        move = -turn @ middle
        turned = (*(replace(p, mesh=p.mesh.placed(turn, move)) for p in parts), *behind)
        return Presented(turned, landmarks @ turn.T + move, bank, scale, sheet_mm, (move[0], move[1], move[2]))

    return at
