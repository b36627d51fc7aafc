"""From an identity, an expression and a pose to the meshes of a head, neck and shoulders."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate_tools.simulate import materials
from livegate_tools.simulate.clothes import bare_skin, collar_height, shirt
from livegate_tools.simulate.glasses import glasses
from livegate_tools.simulate.held_out import Split
from livegate_tools.simulate.identity import Identity
from livegate_tools.simulate.makehuman import DECIMETRE_MM, Assets
from livegate_tools.simulate.parts import Part
from livegate_tools.simulate.textures import TextureBank

Array = NDArray[Any]

_ARM_TURN_DEG = 38.0


@dataclass(frozen=True, slots=True)
class Pose:
    """Head turn against the shoulders, in degrees: yaw to the person's left, pitch down, roll to the left shoulder."""

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0


@dataclass(frozen=True, slots=True)
class Expression:
    """Expression units of the identity's ancestry, unit -> weight 0..1, for example "mouth-open"."""

    units: tuple[tuple[str, float], ...] = ()

    def blinking(self, closure: float) -> Expression:
        """Return the expression with both lids closed by 0..1."""
        rest = tuple(unit for unit in self.units if not unit[0].startswith("eye-"))
        return Expression((*rest, ("eye-left-closure", closure), ("eye-right-closure", closure)))


@dataclass(frozen=True, slots=True)
class Head:
    """A head in its own coordinates: mm, x to the person's left, y up, z forward, origin between the eyes.

    ``parts`` begin with the skin; ``landmarks`` (8, 3): left and right eye, nose tip, chin, left and right
    temple, forehead, mouth.
    """

    parts: tuple[Part, ...]
    landmarks: Array


_EXPRESSIONS = (
    ("mouth-corner-puller", 0.8), ("mouth-open", 0.35), ("eyebrows-left-up", 0.6), ("eyebrows-right-up", 0.6),
    ("mouth-compression", 0.6), ("mouth-retraction", 0.5), ("eye-left-slit", 0.6), ("eye-right-slit", 0.6),
    ("eyebrows-left-down", 0.6), ("eyebrows-right-down", 0.6), ("mouth-depression", 0.4), ("mouth-parling", 0.4),
)  # fmt: skip


def draw_expression(rng: np.random.Generator) -> Expression:
    """Return a mild random expression; sometimes the eyes are partly closed."""
    units = {name: float(rng.uniform(0, most)) for name, most in _EXPRESSIONS if rng.random() < 0.25}
    if rng.random() < 0.08:
        closure = float(rng.uniform(0.3, 1.0))
        units |= {"eye-left-closure": closure, "eye-right-closure": closure}
    return Expression(tuple(units.items()))


def build_head(assets: Assets, identity: Identity, expression: Expression, bank: TextureBank) -> Head:
    """Return the head of ``identity``; its textures are added to ``bank``."""
    rng = np.random.default_rng([91, list(Split).index(identity.split), identity.seed])
    weights = dict(identity.weights)
    for unit, weight in expression.units:
        weights[f"expression/units/{identity.ancestry}/{unit}"] = weight
    shape = _arms_down(assets, assets.shape(weights))
    eyes = assets.joint("joint-l-eye", shape), assets.joint("joint-r-eye", shape)
    origin = (eyes[0] + eyes[1]) / 2

    def local(positions: Array) -> Array:
        return ((positions - origin) * DECIMETRE_MM).astype(np.float32)

    skin_layer = bank.add(assets.texture(f"skins/{identity.skin.name}.png"))
    skin = materials.skin(skin_layer, identity.skin_tint, rng)
    topology = assets.body
    body = local(shape)
    collar = collar_height(assets.base[topology.source], rng)
    whole = topology.mesh(body)
    seen = replace(whole, triangles=whole.triangles[bare_skin(assets, collar)])
    parts = [Part(seen, skin), shirt(assets, identity, body, collar, bank, rng)]
    eye_layer = bank.add(assets.texture(f"eyes/textures/{identity.iris}.png"))
    proxies = [("eyes/high-poly", materials.eye(eye_layer))]
    dark = tuple(0.5 * c for c in identity.hair_colour)
    for name, tint in (
        (f"eyebrows/{identity.brows}", (dark[0], dark[1], dark[2])),
        (f"eyelashes/{identity.lashes}", (0.1, 0.08, 0.07)),
    ):
        layer = bank.add(assets.texture(name))
        proxies.append((name, replace(materials.hair(layer, tint, rng), gloss=0.0)))
    if identity.hair is not None:
        name = f"hair/{identity.hair}"
        layer = bank.add(assets.texture(name))
        tint = _hair_tint(assets.mean_colour(name), identity.hair_colour)
        proxies.append((name, materials.hair(layer, tint, rng)))
    for name, material in proxies:
        proxy = assets.proxy(name)
        parts.append(Part(proxy.topology.mesh(local(proxy.positions(shape))), material))
    if identity.glasses:
        parts.append(glasses(body, local(np.array(eyes)), rng))
    return Head(tuple(parts), _landmarks(body, local(np.array(eyes))))


