"""The picture an attacker has: a rendered person through another camera, and its transfer to paper or a screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.types import Intrinsics
from livegate_tools.simulate.camera_stage import expose
from livegate_tools.simulate.cameras import draw_camera
from livegate_tools.simulate.head import Head, Pose, build_head, draw_expression, posed
from livegate_tools.simulate.identity import Identity
from livegate_tools.simulate.lighting import Surroundings, draw_backdrop, draw_light, srgb_to_linear
from livegate_tools.simulate.makehuman import Assets
from livegate_tools.simulate.materials import Kind
from livegate_tools.simulate.parts import Part
from livegate_tools.simulate.renderer import Illuminator, Scene, draw, project, to_camera
from livegate_tools.simulate.textures import TextureBank

Array = NDArray[Any]

_WIDTH, _HEIGHT = 560, 700


@dataclass(frozen=True, slots=True)
class Portrait:
    """A picture of a person: rgb (H, W, 3) uint8, R, G, B; where the person is (H, W) bool, clothes apart.

    ``landmarks`` (8, 2) texture coordinates of the head's landmarks, v from the lower edge; ``mm_per_width``: how many
    millimetres at the face the picture's width shows.
    """

    rgb: Array
    person: Array
    landmarks: Array
    mm_per_width: float


def place(head: Head, position: Array) -> tuple[tuple[Part, ...], Array]:
    """Return a head's parts and landmarks in camera coordinates, its origin at ``position`` (3,) mm."""
    still = np.eye(3)
    parts = tuple(Part(to_camera(p.mesh).placed(still, position), p.material) for p in head.parts)
    return parts, head.landmarks * (1, -1, -1) + position


def take_portrait(assets: Assets, identity: Identity, surroundings: Surroundings, rng: np.random.Generator) -> Portrait:
    """Return a random portrait of ``identity``: own light, background, camera, expression and a small turn."""
    bank = TextureBank()
    head = build_head(assets, identity, draw_expression(rng), bank)
    head = posed(head, Pose(rng.normal(0, 7), rng.normal(0, 5), rng.normal(0, 4)))
    distance = float(rng.uniform(600, 1000))
    focal = float(rng.uniform(0.65, 1.6)) * distance * _WIDTH / 300
    camera = Intrinsics(focal, focal, (_WIDTH - 1) / 2, (_HEIGHT - 1) / 2, _WIDTH, _HEIGHT)
    middle = head.landmarks.mean(axis=0) * (1, -1, -1)
    offset = np.array([rng.normal(0, 10), rng.normal(0, 12), distance]) - middle
    parts, landmarks = place(head, offset)
    backdrop = draw_backdrop(surroundings, rng, _WIDTH, _HEIGHT)
    scene = Scene(parts, bank, draw_light(surroundings, rng), Illuminator((0, 0, 0), distance), backdrop)
    drawn = draw(scene, camera)
    picture = expose(drawn.rgb, draw_camera(rng, identity.split), rng)
    points = project(landmarks, camera)
    uvs = np.stack([(points[:, 0] + 0.5) / _WIDTH, 1 - (points[:, 1] + 0.5) / _HEIGHT], axis=1)
    person = (drawn.kinds != Kind.BACKGROUND) & (drawn.kinds != Kind.CLOTH)
    return Portrait(np.ascontiguousarray(picture[..., ::-1]), person, uvs, _WIDTH * distance / focal)


def printed(portrait: Portrait, rng: np.random.Generator, alpha: Array | None = None) -> Array:
    """Return the portrait as ink on paper (H, W, 4): a smaller gamut, the paper's white, ink that bleeds a little."""
    light = srgb_to_linear(portrait.rgb)
    grey = light @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    saturation = 0.0 if rng.random() < 0.06 else rng.uniform(0.65, 1.05)
    inked = grey[..., None] + (light - grey[..., None]) * np.float32(saturation)
    inked = np.clip(inked, 0, 1) ** np.float32(rng.uniform(0.85, 1.2))
    paper = rng.uniform(0.8, 0.93) * np.array([1.0, rng.uniform(0.97, 1.0), rng.uniform(0.92, 1.02)])
    black = rng.uniform(0.02, 0.07)
    reflected = paper * (black + (1 - black) * inked)
    if rng.random() < 0.3:
        bands = 1 + rng.uniform(0.01, 0.05) * np.sin(np.arange(light.shape[0]) * rng.uniform(0.3, 1.5))[:, None, None]
        reflected = reflected * bands
    reflected = cv2.GaussianBlur(reflected.astype(np.float32), (0, 0), rng.uniform(0.3, 1.0))
    return with_alpha(linear_to_srgb(reflected), alpha)


def framed(rgba: Array, share: float) -> Array:
    """Return a print with a white border of ``share`` of its width on each side, same size in pixels."""
    height, width = rgba.shape[:2]
    border = int(share * width)
    inner = cv2.resize(rgba, (width - 2 * border, height - 2 * border), interpolation=cv2.INTER_AREA)
    return cv2.copyMakeBorder(inner, border, border, border, border, cv2.BORDER_CONSTANT, value=(238, 238, 235, 255))


def with_alpha(rgb: Array, alpha: Array | None) -> Array:
    """Return (H, W, 4) uint8 of (H, W, 3) and an alpha (H, W) uint8, opaque for None."""
    opaque = np.full(rgb.shape[:2], 255, np.uint8) if alpha is None else alpha
    return np.ascontiguousarray(np.dstack([rgb, opaque]))


def linear_to_srgb(linear: Array) -> Array:
    """Return sRGB uint8 of linear light 0..1."""
    x = np.clip(linear, 0, 1)
    return np.asarray(np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055) * 255 + 0.5, np.uint8)


def cut_out(portrait: Portrait, rng: np.random.Generator, eye_holes: bool) -> Array:
    """Return the alpha (H, W) uint8 of a portrait cut along the head or as an oval face, with or without eye holes."""
    height, width = portrait.person.shape
    points = portrait.landmarks * (width, -height) + (0, height)
    left, right, _, chin = points[0], points[1], points[2], points[3]
    span = float(np.linalg.norm(left - right))
    alpha = np.zeros((height, width), np.uint8)
    if rng.random() < 0.5:
        grown = cv2.dilate(portrait.person.astype(np.uint8), np.ones((9, 9), np.uint8))
        alpha[grown > 0] = 255
        alpha[int(min(chin[1] + 0.35 * span, height - 1)) :] = 0
    else:
        centre = (left + right) / 2 * 0.55 + chin * 0.45
        axes = (int(span * rng.uniform(0.95, 1.2)), int(np.linalg.norm(chin - centre) * rng.uniform(1.1, 1.35)))
        cv2.ellipse(alpha, (int(centre[0]), int(centre[1])), axes, 0, 0, 360, 255, -1)
    if eye_holes:
        size = (int(span * rng.uniform(0.2, 0.3)), int(span * rng.uniform(0.1, 0.2)))
        for eye in (left, right):
            cv2.ellipse(alpha, (int(eye[0]), int(eye[1])), size, 0, 0, 360, 0, -1)
    return alpha
