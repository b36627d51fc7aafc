"""Masks: a print cut out along the face, and solid ones, worn before another person's face."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate_tools.simulate.head import (
    Expression,
    Head,
    build_head,
    draw_expression,
    neck_pivot,
    posed,
    rotation_matrix,
)
from livegate_tools.simulate.identity import Identity
from livegate_tools.simulate.materials import Kind, Material
from livegate_tools.simulate.meshes import Mesh
from livegate_tools.simulate.parts import Part
from livegate_tools.simulate.portrait import cut_out, printed, take_portrait, with_alpha
from livegate_tools.simulate.presented import Posture, Presentation, Presented, Stage, head_at
from livegate_tools.simulate.sheets import holding, ink, rigid
from livegate_tools.simulate.surfaces import Sheet
from livegate_tools.simulate.textures import TextureBank

Array = NDArray[Any]


def cutout(stage: Stage, identity: Identity, wearer: Identity, rng: np.random.Generator) -> Presentation:
    """Return a print cut along the face, with eye holes or not, worn by another person or held in the hand."""
    portrait = take_portrait(stage.assets, identity, stage.surroundings, rng)
    bank = TextureBank()
    alpha = cut_out(portrait, rng, eye_holes=rng.random() < 0.6)
    paper = replace(ink(bank.add(printed(portrait, rng, alpha)), rng), alpha=True)
    span = float(np.linalg.norm((portrait.landmarks[0] - portrait.landmarks[1]) * (1, 1.25))) * portrait.mm_per_width
    scale = 63.0 / max(span, 20.0) * float(rng.uniform(0.94, 1.12))
    width = portrait.mm_per_width * scale
    height = width * portrait.rgb.shape[0] / portrait.rgb.shape[1]
    sheet = Sheet(width, height, float(rng.uniform(max(75, width / 2.6), 240)), float(rng.normal(0, 4)), 0.8)
    landmarks = sheet.surface(portrait.landmarks)
    worn = rng.random() < 0.65
    if not worn:
        parts = [Part(sheet.mesh(), paper), *holding(stage, wearer, rng, bank, _face_sized(sheet, landmarks))]
        return rigid(tuple(parts), landmarks, bank, scale)
    expression, gap = draw_expression(rng), float(rng.uniform(2, 10))

    def at(posture: Posture) -> Presented:
        neutral = head_at(stage.assets, wearer, expression, bank, posture)
        eyes = landmarks[:2].mean(axis=0)
        move = np.array([-eyes[0], -eyes[1], neutral.landmarks[2][2] + gap - landmarks[2][2]])
        turn, pivot = rotation_matrix(posture.pose.yaw, posture.pose.pitch, posture.pose.roll), neck_pivot(neutral)
        shift = turn @ (move - pivot) + pivot
        mask = Part(sheet.mesh().placed(turn, shift), paper)
        return Presented((*posed(neutral, posture.pose).parts, mask), landmarks @ turn.T + shift, bank, 1.0)

    return at


def _face_sized(sheet: Sheet, landmarks: Array) -> Sheet:
    span = float(np.ptp(landmarks[:, 0])) * 1.15
    return replace(sheet, width_mm=span, height_mm=span * 1.3)


def mask(stage: Stage, identity: Identity, wearer: Identity, rng: np.random.Generator) -> Presentation:
    """Return a three-dimensional mask of ``identity``: a whole rubber head, or a shell before the wearer's face."""
    bank = TextureBank()
    material = _mask_material(stage, identity, bank, rng)
    whole = rng.random() < 0.4
    expression = Expression(draw_expression(rng).units[:2])
    swell, gap = float(rng.uniform(1.0, 1.05)), float(rng.uniform(3, 9))
    wig = rng.random() < 0.5

    def at(posture: Posture) -> Presented:
        model = build_head(stage.assets, replace(identity, glasses=False), expression, bank)
        face = model.parts[0].mesh
        if whole:
            head = replace(model, parts=(Part(_swollen(face, swell, 1.0), material), *_kept(model, wig)))
            head = posed(head, posture.pose)
            return Presented(head.parts, head.landmarks, bank, 1.0)
        own = head_at(stage.assets, replace(wearer, glasses=False), expression, bank, posture)
        shell = _shell(face, model, swell, gap + max(0.0, float(own.landmarks[2][2] - model.landmarks[2][2])))
        landmarks = model.landmarks * swell + np.array([0, 0, gap])
        both = posed(replace(own, parts=(*own.parts, Part(shell, material)), landmarks=own.landmarks), posture.pose)
        turn, pivot = rotation_matrix(posture.pose.yaw, posture.pose.pitch, posture.pose.roll), neck_pivot(own)
        return Presented(both.parts, (landmarks - pivot) @ turn.T + pivot, bank, 1.0)

    return at


def _kept(model: Head, wig: bool) -> tuple[Part, ...]:
    """Return the clothes, the eyes and, with a wig, the hair of a head whose skin is replaced."""
    kinds = {Kind.CLOTH, Kind.EYE} | ({Kind.HAIR} if wig else set())
    return tuple(part for part in model.parts if part.material.kind in kinds)


def _swollen(mesh: Mesh, scale: float, thickness_mm: float) -> Mesh:
    return replace(mesh, vertices=(mesh.vertices * np.float32(scale) + mesh.normals * np.float32(thickness_mm)))


def _shell(face: Mesh, model: Head, scale: float, forward_mm: float) -> Mesh:
    """Return the front of a face as a shell: chin to forehead, in front of the ears."""
    nose, chin = model.landmarks[2], model.landmarks[3]
    v = face.vertices
    front = (v[:, 2] > nose[2] - 85) & (v[:, 1] > chin[1] - 12) & (v[:, 1] < 68) & (np.abs(v[:, 0]) < 72)
    swollen = _swollen(face, scale, 2.5)
    return replace(swollen, vertices=swollen.vertices + np.array([0, 0, forward_mm], np.float32),
                   triangles=face.triangles[front[face.triangles].all(axis=1)])  # fmt: skip


def _mask_material(stage: Stage, identity: Identity, bank: TextureBank, rng: np.random.Generator) -> Material:
    """Return painted silicone, latex or resin with the person's face on it, or plain plastic, plaster or paper pulp."""
    if rng.random() < 0.7:
        texture = stage.assets.texture(f"skins/{identity.skin.name}.png")
        painted = cv2.bilateralFilter(np.ascontiguousarray(texture[..., :3]), 9, 40, 4).astype(np.float32)
        grey = painted.mean(axis=2, keepdims=True)
        painted = np.clip(grey + (painted - grey) * rng.uniform(0.5, 1.25), 0, 255).astype(np.uint8)
        layer, tint = bank.add(with_alpha(painted, None)), identity.skin_tint
    else:
        tone = rng.uniform(0.25, 0.85)
        layer, tint = -1, (tone, tone * float(rng.uniform(0.75, 1.0)), tone * float(rng.uniform(0.6, 1.0)))
    return Material(
        Kind.MASK, layer, tint, nir_base=rng.uniform(0.35, 0.75), nir_luma=rng.uniform(0.0, 0.2),
        gloss=rng.uniform(0.05, 0.4), shininess=rng.uniform(20, 120), nir_gloss=rng.uniform(0.05, 0.3),
        mirror=rng.uniform(0, 0.5), wrap=rng.uniform(0, 0.15), detail=rng.uniform(0, 0.04), bump=rng.uniform(0, 0.08),
        two_sided=True,
    )  # fmt: skip
