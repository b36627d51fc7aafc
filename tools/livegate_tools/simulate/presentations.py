"""What stands before the terminal: a living person, or one of the presentation attack instruments."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate_tools.simulate.hands import build_hand, grip
from livegate_tools.simulate.head import (
    Expression,
    Head,
    Part,
    Pose,
    build_head,
    draw_expression,
    neck_pivot,
    posed,
    rotation_matrix,
)  # fmt: skip
from livegate_tools.simulate.identity import Identity
from livegate_tools.simulate.lighting import Surroundings
from livegate_tools.simulate.makehuman import Assets
from livegate_tools.simulate.materials import Kind, Material
from livegate_tools.simulate.portrait import Portrait, cut_out, framed, printed, take_portrait, with_alpha
from livegate_tools.simulate.surfaces import Sheet, slab
from livegate_tools.simulate.textures import TextureBank

Array = NDArray[Any]


OCCLUDED_SHARE = 0.11

_FINGER_MM = 90.0
_HEAD_MM = 270.0


class Species(enum.StrEnum):
    """PAI species of the simulator (ISO/IEC 30107-3)."""

    PRINT_FLAT = "print_flat"
    PRINT_BENT = "print_bent"
    REPLAY_PHONE = "replay_phone"
    REPLAY_TABLET = "replay_tablet"
    CUTOUT_MASK = "cutout_mask"
    MASK_3D = "mask_3d"


@dataclass(frozen=True, slots=True)
class Stage:
    """What every presentation is made from."""

    assets: Assets
    surroundings: Surroundings


@dataclass(frozen=True, slots=True)
class Posture:
    """One moment of a presentation: turn of the head or of the instrument in degrees, closure of the eyes 0..1."""

    pose: Pose = field(default_factory=Pose)
    blink: float = 0.0


@dataclass(frozen=True, slots=True)
class Presented:
    """A presentation at one moment in its own coordinates (mm, y up, facing +z, origin near the face's middle).

    ``landmarks`` (8, 3) as in Head, of the face shown; ``scale``: its size against a real face. ``sheet_mm``: width and
    height of a sheet that can fill the view so that no edge shows, else None; ``middle`` (3,) is then its middle.
    """

    parts: tuple[Part, ...]
    landmarks: Array
    bank: TextureBank
    scale: float
    sheet_mm: tuple[float, float] | None = None
    middle: tuple[float, float, float] = (0.0, 0.0, 0.0)


Presentation = Callable[[Posture], Presented]
"""A presentation over time: the same thing at each posture asked for."""


def live(stage: Stage, identity: Identity, rng: np.random.Generator, occluded: float) -> Presentation:
    """Return a living person; a share ``occluded`` of them has a hand at the face."""
    expression = draw_expression(rng)
    bank = TextureBank()
    hand = _hand_at_face(build_hand(stage.assets, identity, bank), rng) if rng.random() < occluded else None

    def at(posture: Posture) -> Presented:
        head = posed(_head(stage.assets, identity, expression, bank, posture), posture.pose)
        parts = head.parts if hand is None else (*head.parts, hand)
        return Presented(parts, head.landmarks, bank, 1.0)

    return at


def _head(assets: Assets, identity: Identity, expression: Expression, bank: TextureBank, posture: Posture) -> Head:
    shown = expression.blinking(posture.blink) if posture.blink > 0.02 else expression
    return build_head(assets, identity, shown, bank)


def _hand_at_face(hand: Part, rng: np.random.Generator) -> Part:
    side = float(rng.choice([-1, 1]))
    at = np.array([side * rng.uniform(45, 95), rng.uniform(-120, -50), rng.uniform(55, 90)])
    return grip(hand, at, side * rng.uniform(5, 50), bool(side < 0), rng.uniform(-25, 5))


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
    ink = _ink(bank.add(picture), rng)
    parts = [Part(sheet.mesh(), ink)]
    if rng.random() < 0.65:
        parts += _holding(stage, identity, rng, bank, sheet)
    uvs = 0.5 + (portrait.landmarks - 0.5) * (1 - 2 * border, 1 - 2 * border * picture.shape[1] / picture.shape[0])
    behind = _holder(stage, other, bank, rng) if height > _HEAD_MM and rng.random() < 0.5 else ()
    return _rigid(tuple(parts), sheet.surface(uvs), bank, scale, None if border else (width, height), behind)


def _holder(stage: Stage, person: Identity, bank: TextureBank, rng: np.random.Generator) -> tuple[Part, ...]:
    """Return the attacker, whose own face the sheet hides, in coordinates centred on the face shown."""
    head = build_head(stage.assets, replace(person, hair=None, glasses=False), Expression(), bank)
    place = np.array([rng.normal(0, 15), rng.normal(-15, 15), -rng.uniform(120, 300)])
    return tuple(replace(p, mesh=p.mesh.placed(np.eye(3), place)) for p in head.parts)


def _ink(layer: int, rng: np.random.Generator) -> Material:
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


def _holding(stage: Stage, identity: Identity, rng: np.random.Generator, bank: TextureBank, sheet: Sheet,
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


def _rigid(parts: tuple[Part, ...], landmarks: Array, bank: TextureBank, scale: float,
           sheet_mm: tuple[float, float] | None = None, behind: tuple[Part, ...] = ()) -> Presentation:  # fmt: skip
    """Return a presentation that turns as one thing; the parts ``behind`` stay."""
    middle = landmarks.mean(axis=0)

    def at(posture: Posture) -> Presented:
        turn = rotation_matrix(posture.pose.yaw, posture.pose.pitch, posture.pose.roll)
        move = -turn @ middle
        turned = (*(replace(p, mesh=p.mesh.placed(turn, move)) for p in parts), *behind)
        return Presented(turned, landmarks @ turn.T + move, bank, scale, sheet_mm, (move[0], move[1], move[2]))

    return at


def screen(stage: Stage, identity: Identity, rng: np.random.Generator, tablet: bool) -> Presentation:
    """Return a portrait on a phone or tablet held in the hand."""
    portrait = take_portrait(stage.assets, identity, stage.surroundings, rng)
    bank = TextureBank()
    width = float(rng.uniform(140, 215) if tablet else rng.uniform(60, 73))
    height = width * float(rng.uniform(1.25, 1.6) if tablet else rng.uniform(1.7, 2.15))
    picture, uvs = _fitted(portrait, height / width, rng)
    scale = float(np.linalg.norm((uvs[4] - uvs[5]) * (width, height)) / 130.0)
    sheet = Sheet(width, height)
    glass = Material(
        Kind.SCREEN, bank.add(with_alpha(picture, None)), tint=_white_point(rng), nir_base=rng.uniform(0.01, 0.03),
        emission=float(np.exp(rng.uniform(np.log(0.35), np.log(1.8)))), gloss=rng.uniform(0.01, 0.05),
        shininess=rng.uniform(800, 4000), nir_gloss=rng.uniform(0.008, 0.03), mirror=rng.uniform(0.6, 1.2),
    )  # fmt: skip
    edge = float(rng.uniform(6, 18) if tablet else rng.uniform(2.5, 8))
    brow = edge + float(rng.uniform(0, 8) if rng.random() < 0.5 else 0)
    case = slab(width + 2 * edge, height + 2 * brow, float(rng.uniform(6, 10)), float(rng.uniform(4, 9)))
    tone = float(rng.choice([0.012, 0.02, 0.05, 0.7]))
    shell = Material(Kind.CASE, tint=(tone, tone, tone), nir_base=0.02 + 0.3 * tone, gloss=0.03, shininess=400,
                     nir_gloss=0.03, mirror=0.8, two_sided=True)  # fmt: skip
    behind = case.placed(np.eye(3), np.array([0, 0, -0.6]))
    parts = [Part(sheet.mesh(), glass), Part(behind, shell)]
    if rng.random() < 0.75:
        parts += _holding(stage, identity, rng, bank, Sheet(width + 2 * edge, height + 2 * brow), 14.0)
    return _rigid(tuple(parts), sheet.surface(uvs), bank, scale)


def _white_point(rng: np.random.Generator) -> tuple[float, float, float]:
    return float(rng.uniform(0.85, 1.05)), float(rng.uniform(0.95, 1.0)), float(rng.uniform(0.95, 1.2))


def _fitted(portrait: Portrait, aspect: float, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return the portrait cropped or barred to a screen's height over width, and the landmarks in it."""
    height, width = portrait.rgb.shape[:2]
    if rng.random() < 0.6:
        new_height, new_width = height, round(height / aspect)
    else:
        new_height, new_width = round(width * aspect), width
    picture = np.zeros((new_height, new_width, 3), np.uint8)
    dx, dy = (new_width - width) // 2, (new_height - height) // 2
    x0, y0 = max(dx, 0), max(dy, 0)
    source = portrait.rgb[max(-dy, 0) : max(-dy, 0) + min(height, new_height)]
    source = source[:, max(-dx, 0) : max(-dx, 0) + min(width, new_width)]
    picture[y0 : y0 + source.shape[0], x0 : x0 + source.shape[1]] = source
    uvs = np.stack([(portrait.landmarks[:, 0] * width + dx) / new_width,
                    1 - ((1 - portrait.landmarks[:, 1]) * height + dy) / new_height], axis=1)  # fmt: skip
    return picture, uvs


def cutout(stage: Stage, identity: Identity, wearer: Identity, rng: np.random.Generator) -> Presentation:
    """Return a print cut along the face, with eye holes or not, worn by another person or held in the hand."""
    portrait = take_portrait(stage.assets, identity, stage.surroundings, rng)
    bank = TextureBank()
    alpha = cut_out(portrait, rng, eye_holes=rng.random() < 0.6)
    ink = replace(_ink(bank.add(printed(portrait, rng, alpha)), rng), alpha=True)
    span = float(np.linalg.norm((portrait.landmarks[0] - portrait.landmarks[1]) * (1, 1.25))) * portrait.mm_per_width
    scale = 63.0 / max(span, 20.0) * float(rng.uniform(0.94, 1.12))
    width = portrait.mm_per_width * scale
    height = width * portrait.rgb.shape[0] / portrait.rgb.shape[1]
    sheet = Sheet(width, height, float(rng.uniform(max(75, width / 2.6), 240)), float(rng.normal(0, 4)), 0.8)
    landmarks = sheet.surface(portrait.landmarks)
    worn = rng.random() < 0.65
    if not worn:
        parts = [Part(sheet.mesh(), ink), *_holding(stage, wearer, rng, bank, _face_sized(sheet, landmarks))]
        return _rigid(tuple(parts), landmarks, bank, scale)
    expression, gap = draw_expression(rng), float(rng.uniform(2, 10))

    def at(posture: Posture) -> Presented:
        neutral = _head(stage.assets, wearer, expression, bank, posture)
        eyes = landmarks[:2].mean(axis=0)
        move = np.array([-eyes[0], -eyes[1], neutral.landmarks[2][2] + gap - landmarks[2][2]])
        turn, pivot = rotation_matrix(posture.pose.yaw, posture.pose.pitch, posture.pose.roll), neck_pivot(neutral)
        shift = turn @ (move - pivot) + pivot
        mask = Part(sheet.mesh().placed(turn, shift), ink)
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
        own = _head(stage.assets, replace(wearer, glasses=False), expression, bank, posture)
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


def _swollen(mesh: Any, scale: float, thickness_mm: float) -> Any:
    return replace(mesh, vertices=(mesh.vertices * np.float32(scale) + mesh.normals * np.float32(thickness_mm)))


def _shell(face: Any, model: Head, scale: float, forward_mm: float) -> Any:
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


def present(
    stage: Stage,
    species: Species | None,
    people: tuple[Identity, Identity],
    rng: np.random.Generator,
    occluded: float = OCCLUDED_SHARE,
) -> Presentation:
    """Return a presentation of ``people[0]``; ``people[1]`` wears masks. ``species`` None is a living person."""
    shown, other = people
    if species is None:
        return live(stage, shown, rng, occluded)
    if species in (Species.PRINT_FLAT, Species.PRINT_BENT):
        return paper(stage, shown, other, rng, bent=species is Species.PRINT_BENT)
    if species in (Species.REPLAY_PHONE, Species.REPLAY_TABLET):
        return screen(stage, shown, rng, tablet=species is Species.REPLAY_TABLET)
    if species is Species.CUTOUT_MASK:
        return cutout(stage, shown, other, rng)
    return mask(stage, shown, other, rng)
