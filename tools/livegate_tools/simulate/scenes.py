"""Rooms in linear light, the light that falls on them, and blur; the same for living faces and for attacks."""

from __future__ import annotations

import cv2
import numpy as np

from livegate_tools.simulate.geometry import Pixels
from livegate_tools.simulate.portraits import Background, Sources, load_linear

WIDTH, HEIGHT = 640, 480


def room(rng: np.random.Generator, sources: Sources, background: Background | None = None) -> tuple[Pixels, str]:
    """Return an empty scene (480, 640, 3) float32 linear light and the name of the background it was cut from."""
    chosen = background or _pick_background(rng, sources)
    picture = load_linear(chosen.path)
    if chosen.kind == "panorama":
        picture = look_round(rng, picture)
    if rng.random() < 0.5:
        picture = picture[:, ::-1]
    height, width = picture.shape[:2]
    cover = max(WIDTH / width, HEIGHT / height)
    scale = cover * float(rng.uniform(1.0, 1.9))
    slack = (width * scale - WIDTH, height * scale - HEIGHT)
    left, top = float(rng.uniform(0, slack[0])), float(rng.uniform(0, slack[1]))
    matrix = np.array([[scale, 0, -left], [0, scale, -top]])
    scene = cv2.warpAffine(picture, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    scene = cv2.GaussianBlur(scene, (0, 0), float(rng.uniform(0.4, 2.5)))
    # Tone-mapped pictures have lost their lamps and windows: give the brightest parts some of their light back.
    scene = scene * (1 + float(rng.uniform(0, 4)) * np.maximum(brightness(scene) - 0.75, 0)[..., None] * 4)
    return np.asarray(scene * np.float32(np.exp(rng.normal(-0.2, 0.5))), np.float32), chosen.name


def look_round(rng: np.random.Generator, panorama: Pixels) -> Pixels:
    """Return a view (360, 480, 3) out of a full-sphere picture (H, 2H, 3): any direction about level, 60 to 100 deg."""
    height, width = panorama.shape[:2]
    half = np.tan(np.deg2rad(rng.uniform(60, 100) / 2))
    x = np.linspace(-half, half, 480, dtype=np.float32)
    y = np.linspace(-0.75 * half, 0.75 * half, 360, dtype=np.float32)[:, None]
    pitch = np.float32(np.deg2rad(rng.normal(0, 8)))
    down, ahead = y * np.cos(pitch) - np.sin(pitch), np.cos(pitch) + y * np.sin(pitch)
    across = np.arctan2(x, ahead) / (2 * np.pi) + rng.uniform(0, 1)
    map_x = np.asarray((across % 1.0) * width, np.float32)
    map_y = np.asarray((np.arctan2(down, np.hypot(x, ahead)) / np.pi + 0.5) * height, np.float32)
    return np.asarray(cv2.remap(panorama, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP), np.float32)


def brightness(scene: Pixels) -> Pixels:
    """Return the mean of red, green and blue, (H, W) float32."""
    return np.asarray(scene @ np.full(3, 1 / 3, np.float32), np.float32)


def relight(rng: np.random.Generator, scene: Pixels, stops: float) -> Pixels:
    """Return the scene under light that changes across it by up to about ``stops`` stops, and in colour a little."""
    height, width = scene.shape[:2]
    turn = float(rng.uniform(0, 2 * np.pi))
    reach = float(rng.uniform(0, stops))
    along = np.exp2(np.linspace(-0.5, 0.5, width) * np.cos(turn) * reach)
    down = np.exp2(np.linspace(-0.5, 0.5, height) * np.sin(turn) * reach)
    tint = np.exp(rng.normal(0, 0.06, 3)).astype(np.float32)
    gain: Pixels = np.outer(down, along).astype(np.float32)
    if rng.random() < 0.3:
        cx, cy, reach = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0.2, 0.6) * width
        across = np.exp(-(((np.arange(width) - cx) / reach) ** 2))
        upright = np.exp(-(((np.arange(height) - cy) / reach) ** 2))
        gain = gain * (1 + np.float32(rng.uniform(0.2, 1.5)) * np.outer(upright, across).astype(np.float32))
    return np.asarray(scene * (gain[..., None] * tint), np.float32)


def focus(rng: np.random.Generator) -> tuple[float, float]:
    """Return how soft (sigma, pixels) the room and whoever or whatever stands before it are: one of them, or neither.

    A lens set for near things leaves the room soft; one that has not refocused yet leaves what came near soft.
    """
    chance = rng.random()
    if chance < 0.4:
        return float(rng.uniform(0.6, 3.5)), 0.0
    return (0.0, float(rng.uniform(0.5, 2.2))) if chance < 0.58 else (0.0, 0.0)


def blur(rng: np.random.Generator, scene: Pixels) -> Pixels:
    """Return the scene out of focus or shaken, as often for the living as for attacks."""
    if rng.random() < 0.15:
        scene = cv2.GaussianBlur(scene, (0, 0), float(rng.uniform(0.4, 1.4)))
    if rng.random() < 0.12:
        scene = cv2.filter2D(scene, -1, _stroke(rng))
    return np.asarray(scene, np.float32)


def flicker(rng: np.random.Generator, scene: Pixels) -> Pixels:
    """Return the scene with the soft bands that mains light leaves on a rolling shutter, most often none."""
    if rng.random() > 0.12:
        return scene
    rows = np.arange(scene.shape[0], dtype=np.float32)[:, None, None]
    wave = np.sin(rows * np.float32(2 * np.pi / rng.uniform(80, 400)) + np.float32(rng.uniform(0, 6.3)))
    return np.asarray(scene * (1 + np.float32(rng.uniform(0.02, 0.12)) * wave), np.float32)


def _pick_background(rng: np.random.Generator, sources: Sources) -> Background:
    """Rooms and streets twice as often as photographs of anything."""
    views = [b for b in sources.backgrounds if b.kind in ("view", "panorama")]
    pool = views if views and rng.random() < 0.67 else list(sources.backgrounds)
    return pool[int(rng.integers(len(pool)))]


def _stroke(rng: np.random.Generator) -> Pixels:
    length, turn = float(rng.uniform(1.5, 8)), float(rng.uniform(0, np.pi))
    kernel = np.zeros((11, 11), np.float32)
    step = np.array([np.cos(turn), np.sin(turn)]) * length / 2
    start, end = np.round((5 - step) * 16).astype(int), np.round((5 + step) * 16).astype(int)
    cv2.line(kernel, (int(start[0]), int(start[1])), (int(end[0]), int(end[1])), 1.0, 1, cv2.LINE_8, 4)
    return kernel / max(float(kernel.sum()), 1.0)
