"""Replays on phones, tablets and monitors: what is shown, the panel's light, the case round it, the glass on it."""

from __future__ import annotations

import cv2
import numpy as np

from livegate_tools.simulate import interface_art
from livegate_tools.simulate.geometry import Pixels
from livegate_tools.simulate.gloss import mirrored, sparing
from livegate_tools.simulate.medium import Medium, Shown, around_face, cropped
from livegate_tools.simulate.portraits import to_encoded
from livegate_tools.simulate.screens import ScreenModel
from livegate_tools.simulate.stands import stood

_FACE_SHARE = {"replay_phone": (0.28, 0.95), "replay_tablet": (0.2, 0.7), "replay_monitor": (0.13, 0.5)}
# A screen much wider than the frame only costs time.
_WIDEST_PX = 800.0
_OVERLAID = 0.3
# A finger is 16 mm wide, a phone 72, a tablet 150 and a monitor 300 high.
_FINGER = {"replay_phone": 0.2, "replay_tablet": 0.11, "replay_monitor": 0.06}


def screen_medium(
    rng: np.random.Generator, shown: Shown, screen: ScreenModel, reflected: Pixels, borderless: tuple[int, int] | None
) -> Medium:
    """Return the switched-on screen showing the picture.

    Args:
        rng: the only source of chance.
        shown: the picture at its final size.
        screen: the display.
        reflected: (H, W, 3) float32 the room the glass mirrors, linear light.
        borderless: the frame's size where the picture is to fill it and more, else None.
    """
    encoded, box = _content(rng, shown, screen, borderless)
    light = _emit(rng, encoded, screen)
    light += sparing(_glass(rng, light.shape, screen, reflected), light, box)
    light, share, shift = _cased(rng, light, screen)
    height, width = light.shape[:2]
    light, share, grown = stood(rng, light, share, screen) if borderless is None else (light, share, 0)
    outline = grown * np.eye(1, 2) + np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float64)
    box = (box[0] + shift[0] + grown, box[1] + shift[1], box[2], box[3])
    return Medium(light, share, box, outline, screen.pitch_px, _FINGER[screen.species], screen.device)


def _content(
    rng: np.random.Generator, shown: Shown, screen: ScreenModel, borderless: tuple[int, int] | None
) -> tuple[Pixels, tuple[float, float, float, float]]:
    """The screen's picture in sRGB, and the face's box on it."""
    if borderless is not None:
        part = cropped(shown, around_face(rng, shown, borderless))
        art = to_encoded(part.linear)
        if rng.random() < _OVERLAID:
            interface_art.overlay(rng, art)
        return art, part.box
    low, high = _FACE_SHARE[screen.species]
    low = min(max(low, shown.box[2] / _WIDEST_PX), high)
    width = shown.box[2] / float(np.exp(rng.uniform(np.log(low), np.log(high))))
    height = width * screen.aspect
    if rng.random() < 0.12 and screen.species != "replay_monitor":
        width, height = height, width
    size = (round(width), round(height))
    full = rng.random() < 0.35
    area = (1.0, 1.0) if full else (float(rng.uniform(0.75, 1.0)), float(rng.uniform(0.45, 0.9)))
    part = cropped(shown, around_face(rng, shown, (width * area[0], height * area[1])))
    photo_h, photo_w = part.linear.shape[:2]
    photo_h, photo_w = min(photo_h, size[1]), min(photo_w, size[0])
    left = (size[0] - photo_w) // 2
    top = (size[1] - photo_h) // 2 if full else int((size[1] - photo_h) * rng.uniform(0.2, 0.7))
    if full:
        art = np.full((size[1], size[0], 3), int(rng.choice([0, 0, 12, 255])), np.uint8)
    else:
        art = interface_art.page(rng, size, (left, top, left + photo_w, top + photo_h))
    art[top : top + photo_h, left : left + photo_w] = to_encoded(part.linear[:photo_h, :photo_w])
    if rng.random() < _OVERLAID:
        interface_art.overlay(rng, art)
    return art, (part.box[0] + left, part.box[1] + top, part.box[2], part.box[3])


