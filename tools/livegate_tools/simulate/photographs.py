"""Ordinary photographs: portraits as people publish them, and attacks photographed the same way."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from livegate_tools.simulate.cameras import CameraKind
from livegate_tools.simulate.geometry import BoxPx, Pixels, Warp, map_box, through, warp_picture
from livegate_tools.simulate.living import Scene
from livegate_tools.simulate.portraits import WEBCAMS, Portrait, load_encoded, load_linear
from livegate_tools.simulate.scenes import HEIGHT, WIDTH, relight

_ASPECTS = (1.0, 1.0, 1.0, 4 / 3, 3 / 4, 3 / 2, 2 / 3, 4 / 5)
_LONG_SIDE = (320, 480)
_MOST_ENLARGED = 0.9
_MOST_OF_IT = 0.85


@dataclass(frozen=True, slots=True)
class Taken:
    """How both frames of a pair are taken: ``size`` (w, h) of a photograph and its camera, or None for both."""

    size: tuple[int, int] | None = None
    camera: CameraKind | None = None


def draw_taken(rng: np.random.Generator, person: Portrait, share: float) -> Taken:
    """Return how a pair is taken: a share of them as photographs by a good camera; never those of webcam frames."""
    if rng.random() >= share or person.source in WEBCAMS:
        return Taken()
    aspect, long = float(rng.choice(_ASPECTS)), float(rng.uniform(*_LONG_SIDE))
    width, height = (long, long / aspect) if aspect >= 1 else (long * aspect, long)
    return Taken((2 * round(width / 2), 2 * round(height / 2)), CameraKind.GOOD)


def as_captured(rng: np.random.Generator, captured: Portrait) -> tuple[Pixels, BoxPx]:
    """Return a webcam's frame of a living person as it is, (H, W, 3) uint8 B, G, R, and the face's box.

    Mirrored and lit a little differently, but through no second camera: that would be what an attack looks like.
    """
    frame = load_encoded(captured.path)[..., ::-1]
    x, y, w, h = captured.box
    if rng.random() < 0.5:
        frame, x = frame[:, ::-1], frame.shape[1] - x - w
    gain, gamma = float(np.exp(rng.normal(0, 0.12))), float(np.exp(rng.normal(0, 0.1)))
    table = np.clip(255 * gain * (np.arange(256) / 255) ** gamma, 0, 255).astype(np.uint8)
    coded = cv2.imencode(".jpg", table[frame], [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(82, 97))])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8), (x, y, w, h)


def photograph(rng: np.random.Generator, portrait: Portrait, size: tuple[int, int]) -> Scene:
    """Return a portrait as its photographer framed it, cropped to ``size`` (w, h): no room, no pose, little relit."""
    picture = load_linear(portrait.path)
    height, width = picture.shape[:2]
    x, y, w, h = portrait.box
    fits = max(size[0] / width, size[1] / height)
    closest = max(fits, min(_MOST_ENLARGED, 0.9 * size[0] / w, 0.75 * size[1] / h))
    scale = float(np.exp(rng.uniform(np.log(fits), np.log(closest))))
    middle = np.array([x + w / 2, y + h * 0.5]) * scale - np.array(size) * (rng.uniform(0.42, 0.58), 0.45)
    corner = np.clip(middle, 0, np.maximum(np.array([width, height]) * scale - size, 0))
    matrix = np.array([[scale, 0, -corner[0]], [0, scale, -corner[1]], [0, 0, 1.0]])
    if rng.random() < 0.5:
        matrix = np.array([[-1, 0, size[0] - 1], [0, 1, 0], [0, 0, 1.0]]) @ matrix
    linear = relight(rng, warp_picture(picture, matrix, size, cv2.BORDER_REFLECT_101), 0.3)
    return Scene(linear, map_box(portrait.box, through(matrix)), portrait, "own")


def cut(rng: np.random.Generator, linear: Pixels, box: BoxPx, size: tuple[int, int] | None) -> tuple[Pixels, Warp]:
    """Return the part of a frame, ``size`` (w, h), with the face about its middle, and how points moved; None: all.

    The frame is made smaller first where the face would not fit, as far as it still covers the part.
    """
    if size is None:
        return linear, through(np.eye(3))
    scale = min(1.0, _MOST_OF_IT * size[0] / box[2], _MOST_OF_IT * size[1] / box[3])
    scale = max(scale, size[0] / WIDTH, size[1] / HEIGHT)
    middle = np.array([box[0] + box[2] / 2, box[1] + box[3] / 2]) * scale
    most = np.array([WIDTH, HEIGHT]) * scale - size
    left, top = np.clip(middle - np.array(size) * rng.uniform(0.4, 0.6, 2), 0, np.maximum(most, 0))
    matrix = np.array([[scale, 0, -left], [0, scale, -top], [0, 0, 1.0]])
    return warp_picture(linear, matrix, size, cv2.BORDER_REPLICATE), through(matrix)
