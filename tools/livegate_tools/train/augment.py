"""Shows a picture as another camera might have: framing first, with its boxes, then light, lens, noise and coding.

Numbers are ours [R]; mild, for heavy augmentation was seen to move the operating point towards accepting.
Bona fide and attack pictures go through the same chain, so nothing in it tells them apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.types import Box
from livegate_tools.train.cache import Picture, scale_box
from livegate_tools.train.camera import banded, coded, low_light, motion_blur, resampled, sharpened
from livegate_tools.train.recipe import Jitter

MIN_FACE_PX = 11.0
MIN_VISIBLE = 0.6
Image = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Framing:
    """Where a picture lands in the input: x' = factor·x + dx and y' = factor·y + dy, after an optional mirroring."""

    factor: float
    dx: float
    dy: float
    mirrored: bool
    rotation_deg: float = 0.0


def draw_framing(
    rng: np.random.Generator, picture: Picture, size: tuple[int, int], jitter: Jitter, tries: int = 6
) -> Framing:
    """Draw a framing into an input of ``size`` (width, height) that keeps the first face's centre in view."""
    height, width = picture.image.shape[:2]
    fill = min(size[0] / width, size[1] / height)
    low, high = jitter.zoom[0] * fill, jitter.zoom[1] * fill
    if picture.faces:
        face_px = max(picture.faces[0].h, 1.0)
        low = min(max(low, jitter.face_px[0] / face_px), high)
        high = max(min(high, jitter.face_px[1] / face_px), low)
    factor = math.exp(rng.uniform(math.log(low), math.log(high)))
    mirrored = bool(rng.random() < 0.5)
    rotation = float(rng.normal(0, jitter.rotation_deg / 2)) if rng.random() < 0.4 else 0.0
    rotation = float(np.clip(rotation, -jitter.rotation_deg, jitter.rotation_deg))
    for _ in range(tries):
        framing = Framing(
            factor, _shift(rng, size[0], width * factor), _shift(rng, size[1], height * factor), mirrored, rotation
        )
        if not picture.faces or _visible(map_box(picture.faces[0], framing, width, size), size) > 0.85:
            return framing
    face = scale_box(_mirror(picture.faces[0], width) if mirrored else picture.faces[0], factor)
    dx, dy = size[0] / 2 - face.x - face.w / 2, size[1] / 2 - face.y - face.h / 2
    return Framing(factor, dx, dy, mirrored, rotation)


def _shift(rng: np.random.Generator, room: float, extent: float) -> float:
    slack = room - extent
    # The terminal letterboxes at the top left: half of the pictures that leave room lie there.
    if slack > 0 and rng.random() < 0.5:
        return 0.0
    return float(rng.uniform(min(slack, 0.0), max(slack, 0.0)))


def _mirror(box: Box, width: float) -> Box:
    return Box(width - box.x - box.w, box.y, box.w, box.h)


def map_box(box: Box, framing: Framing, width: int, size: tuple[int, int]) -> Box:
    """Return ``box`` of a ``width`` pixels wide picture in the input of ``size``; a small rotation keeps its shape."""
    upright = scale_box(_mirror(box, width) if framing.mirrored else box, framing.factor, framing.dx, framing.dy)
    angle = math.radians(framing.rotation_deg)
    x, y = upright.x + upright.w / 2 - size[0] / 2, upright.y + upright.h / 2 - size[1] / 2
    turned_x = math.cos(angle) * x + math.sin(angle) * y + size[0] / 2
    turned_y = -math.sin(angle) * x + math.cos(angle) * y + size[1] / 2
    return Box(turned_x - upright.w / 2, turned_y - upright.h / 2, upright.w, upright.h)


def _visible(box: Box, size: tuple[int, int]) -> float:
    width = min(box.x + box.w, size[0]) - max(box.x, 0.0)
    height = min(box.y + box.h, size[1]) - max(box.y, 0.0)
    return max(width, 0.0) * max(height, 0.0) / max(box.area, 1e-9)


def frame(
    picture: Picture, framing: Framing, size: tuple[int, int], pad: tuple[float, ...], interpolation: int
) -> Picture:
    """Return the picture as the input sees it; faces too small or mostly out of view become unsure regions."""
    width = picture.image.shape[1]
    image = picture.image[:, ::-1] if framing.mirrored else picture.image
    canvas: Any = _place(image, framing, size, pad, interpolation)
    if framing.rotation_deg:
        turn = cv2.getRotationMatrix2D((size[0] / 2, size[1] / 2), framing.rotation_deg, 1.0)
        canvas = cv2.warpAffine(canvas, turn, size, flags=cv2.INTER_LINEAR, borderValue=pad)
    faces = [map_box(box, framing, width, size) for box in picture.faces]
    unsure = [map_box(box, framing, width, size) for box in picture.unsure]
    kept = [b for b in faces if b.h >= MIN_FACE_PX and _visible(b, size) >= MIN_VISIBLE]
    return Picture(canvas, tuple(kept), tuple(unsure + [b for b in faces if b not in kept]))