def _emit(rng: np.random.Generator, encoded: Pixels, screen: ScreenModel) -> Pixels:
    """The panel's light: its own gamma and primaries, leaking black, brighter edges, dimmer to one side."""
    table = ((np.arange(256) / 255) ** screen.gamma).astype(np.float32)
    light = cv2.transform(np.asarray(cv2.LUT(encoded, table), np.float32), screen.primaries)
    height, width = light.shape[:2]
    x, y = np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    leak = screen.black + screen.bleed * np.maximum(np.abs(x), np.abs(y)) ** 6
    turn = float(rng.uniform(0, 2 * np.pi))
    if screen.bands > 0:
        wave = np.sin(
            y * np.float32(np.pi * np.exp(rng.uniform(np.log(2), np.log(24)))) + np.float32(rng.uniform(0, 6))
        )
        light = light * (1 - np.float32(0.5 * screen.bands) * (1 + wave))[..., None]
    side = 1 - screen.falloff * 0.5 * (1 + x * np.float32(np.cos(turn)) + y * np.float32(np.sin(turn)))
    light = np.maximum(light, 0)
    return np.asarray((light + leak[..., None]) * side[..., None] * screen.brightness, np.float32)


def _glass(rng: np.random.Generator, shape: tuple[int, ...], screen: ScreenModel, reflected: Pixels) -> Pixels:
    """What the flat glass mirrors, and the haze that finger marks make of the room's light."""
    height, width = shape[:2]
    seen = mirrored(rng, np.zeros((height, width, 2), np.float32), screen.finish, reflected)
    marks = cv2.resize(rng.random((7, 5)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(seen + (screen.haze * float(reflected.mean()) * marks)[..., None], np.float32)


def _cased(rng: np.random.Generator, light: Pixels, screen: ScreenModel) -> tuple[Pixels, Pixels, tuple[int, int]]:
    """Put the dark border and the case round the panel; return light, covered share and the panel's corner."""
    height, width = light.shape[:2]
    short = min(height, width)
    left, top, right, bottom = (max(1, round(b * short)) for b in screen.bezel)
    rim = max(1, round(short * float(rng.uniform(0.005, 0.035))))
    out_w, out_h = width + left + right + 2 * rim, height + top + bottom + 2 * rim
    glass = 0.012 + screen.finish.mirror * float(rng.uniform(0.05, 0.6)) * max(float(np.median(light[:2])) * 0.1, 0.2)
    body = np.empty((out_h, out_w, 3), np.float32)
    body[:] = np.array(screen.case, np.float32)
    near, far = (float(v) for v in rng.uniform(0.6, 1.3, 2))
    body *= np.linspace(near, far, out_w, dtype=np.float32)[None, :, None]
    inner = _rounded((out_h, out_w), (rim, rim, out_w - rim, out_h - rim), screen.corner * short * 1.1)
    black_face = glass if screen.species != "replay_tablet" or rng.random() < 0.7 else float(rng.uniform(0.4, 0.8))
    body += inner[..., None] * (np.float32(black_face) - body)
    corner = (left + rim, top + rim)
    lit = _rounded((out_h, out_w), (*corner, corner[0] + width, corner[1] + height), screen.corner * short * 0.9)
    panel = np.zeros_like(body)
    panel[corner[1] : corner[1] + height, corner[0] : corner[0] + width] = light
    body += lit[..., None] * (panel - body)
    if screen.species == "replay_phone" and rng.random() < 0.6:
        across = 0.5 if rng.random() < 0.7 else 0.12
        hole = (int(corner[0] + across * width), int(corner[1] + 0.045 * short))
        cv2.circle(body, hole, max(1, int(0.024 * short)), (0.01, 0.01, 0.012), -1, cv2.LINE_AA)
    share = _rounded((out_h, out_w), (0, 0, out_w, out_h), screen.corner * short * 1.15 + rim)
    return body, share, corner


def _rounded(size: tuple[int, int], area: tuple[int, int, int, int], radius: float) -> Pixels:
    """A rectangle (left, top, right, bottom) with round corners as a (h, w) float32 mask with soft edges."""
    left, top, right, bottom = area
    x = np.arange(size[1], dtype=np.float32) + 0.5
    y = (np.arange(size[0], dtype=np.float32) + 0.5)[:, None]
    dx = np.maximum(np.maximum(left + radius - x, x - right + radius), 0)
    dy = np.maximum(np.maximum(top + radius - y, y - bottom + radius), 0)
    if radius < 1:
        inside = np.minimum(np.minimum(x - left, right - x), np.minimum(y - top, bottom - y)) + 0.5
        return np.asarray(np.clip(inside, 0, 1), np.float32)
    return np.asarray(np.clip(radius - np.hypot(dx, dy) + 0.5, 0, 1), np.float32)
