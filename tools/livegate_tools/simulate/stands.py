"""What displays stand on: the keyboard half of a laptop, the foot of a monitor."""

from __future__ import annotations

import cv2
import numpy as np

from livegate_tools.simulate.geometry import Pixels
from livegate_tools.simulate.screens import ScreenModel

_DECK_PX = (480, 300)
_GLOW = 0.05


def stood(rng: np.random.Generator, light: Pixels, share: Pixels, screen: ScreenModel) -> tuple[Pixels, Pixels, int]:
    """Return a cased screen with what it stands on, its covered share, and by how many pixels the left side grew.

    Args:
        rng: the only source of chance.
        light: (h, w, 3) float32 of panel and case.
        share: (h, w) float32 covered share.
        screen: decides between a keyboard (laptops), a foot (half of all monitors) and nothing.
    """
    if screen.device == "laptop":
        return _on(light, share, *_deck(rng, light, screen))
    if screen.device == "monitor" and rng.random() < 0.5:
        return _on(light, share, *_foot(rng, light.shape, screen))
    return light, share, 0


def _on(light: Pixels, share: Pixels, below: Pixels, cover: Pixels) -> tuple[Pixels, Pixels, int]:
    """Join a screen to what is below it, both about the same middle."""
    height, width = share.shape
    side = max(0, (below.shape[1] - width + 1) // 2)
    under, wide = below.shape[0], width + 2 * side
    whole, covered = np.zeros((height + under, wide, 3), np.float32), np.zeros((height + under, wide), np.float32)
    whole[:height, side : side + width], covered[:height, side : side + width] = light, share
    left = (wide - below.shape[1]) // 2
    whole[height:, left : left + below.shape[1]], covered[height:, left : left + below.shape[1]] = below, cover
    return whole, covered, side


def _deck(rng: np.random.Generator, light: Pixels, screen: ScreenModel) -> tuple[Pixels, Pixels]:
    """The keyboard half, lying towards the viewer: wider and shorter, lit by the room and a little by the screen."""
    height, width = light.shape[:2]
    flat = _keyboard(rng, screen)
    out_w, out_h = round(width * float(rng.uniform(1.04, 1.4))), max(8, round(height * float(rng.uniform(0.2, 0.75))))
    inset = (out_w - width) / 2
    source = np.array([(0, 0), (_DECK_PX[0], 0), _DECK_PX, (0, _DECK_PX[1])], np.float32)
    target = np.array([(inset, 0), (out_w - inset, 0), (out_w, out_h), (0, out_h)], np.float32)
    matrix = cv2.getPerspectiveTransform(source, target)
    deck = cv2.warpPerspective(flat, matrix, (out_w, out_h), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    cover = cv2.warpPerspective(np.ones(_DECK_PX[::-1], np.float32), matrix, (out_w, out_h))
    fall = np.linspace(1, 0, out_h, dtype=np.float32)[:, None, None] ** 2
    glow = light[: max(2, height // 2)].mean(axis=(0, 1)) * fall * np.float32(_GLOW)
    left, right = (float(v) for v in rng.uniform(0.5, 1.3, 2))
    room = np.linspace(left, right, out_w, dtype=np.float32)[None, :, None]
    deck = deck * (room + glow)
    deck[: max(1, out_h // 40)] *= np.float32(0.3)
    return np.asarray(deck, np.float32), np.asarray(cover, np.float32)


def _keyboard(rng: np.random.Generator, screen: ScreenModel) -> Pixels:
    """Rows of keys and a touchpad on the case's colour, seen from above, (300, 480, 3) linear reflectance."""
    width, height = _DECK_PX
    body = np.array(screen.case, np.float32)
    deck = np.empty((height, width, 3), np.float32)
    deck[:] = body
    key = body * np.float32(rng.uniform(1.5, 3.0)) if body.mean() < 0.05 and rng.random() < 0.3 else body * 0.08 + 0.01
    rows, margin = int(rng.integers(5, 7)), float(rng.uniform(0.03, 0.1)) * width
    pitch = (width - 2 * margin) / int(rng.integers(13, 17))
    top, tall = 0.08 * height, min(pitch, 0.55 * height / rows)
    for row in range(rows):
        x, y = margin + float(rng.uniform(0, 0.2)) * pitch, top + row * tall
        while x < width - margin - 0.5 * pitch:
            wide = pitch * (5.0 if row == rows - 1 and 0.25 * width < x < 0.32 * width else 1.0)
            end = min(x + wide * 0.88, width - margin)
            cv2.rectangle(deck, (int(x), int(y)), (int(end), int(y + 0.85 * tall)), key.tolist(), -1)
            x += wide
    pad = float(rng.uniform(0.12, 0.2)) * width
    below = top + rows * tall
    near = ((int(width / 2 - pad), int(below + 0.06 * height)), (int(width / 2 + pad), int(0.94 * height)))
    cv2.rectangle(deck, *near, (body * np.float32(rng.uniform(0.7, 1.2))).tolist(), -1)
    cv2.rectangle(deck, *near, (body * np.float32(0.5)).tolist(), 1)
    return deck


def _foot(rng: np.random.Generator, shape: tuple[int, ...], screen: ScreenModel) -> tuple[Pixels, Pixels]:
    """A neck and a base."""
    height, width = shape[:2]
    tall = max(8, round(height * float(rng.uniform(0.12, 0.35))))
    neck, base = float(rng.uniform(0.05, 0.2)), float(rng.uniform(0.25, 0.5))
    cover = np.zeros((tall, width), np.float32)
    middle = width / 2
    cv2.rectangle(cover, (int(middle - neck * width / 2), 0), (int(middle + neck * width / 2), tall), 1.0, -1)
    cv2.ellipse(cover, ((middle, tall * 0.88), (base * width, tall * 0.24), 0), 1.0, -1, cv2.LINE_AA)
    left, right = (float(v) for v in rng.uniform(0.5, 1.3, 2))
    shade = np.linspace(left, right, width, dtype=np.float32)[None, :, None]
    light = np.array(screen.case, np.float32) * shade * np.linspace(0.5, 1.0, tall, dtype=np.float32)[:, None, None]
    return np.asarray(light, np.float32), cover