def _place(image: Image, framing: Framing, size: tuple[int, int], pad: tuple[float, ...], interpolation: int) -> Image:
    height, width = image.shape[:2]
    factor, dx, dy = framing.factor, framing.dx, framing.dy
    # Cut first: only what the input shows is resampled.
    left, top = max(0, math.floor(-dx / factor)), max(0, math.floor(-dy / factor))
    right = min(width, math.ceil((size[0] - dx) / factor))
    bottom = min(height, math.ceil((size[1] - dy) / factor))
    canvas = np.empty((size[1], size[0], 3), dtype=np.uint8)
    canvas[:] = np.round(pad).astype(np.uint8)
    if right <= left or bottom <= top:
        return canvas
    target = (max(1, round((right - left) * factor)), max(1, round((bottom - top) * factor)))
    part = cv2.resize(np.ascontiguousarray(image[top:bottom, left:right]), target, interpolation=interpolation)
    x, y = round(left * factor + dx), round(top * factor + dy)
    into_x, into_y, from_x, from_y = max(x, 0), max(y, 0), max(-x, 0), max(-y, 0)
    w = min(size[0] - into_x, target[0] - from_x)
    h = min(size[1] - into_y, target[1] - from_y)
    if w > 0 and h > 0:
        canvas[into_y : into_y + h, into_x : into_x + w] = part[from_y : from_y + h, from_x : from_x + w]
    return canvas


def photograph(rng: np.random.Generator, image: Image, jitter: Jitter) -> Image:
    """Return the picture in another light, through another camera, driver and coding; same shape and dtype.

    In the order of a camera: light, lens and motion, sensor, its own processing, coding, and the way to us.
    """
    out: Any = image
    if rng.random() < jitter.colour:
        out = _tone(rng, out, jitter.white_balance)
    if rng.random() < jitter.grey:
        out = cv2.cvtColor(cv2.cvtColor(out, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    if rng.random() < jitter.banding:
        out = banded(rng, out)
    if rng.random() < jitter.blur:
        out = _blur(rng, out)
    if rng.random() < jitter.low_light:
        out = low_light(rng, out)
    elif rng.random() < jitter.noise:
        out = _noise(rng, out)
    if rng.random() < jitter.sharpen:
        out = sharpened(rng, out)
    if rng.random() < jitter.jpeg:
        out = coded(rng, out, 35, 95)
    if rng.random() < jitter.resample:
        out = resampled(rng, out)
        if rng.random() < jitter.jpeg:
            out = coded(rng, out, 55, 95)
    return np.asarray(out, dtype=np.uint8)


def _tone(rng: np.random.Generator, image: Image, white_balance: float) -> Image:
    ramp = np.arange(256, dtype=np.float32) / 255
    gamma, contrast = math.exp(rng.normal(0, 0.2)), math.exp(rng.normal(0, 0.15))
    brightness, gains = rng.normal(0, 0.06), np.exp(rng.normal(0, 0.08, 3))
    # White balance errs along the line of lamps, from blue to red, further than in any other direction.
    warmth = rng.normal(0, white_balance)
    gains = gains * np.exp((-warmth, 0.0, warmth))
    curve = ((ramp**gamma - 0.5) * contrast + 0.5 + brightness)[:, None] * gains[None, :]
    table = np.clip(curve * 255, 0, 255).astype(np.uint8).reshape(256, 1, 3)
    out = cv2.LUT(image, table)
    saturation = math.exp(rng.normal(0, 0.2))
    grey = cv2.cvtColor(cv2.cvtColor(out, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    return np.asarray(cv2.addWeighted(out, saturation, grey, 1 - saturation, 0), dtype=np.uint8)


def _blur(rng: np.random.Generator, image: Image) -> Image:
    if rng.random() < 0.7:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.4, 1.3))), dtype=np.uint8)
    return motion_blur(rng, image)


def _noise(rng: np.random.Generator, image: Image) -> Image:
    sigma = float(rng.uniform(1.0, 7.0))
    # One block of normal numbers, read from a random place, is as good as fresh ones and ten times as fast.
    start = int(rng.integers(0, _NOISE.size - image.size))
    noise = _NOISE[start : start + image.size].reshape(image.shape)
    scaled = cv2.addWeighted(image, 1.0, noise, sigma / 32.0, 0, dtype=cv2.CV_16S)
    return np.clip(scaled, 0, 255).astype(np.uint8)


_NOISE = (np.random.default_rng(0).standard_normal(1 << 21) * 32).astype(np.int16)


def occlude(rng: np.random.Generator, picture: Picture) -> Picture:
    """Return the picture with a plain patch over a quarter of the first face at most, as a hand or a mask would."""
    if not picture.faces:
        return picture
    face = picture.faces[0]
    image = picture.image.copy()
    w, h = face.w * rng.uniform(0.2, 0.6), face.h * rng.uniform(0.2, 0.4)
    x, y = face.x + rng.uniform(-0.2, 1.0) * (face.w - w), face.y + rng.uniform(0.4, 1.1) * (face.h - h)
    low, high = (max(0, int(x)), max(0, int(y))), (max(0, int(x + w)), max(0, int(y + h)))
    if high[0] > low[0] and high[1] > low[1]:
        cv2.rectangle(image, low, high, tuple(int(v) for v in rng.integers(0, 256, 3)), -1)
    return Picture(image, picture.faces, picture.unsure)