def posed(head: Head, pose: Pose) -> Head:
    """Return the head turned on its neck; the shoulders stay."""
    rotation = rotation_matrix(pose.yaw, pose.pitch, pose.roll)
    chin = head.landmarks[3]
    pivot = neck_pivot(head)

    def bend(points: Array) -> Array:
        # From the pit of the neck up to the jaw; the chin, forward of the neck, turns with the head.
        lift = points[:, 1] - (chin[1] - 105) + 0.8 * np.clip(points[:, 2] - pivot[2], 0, 80)
        aside = np.hypot(points[:, 0], 0.6 * (points[:, 2] - pivot[2]))
        share = np.clip(np.minimum(lift / 75, (150 - aside) / 40 + np.clip(lift / 75, 0, 2) - 1), 0, 1)[:, None]
        share = share * share * (3 - 2 * share)
        turned = (points - pivot) @ rotation.T.astype(np.float32) + pivot
        return np.asarray(points * (1 - share) + turned * share, np.float32)

    parts = []
    for part in head.parts:
        moved = bend(part.mesh.vertices)
        tips = bend(part.mesh.vertices + part.mesh.normals) - moved
        tips /= np.maximum(np.linalg.norm(tips, axis=1, keepdims=True), 1e-9)
        parts.append(replace(part, mesh=replace(part.mesh, vertices=moved, normals=tips.astype(np.float32))))
    return Head(tuple(parts), bend(head.landmarks))


def neck_pivot(head: Head) -> Array:
    """Return the point (3,) mm about which the head turns, in head coordinates."""
    chin = head.landmarks[3]
    return np.array([0.0, chin[1] - 40, chin[2] - 115], dtype=np.float32)


def rotation_matrix(yaw: float, pitch: float, roll: float) -> Array:
    """Return the (3, 3) rotation for degrees about y (yaw), x (pitch) and z (roll), roll applied first."""
    y, p, r = np.radians([yaw, pitch, roll])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    turn: Array = about_y @ about_x @ about_z
    return turn


def _arms_down(assets: Assets, shape: Array) -> Array:
    """Return the shape with its arms, spread in the base mesh, let down beside the body."""
    lowered = shape.copy()
    for name, side in (("joint-l-shoulder", 1.0), ("joint-r-shoulder", -1.0)):
        joint = assets.joint(name, shape)
        share = np.clip((side * (shape[:, 0] - joint[0]) + 0.25) / 0.9, 0, 1)[:, None]
        turn = rotation_matrix(0, 0, -side * _ARM_TURN_DEG).astype(np.float32)
        lowered += share * share * (3 - 2 * share) * ((shape - joint) @ turn.T + joint - shape)
    return lowered


def _landmarks(body: Array, eyes: Array) -> Array:
    """Return the eight points a face box is computed from, found on the surface itself."""
    middle = np.abs(body[:13380, 0]) < 6
    line = body[:13380][middle]
    face = line[(line[:, 1] > -75) & (line[:, 1] < -10)]
    nose = face[np.argmax(face[:, 2])]
    # The chin juts out as far as the lips; what is lower and farther back is the throat.
    below = line[(line[:, 1] < nose[1] - 40) & (line[:, 1] > nose[1] - 110) & (line[:, 2] > nose[2] - 40)]
    chin = below[np.argmin(below[:, 1])] if len(below) else nose + np.array([0, -75, -20])
    eye_width = float(np.linalg.norm(eyes[0] - eyes[1]))
    temple = np.array([1.05 * eye_width, 5, nose[2] - 75])
    forehead = np.array([0, 0.75 * eye_width, nose[2] - 22])
    mouth = nose + np.array([0, -0.45 * (nose[1] - chin[1]), -12])
    points = [eyes[0], eyes[1], nose, chin, temple, temple * (-1, 1, 1), forehead, mouth]
    return np.array(points, dtype=np.float32)


def _hair_tint(mean: Array, colour: tuple[float, float, float]) -> tuple[float, float, float]:
    """Return the multiplier that brings a hair texture of a mean colour to about the wanted one."""
    tint = np.clip(np.array(colour) * 0.22 / np.maximum(mean, 0.004), 0.15, 12.0)
    return float(tint[0]), float(tint[1]), float(tint[2])
