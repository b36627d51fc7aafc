"""Shows a picture again on simulated paper or a simulated screen, in the place of a person or hung on a wall.

A quick stand-in, made while training, for the renderer's attacks [R]: it turns captures of a room and camera of which
there is only one class into both, so that neither the room nor the camera tells the classes apart. Two passes through
optics (less contrast, less detail), lifted black, a tint, a glare and an edge are what remains of a medium at 320×240.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.types import Box
from livegate_tools.train.cache import Picture, scale_box

Image = NDArray[np.uint8]


def recapture(rng: np.random.Generator, shown: Picture, scene: Picture) -> Picture:
    """Return ``scene`` with the first face of ``shown`` held into it on a medium that covers the scene's own face.

    Both pictures as :class:`Picture`; ``shown`` has at least one face. The result's first face is the one on the
    medium; other faces of the scene that stay in view are kept.
    """
    content, face = _cut(rng, shown)
    screen = bool(rng.random() < 0.6)
    content = _medium(rng, content, screen)
    content, inset = _edge(rng, content, screen)
    face = Box(face.x + inset, face.y + inset, face.w, face.h)
    corners = _pose(rng, content.shape, face, scene)
    image = _paste(rng, scene.image, content, corners)
    medium = cv2.getPerspectiveTransform(_corners_of(content.shape), corners)
    held = _transformed(face, medium)
    x, y, w, h = cv2.boundingRect(corners)
    covered = (x, y, w, h)
    return Picture(image, (held, *(f for f in scene.faces if not _touches(f, covered))), scene.unsure)


def hang(rng: np.random.Generator, ornament: Image, picture: Picture) -> Picture:
    """Return ``picture`` with a framed ``ornament`` (no face in it) pasted where it touches no face."""
    content, _ = _edge(rng, ornament, screen=bool(rng.random() < 0.5))
    height, width = picture.image.shape[:2]
    scale = rng.uniform(0.15, 0.5) * width / content.shape[1]
    w, h = content.shape[1] * scale, content.shape[0] * scale
    x, y = rng.uniform(-0.3 * w, width - 0.7 * w), rng.uniform(-0.3 * h, height - 0.7 * h)
    if any(_touches(face, (int(x), int(y), int(w), int(h))) for face in (*picture.faces, *picture.unsure)):
        return picture
    corners = (_corners_of((h, w)) + np.array((x, y))).astype(np.float32)
    return Picture(_paste(rng, picture.image, content, corners), picture.faces, picture.unsure)


def _cut(rng: np.random.Generator, shown: Picture) -> tuple[Image, Box]:
    height, width = shown.image.shape[:2]
    face = shown.faces[0]
    left = max(0, int(face.x - rng.uniform(0.05, 1.2) * face.w))
    right = min(width, int(face.x + face.w * (1 + rng.uniform(0.05, 1.2))))
    top = max(0, int(face.y - rng.uniform(0.05, 0.8) * face.h))
    bottom = min(height, int(face.y + face.h * (1 + rng.uniform(0.05, 1.0))))
    part = shown.image[top:bottom, left:right]
    box = Box(face.x - left, face.y - top, face.w, face.h)
    if rng.random() < 0.5:
        part, box = part[:, ::-1], Box(part.shape[1] - box.x - box.w, box.y, box.w, box.h)
    return np.ascontiguousarray(part), box


def _medium(rng: np.random.Generator, content: Image, screen: bool) -> Image:
    soft = cv2.GaussianBlur(content, (0, 0), float(rng.uniform(0.4, 1.4)))
    linear = (soft.astype(np.float32) / 255) ** 2.2
    black, white = rng.uniform(0.01, 0.1), rng.uniform(0.55, 1.3) if screen else rng.uniform(0.4, 0.95)
    tint = np.exp(rng.normal(0, 0.1, 3))
    if screen:
        tint *= (1.08, 1.0, 0.96)
    linear = black + (white - black) * linear * tint.astype(np.float32)
    linear += _glare(rng, content.shape[:2], 0.5 if screen else 0.25)
    if screen and rng.random() < 0.3:
        linear *= _bands(rng, content.shape[:2])
    return (np.clip(linear, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8)


def _grid(shape: tuple[int, int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    return x / shape[1], y / shape[0]


def _glare(rng: np.random.Generator, shape: tuple[int, int], strength: float) -> NDArray[np.float32]:
    x, y = _grid(shape)
    if rng.random() < 0.5:
        angle = rng.uniform(0, 2 * math.pi)
        ramp = np.clip(math.cos(angle) * (x - 0.5) + math.sin(angle) * (y - 0.5) + rng.uniform(-0.5, 0.2), 0, None)
        return np.asarray(ramp * rng.uniform(0, strength), dtype=np.float32)[..., None]
    centre, spread = rng.uniform(-0.1, 1.1, 2), rng.uniform(0.05, 0.4, 2)
    spot = np.exp(-(((x - centre[0]) / spread[0]) ** 2) - ((y - centre[1]) / spread[1]) ** 2)
    return np.asarray(spot * rng.uniform(0, strength), dtype=np.float32)[..., None]


def _bands(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float32]:
    x, y = _grid(shape)
    waves, angle, phase = rng.uniform(2, 40), rng.uniform(0, math.pi), rng.uniform(0, 6.3)
    swing = np.sin(2 * math.pi * waves * (math.cos(angle) * x + math.sin(angle) * y) + phase)
    return np.asarray(1 + rng.uniform(0.02, 0.1) * swing, dtype=np.float32)[..., None]


def _edge(rng: np.random.Generator, content: Image, screen: bool) -> tuple[Image, int]:
    size = max(content.shape[:2])
    inset = int(size * (rng.uniform(0.01, 0.12) if rng.random() < 0.75 else 0.0))
    level = rng.uniform(5, 60) if screen and rng.random() < 0.8 else rng.uniform(120, 250)
    colour = np.clip(level + rng.normal(0, 6, 3), 0, 255)
    framed: Any = cv2.copyMakeBorder(content, inset, inset, inset, inset, cv2.BORDER_CONSTANT, value=colour.tolist())
    return framed, inset


def _corners_of(shape: tuple[float, ...]) -> NDArray[np.float32]:
    height, width = shape[:2]
    return np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=np.float32)


def _pose(rng: np.random.Generator, shape: tuple[int, ...], face: Box, scene: Picture) -> NDArray[np.float32]:
    height, width = scene.image.shape[:2]
    covers = scene.faces[0] if scene.faces else None
    face_px = rng.uniform(0.2, 0.6) * height
    if covers is not None:
        face_px = covers.h * rng.uniform(0.7, 1.3)
    factor = face_px / face.h
    if covers is not None:
        # The medium must hide the head behind it, hair and chin included.
        factor = max(factor, 1.35 * covers.w / shape[1], 1.55 * covers.h / shape[0])
        centre = (covers.x + covers.w / 2, covers.y + covers.h * 0.4)
    else:
        centre = (width * rng.uniform(0.3, 0.7), height * rng.uniform(0.35, 0.65))
    corners: Any = (_corners_of(shape) - np.array((shape[1] / 2, shape[0] / 2))) * factor
    angle = rng.normal(0, 0.08)
    turn = np.array([(math.cos(angle), -math.sin(angle)), (math.sin(angle), math.cos(angle))])
    extent = min(shape[:2]) * factor
    return np.asarray(corners @ turn.T + centre + rng.normal(0, 0.025, (4, 2)) * extent, dtype=np.float32)


def _paste(rng: np.random.Generator, scene: Image, content: Image, corners: NDArray[np.float32]) -> Image:
    height, width = scene.shape[:2]
    warp = cv2.getPerspectiveTransform(_corners_of(content.shape), corners)
    laid = cv2.warpPerspective(content, warp, (width, height), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    mask: Any = np.zeros((height, width), dtype=np.uint8)
    cv2.fillConvexPoly(mask, np.round(corners).astype(np.int32), 255, lineType=cv2.LINE_AA)
    mask = cv2.GaussianBlur(mask, (0, 0), float(rng.uniform(0.4, 1.0)))
    share = (mask.astype(np.float32) / 255)[..., None]
    return np.asarray(laid * share + scene * (1 - share), dtype=np.uint8)


def _transformed(box: Box, warp: Any) -> Box:
    points = np.array(
        [(box.x, box.y), (box.x + box.w, box.y), (box.x + box.w, box.y + box.h), (box.x, box.y + box.h)], np.float32
    )
    moved = cv2.perspectiveTransform(points[None], warp)[0]
    # Mean sides, not the bounding box: a turned face keeps its size.
    w = (moved[1, 0] + moved[2, 0] - moved[0, 0] - moved[3, 0]) / 2
    h = (moved[2, 1] + moved[3, 1] - moved[0, 1] - moved[1, 1]) / 2
    centre = moved.mean(axis=0)
    return scale_box(Box(-w / 2, -h / 2, w, h), 1.0, float(centre[0]), float(centre[1]))


def _touches(box: Box, rectangle: tuple[int, int, int, int]) -> bool:
    x, y, w, h = rectangle
    return box.x < x + w and x < box.x + box.w and box.y < y + h and y < box.y + box.h
