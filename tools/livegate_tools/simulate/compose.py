"""Holds a medium before a scene: pose, shadow, hands, and the beat of screen pixels against the camera's."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from livegate_tools.simulate.fingers import draw_skin, hold
from livegate_tools.simulate.geometry import FOCAL_PX, BoxPx, Pixels, map_box, plane_to_frame, through, warp_picture
from livegate_tools.simulate.medium import Medium
from livegate_tools.simulate.scenes import HEIGHT, WIDTH, focus


@dataclass(frozen=True, slots=True)
class Pose:
    """How a medium is held: 3x3 ``matrix`` from its pixels to the frame's."""

    matrix: Pixels

    def box(self, medium: Medium) -> BoxPx:
        """Return the face's box in the frame."""
        return map_box(medium.box, through(self.matrix))

    def corners(self, medium: Medium) -> Pixels:
        """Return the medium's corners (4, 2) in the frame."""
        return through(self.matrix)(medium.outline)


@dataclass(frozen=True, slots=True)
class Grip:
    """A hand at the edges of a thing: the seed of its shape, the thing's corners and the width of a finger, pixels."""

    seed: int
    corners: Pixels
    finger_px: float

    def drawn(self, scene: Pixels, before: bool, skin: Pixels) -> Pixels:
        """Return the scene (H, W, 3) with the hand behind the thing, or its fingers before it, in a colour (3,)."""
        return hold(np.random.default_rng(self.seed), scene, self.corners, before, skin, self.finger_px)


@dataclass(frozen=True, slots=True)
class Presented:
    """The scene with the medium before it, the face's box, the share of each pixel it covers (H, W), and the hand."""

    linear: Pixels
    box: BoxPx
    covered: Pixels
    grip: Grip | None = None


def pose(
    rng: np.random.Generator,
    medium: Medium,
    face_at: tuple[float, float],
    steady: float,
    focal_px: float = FOCAL_PX,
) -> Pose:
    """Return a pose that brings the middle of the face to ``face_at``; ``steady`` 0 (free hand) .. 1 (square on)."""
    height, width = medium.share.shape
    loose = 1 - steady
    angles = tuple(float(v) for v in rng.normal(0, 1, 3) * (15 * loose + 1, 12 * loose + 1, 7 * loose + 1))
    angles = (float(np.clip(angles[0], -38, 38)), float(np.clip(angles[1], -32, 32)), angles[2])
    matrix = plane_to_frame((width, height), (WIDTH / 2, HEIGHT / 2), 1.0, angles, focal_px)
    x, y, w, h = map_box(medium.box, through(matrix))
    shift = np.array([[1, 0, face_at[0] - x - w / 2], [0, 1, face_at[1] - y - h / 2], [0, 0, 1]])
    return Pose(shift @ matrix)


def present(rng: np.random.Generator, scene: Pixels, medium: Medium, held: Pose, hands: bool) -> Presented:
    """Return the scene with the medium held before it.

    Args:
        rng: the only source of chance.
        scene: (480, 640, 3) float32 linear light behind the medium; not written to.
        medium: what is held.
        held: where.
        hands: whether fingers show.
    """
    corners = held.corners(medium)
    size = min(float(np.hypot(*(corners[1] - corners[0]))), float(np.hypot(*(corners[2] - corners[1]))))
    finger = float(np.clip(size * medium.finger * rng.uniform(0.75, 1.3), 6, 80))
    skin = draw_skin(rng) * np.float32(np.exp(rng.normal(-0.2, 0.4)))
    shape = int(rng.integers(2**31))
    grip = Grip(shape, corners, finger) if hands else None
    scene_soft, medium_soft = focus(rng)
    if scene_soft > 0:
        scene = cv2.GaussianBlur(scene, (0, 0), scene_soft)
    if grip is not None:
        scene = grip.drawn(scene, False, skin)
    covered = warp_picture(medium.share, held.matrix, (WIDTH, HEIGHT), cv2.BORDER_CONSTANT)
    light = warp_picture(medium.light, held.matrix, (WIDTH, HEIGHT), cv2.BORDER_REPLICATE)
    if medium.grid_px is not None:
        light = light * _grid(held.matrix, medium.grid_px)
    if medium_soft > 0:
        light, covered = (cv2.GaussianBlur(part, (0, 0), medium_soft) for part in (light, covered))
    scene = scene * _shadow(rng, covered)[..., None]
    covered = np.clip(covered, 0, 1)
    linear = scene + covered[..., None] * (np.maximum(light, 0) - scene)
    if grip is not None:
        linear = grip.drawn(linear, True, skin)
    return Presented(np.asarray(linear, np.float32), held.box(medium), covered, grip)


def covered_share(covered: Pixels, box: BoxPx) -> float:
    """Return how much (0..1) of the part of ``box`` inside the frame is covered; 1 where nothing of it is inside."""
    x, y, w, h = box
    area = covered[max(int(y), 0) : max(int(y + h), 0), max(int(x), 0) : max(int(x + w), 0)]
    return float(area.mean()) if area.size else 1.0


def _shadow(rng: np.random.Generator, covered: Pixels) -> Pixels:
    """What the medium keeps of the light from things close behind it."""
    if rng.random() < 0.5:
        return np.ones_like(covered)
    dx, dy = float(rng.uniform(-25, 25)), float(rng.uniform(0, 25))
    small = cv2.resize(covered, (WIDTH // 4, HEIGHT // 4), interpolation=cv2.INTER_AREA)
    matrix = np.array([[1, 0, dx / 4], [0, 1, dy / 4]])
    small = cv2.warpAffine(small, matrix, (WIDTH // 4, HEIGHT // 4))
    small = cv2.GaussianBlur(small, (0, 0), float(rng.uniform(1, 6)))
    return 1 - np.float32(rng.uniform(0.1, 0.6)) * cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)


def _grid(matrix: Pixels, pitch_px: float) -> Pixels:
    """The light of red, green and blue stripes at each camera pixel: sampled here, before any Bayer step.

    Fine grids are averaged away by the area of the camera's pixel (a sinc) and by its lens (sigma .3 px, sharp); what
    is left aliases, as it does in the sensor.
    """
    back = np.linalg.inv(matrix)
    x, y = np.meshgrid(np.arange(WIDTH, dtype=np.float32), np.arange(HEIGHT, dtype=np.float32))
    w = back[2, 0] * x + back[2, 1] * y + back[2, 2]
    u = ((back[0, 0] * x + back[0, 1] * y + back[0, 2]) / w / pitch_px).astype(np.float32)
    v = ((back[1, 0] * x + back[1, 1] * y + back[1, 2]) / w / pitch_px).astype(np.float32)
    frequency = 1 / pitch_px
    left = abs(float(np.sinc(frequency))) * float(np.exp(-2 * (np.pi * 0.3 * frequency) ** 2))
    turn = np.float32(2 * np.pi)
    stripes = np.stack([np.cos(turn * (u + np.float32(place))) for place in (0.0, 1 / 3, 2 / 3)], axis=2)
    rows = np.cos(turn * v)[..., None]
    return np.asarray((1 + left * stripes) * (1 + np.float32(0.5 * left) * rows), np.float32)
