"""Photographs of people as relief: a head fitted to the face's five points, to turn it a little and to know its depth.

The head is a paraboloid on the face's own axis with a nose and sunken eyes, neck and body are half cylinders. Its
proportions are assumed, from an eye-to-mouth distance of 68 mm: half a head is 85 mm wide, 120 mm high, and its middle
68 mm before its rim. Over YuNet's boxes of 60 portraits the best plane then leaves 13.2 mm RMS, the best cylinder 10.2
and the best quadric 3.2 (SCIENCE.md, analytic faces: 11.9, 9.2, 2.8).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from livegate_tools.simulate.geometry import BoxPx, Pixels

_EYE_TO_MOUTH_MM = 68.0
# In units of the eye-to-mouth distance.
_HALF_WIDTH, _UP, _DOWN, _DEEP = 1.25, 1.75, 1.55, 1.0
_NOSE, _SOCKET, _NECK, _BODY = 0.28, 0.1, 0.6, 0.75
_NOSE_LEVER = 1.0


@dataclass(frozen=True, slots=True)
class Build:
    """How a person is built: eye-to-mouth distance in mm, and factors on the typical width, depth, nose and sockets."""

    eye_to_mouth_mm: float = _EYE_TO_MOUTH_MM
    width: float = 1.0
    deep: float = 1.0
    nose: float = 1.0
    socket: float = 1.0


TYPICAL = Build()


@dataclass(frozen=True, slots=True)
class Relief:
    """How far a person stands out of the picture: ``height_px`` (H, W) float32, 0 at the background.

    ``unit_px`` is the eye-to-mouth distance in pixels, ``face_px`` the height at the middle of the face.
    """

    height_px: Pixels
    unit_px: float
    face_px: float
    eye_to_mouth_mm: float = _EYE_TO_MOUTH_MM

    @property
    def mm_per_px(self) -> float:
        """Millimetres a pixel of the picture shows at the face."""
        return self.eye_to_mouth_mm / self.unit_px


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn of the head against the camera, degrees, positive to the right of the picture and downwards."""

    yaw: float
    pitch: float


def draw_turn(rng: np.random.Generator) -> Turn:
    """Return a turn as far as a relief stands it: 14 degrees aside, 9 up or down."""
    return Turn(float(np.clip(rng.normal(0, 7), -14, 14)), float(np.clip(rng.normal(0, 4.5), -9, 9)))


def draw_build(rng: np.random.Generator) -> Build:
    """Return how a person is built: sizes of people, 5 % (standard deviation) apart, noses and eyes more (assumed)."""

    def about(deviation: float) -> float:
        return float(np.exp(np.clip(rng.normal(0, deviation), -2.2 * deviation, 2.2 * deviation)))

    return Build(_EYE_TO_MOUTH_MM * about(0.05), about(0.05), about(0.1), about(0.12), about(0.3))


def relief_of(points: Pixels, size: tuple[int, int], build: Build = TYPICAL) -> Relief:
    """Return the relief of the person in a picture.

    Args:
        points: (5, 2) pixels, YuNet's order: two eyes, tip of the nose, two corners of the mouth.
        size: (H, W) of the picture.
        build: of the person.
    """
    height, width = size
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    down = mouth - eyes
    unit = max(float(np.hypot(*down)), 4.0)
    down = down / unit
    across = np.array([down[1], -down[0]])
    # The tip of the nose stands out, so it leads where the head is turned to.
    aside = float(np.clip((points[2] - eyes) @ across / (_NOSE_LEVER * unit), -0.6, 0.6))
    middle = eyes + 0.35 * unit * down - 0.7 * aside * unit * across
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    u = ((x - middle[0]) * across[0] + (y - middle[1]) * across[1]) / np.float32(unit)
    v = ((x - middle[0]) * down[0] + (y - middle[1]) * down[1]) / np.float32(unit)
    head = (
        _DEEP
        * build.deep
        * np.maximum(1 - (u / (_HALF_WIDTH * build.width)) ** 2 - (v / np.where(v < 0, _UP, _DOWN)) ** 2, 0)
    )
    body = _BODY * np.clip((v - 1.2) / 0.8, 0, 1) * np.maximum(1 - (u / 2.9) ** 2, 0)
    neck = _NECK * np.clip((v - 0.6) / 0.5, 0, 1) * np.maximum(1 - (u / 0.85) ** 2, 0)
    raised = cv2.GaussianBlur(np.maximum(np.maximum(head, body), neck).astype(np.float32), (0, 0), 0.08 * unit)
    raised += _bump(x, y, points[2], unit, 0.26) * np.float32(_NOSE * build.nose)
    for eye in points[:2]:
        raised -= _bump(x, y, eye, unit, 0.22) * np.float32(_SOCKET * build.socket)
    raised = np.maximum(raised, 0)
    at = np.clip(np.round(middle).astype(int), 0, (width - 1, height - 1))
    middle_px = float(raised[at[1], at[0]]) * unit
    return Relief(raised * np.float32(unit), unit, middle_px, build.eye_to_mouth_mm)


def turned(relief: Relief, turn: Turn, *layers: Pixels) -> tuple[Pixels, ...]:
    """Return pictures of the person (H, W) or (H, W, 3), and whatever else goes with them, after a turn of the head.

    Near things move further than the background, which stays. Each pixel looks up where it came from in three steps.
    """
    shift = np.sin(np.deg2rad([turn.yaw, turn.pitch])).astype(np.float32)
    height, width = relief.height_px.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    raised = relief.height_px
    for _ in range(3):
        map_x, map_y = x - shift[0] * raised, y - shift[1] * raised
        raised = cv2.remap(relief.height_px, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    map_x, map_y = x - shift[0] * raised, y - shift[1] * raised
    return tuple(
        np.asarray(cv2.remap(layer, map_x, map_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101), np.float32)
        for layer in layers
    )


def turned_box(relief: Relief, turn: Turn, box: BoxPx) -> BoxPx:
    """Return the face's box after a turn: it moves as the middle of the face does, nearly."""
    shift = np.sin(np.deg2rad([turn.yaw, turn.pitch])) * relief.face_px * 0.85
    return float(box[0] + shift[0]), float(box[1] + shift[1]), box[2], box[3]


def _bump(x: Pixels, y: Pixels, at: Pixels, unit: float, reach: float) -> Pixels:
    away = ((x - np.float32(at[0])) ** 2 + (y - np.float32(at[1])) ** 2) / np.float32((reach * unit) ** 2)
    return np.asarray(np.exp(-away), np.float32)
