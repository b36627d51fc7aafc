"""Fingers over the edges of what is held, and the hand behind it: plain shapes in skin colours."""

from __future__ import annotations

import cv2
import numpy as np

from livegate_tools.simulate.geometry import Pixels

_SIDES = ((3, 0), (1, 2), (2, 3))
_NAIL = (1.0, 0.72, 0.62)


def draw_skin(rng: np.random.Generator) -> Pixels:
    """Return a linear skin colour (3,) from dark to light (reflectance .05-.6 in the visible, SCIENCE.md)."""
    light = float(rng.uniform(0, 1))
    dark, pale = np.array([0.11, 0.055, 0.035]), np.array([0.62, 0.40, 0.30])
    return np.asarray(dark * (1 - light) + pale * light, np.float32)


def hold(
    rng: np.random.Generator, scene: Pixels, corners: Pixels, before: bool, skin: Pixels, width_px: float
) -> Pixels:
    """Return the scene with a hand at one or two edges of a quadrilateral.

    Args:
        rng: the only source of chance; give equal states for the part behind and the part before the medium.
        scene: (H, W, 3) float32 linear light, not written to.
        corners: (4, 2) of the held thing, clockwise from its top left, frame pixels.
        before: True draws finger tips over the edge, False the hand and sleeve that show beside it.
        skin: (3,) linear colour.
        width_px: of a finger.
    """
    scene = scene.copy()
    for side in rng.permutation(len(_SIDES))[: int(rng.integers(1, 3))]:
        start, end = corners[_SIDES[side][0]], corners[_SIDES[side][1]]
        along = (end - start) / max(float(np.hypot(*(end - start))), 1e-6)
        inward = corners.mean(axis=0) - (start + end) / 2
        inward = inward / max(float(np.hypot(*inward)), 1e-6)
        place = start + (end - start) * float(rng.uniform(0.25, 0.75))
        thumb = bool(rng.random() < 0.5)
        reach = width_px * rng.uniform(0.4, 2.4 if thumb else 1.2, 4)
        count = 1 if thumb else int(rng.integers(2, 5))
        slant = float(rng.uniform(-0.5, 0.5))
        nailed = bool(rng.random() < 0.4)
        fall = np.array([0.0, float(rng.uniform(3, 10)) * width_px])
        if before:
            for number in range(count):
                shift = along * (number - (count - 1) / 2) * width_px * 1.05
                tip = place + shift + along * slant * width_px + inward * (reach[number] - width_px / 2)
                _rod(scene, place + shift - inward * width_px * 1.4, tip, width_px / 2, skin, rng, nailed)
        else:
            palm = place - inward * width_px * float(rng.uniform(0.2, 1.3))
            wrist = palm - inward * 2.2 * width_px + fall * 0.3
            cloth = np.exp(rng.uniform(np.log(0.02), np.log(0.7)) + rng.normal(0, 0.25, 3)).astype(np.float32)
            _rod(scene, wrist, wrist * 3 - palm * 2 + fall * 6, width_px * 2.1, cloth, rng)
            _rod(scene, palm, wrist, width_px * 1.45, skin * np.float32(0.75), rng)
            _rod(scene, palm - along * width_px, palm + along * width_px, width_px * 1.5, skin * np.float32(0.85), rng)
    return scene


def _rod(
    scene: Pixels,
    start: Pixels,
    end: Pixels,
    radius: float,
    skin: Pixels,
    look: np.random.Generator,
    nail: bool = False,
) -> None:
    """Draw a lit rod with round, soft ends from ``start`` to ``end``, thinner there, in place."""
    height, width = scene.shape[:2]
    low = np.floor(np.minimum(start, end) - radius - 3).astype(int)
    high = np.ceil(np.maximum(start, end) + radius + 3).astype(int)
    left, top = max(int(low[0]), 0), max(int(low[1]), 0)
    right, bottom = min(int(high[0]), width), min(int(high[1]), height)
    if left >= right or top >= bottom:
        return
    x = np.arange(left, right, dtype=np.float32) - np.float32(start[0])
    y = (np.arange(top, bottom, dtype=np.float32) - np.float32(start[1]))[:, None]
    axis = np.asarray(end - start, np.float32)
    share = np.clip((x * axis[0] + y * axis[1]) / max(float(axis @ axis), 1e-6), 0, 1)
    local = np.float32(radius) * (1 - np.float32(look.uniform(0.05, 0.25)) * share)
    off_x, off_y = x - share * axis[0], y - share * axis[1]
    away = np.hypot(off_x, off_y) / local
    cover = cv2.GaussianBlur(np.clip((1 - away) * local, 0, 1), (0, 0), 0.8)[..., None]
    side = (off_x * np.float32(look.uniform(-1, 1)) + off_y * np.float32(look.uniform(-1, 0.2))) / local
    tone = _tone(look, share, away, side)
    colour = skin * tone[..., None]
    if nail:
        middle = axis * np.float32(1 - 0.15 * radius / max(float(np.hypot(*axis)), 1.0))
        plate = np.clip((0.55 - np.hypot(x - middle[0], y - middle[1]) / local) * 8, 0, 1)[..., None]
        pink = np.array(_NAIL, np.float32) * (skin.max() * tone[..., None] + 0.05)
        colour = colour + plate * (pink - colour)
    area = scene[top:bottom, left:right]
    area += cover * (colour - area)


def _tone(look: np.random.Generator, share: Pixels, away: Pixels, side: Pixels) -> Pixels:
    """Light on a rod: from one side, with two joints across it and the blotches of skin."""
    tone = (0.45 + 0.4 * np.sqrt(np.clip(1 - away * away, 0, 1))) * np.maximum(1 + 0.45 * side, 0.2)
    for joint in look.uniform(0.35, 0.8, 2):
        tone = tone * (1 - 0.13 * np.exp(-(((share - np.float32(joint)) / 0.035) ** 2)))
    cells = look.standard_normal((5, 5)).astype(np.float32)
    blotches = cv2.resize(cells, (tone.shape[1], tone.shape[0]), interpolation=cv2.INTER_CUBIC)
    return np.asarray(tone * (1 + 0.08 * blotches), np.float32)
