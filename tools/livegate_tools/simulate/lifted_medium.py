"""What depth and near-infrared cameras see of paper and of screens: a plane or a cylinder, inks and dark glass."""

from __future__ import annotations

import cv2
import numpy as np

from livegate_tools.simulate.compose import Pose, Presented
from livegate_tools.simulate.geometry import Pixels, warp_picture
from livegate_tools.simulate.layers import Layers, Surface, with_surface
from livegate_tools.simulate.materials import Kind
from livegate_tools.simulate.medium import Medium, Sheet
from livegate_tools.simulate.scenes import HEIGHT, WIDTH

# Widths of what is held, mm; of a face on paper against a real one of 140 mm, as YuNet's box has it.
_WIDTHS_MM = {"phone": (60, 73), "tablet": (140, 215), "laptop": (290, 360), "monitor": (450, 600)}
_FACE_MM = 140.0
_FACE_SHARE = (0.5, 1.15)
_MASK_SHARE = (0.94, 1.12)
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
_STEEPEST = 2.0


def medium_mm_per_px(rng: np.random.Generator, medium: Medium, worn: bool = False) -> float:
    """Return how many millimetres a pixel of a medium is wide, from the sizes things have."""
    if medium.device is None:
        share = float(rng.uniform(*(_MASK_SHARE if worn else _FACE_SHARE)))
        return share * _FACE_MM / medium.box[2]
    short = float(np.ptp(medium.outline[:, 0])), float(np.ptp(medium.outline[:, 1]))
    across = short[0] if medium.device in ("laptop", "monitor") else min(short)
    return float(rng.uniform(*_WIDTHS_MM[medium.device])) / max(across, 1.0)


def medium_depth(medium: Medium, held: Pose, focal_px: float, mm_per_px: float) -> Pixels:
    """Return the distances (480, 640) mm of a medium and of the plane it goes on in, before the camera."""
    height, width = medium.share.shape
    x, y = np.arange(width, dtype=np.float32) + 0.5, (np.arange(height, dtype=np.float32) + 0.5)[:, None]
    row = held.matrix[2]
    here = row[0] * x + row[1] * y + row[2]
    depth = np.asarray(here / (row[0] * width / 2 + row[1] * height / 2 + row[2]), np.float32)
    depth = np.asarray(depth * np.float32(focal_px * mm_per_px), np.float32)
    if medium.paper is not None:
        depth -= _raised(medium.paper) * np.float32(mm_per_px)
    return warp_picture(depth, held.matrix, (WIDTH, HEIGHT), cv2.BORDER_REPLICATE)


def with_medium(rng: np.random.Generator, behind: Layers, medium: Medium, held: Pose, depth: Pixels,
                done: Presented) -> Layers:  # fmt: skip
    """Return the layers with a medium and the hand that holds it.

    Args:
        rng: draws the ink and the glass.
        behind: what it is held before.
        medium: its paper decides the inks' near infrared; screens are dark with a glint.
        held: its pose.
        depth: from :func:`medium_depth`.
        done: the colour picture's frame, for what is covered and the hand.
    """
    middle = float(np.median(depth))
    hand = _HAND_BEHIND_MM, _HAND_BEFORE_MM
    layers = behind
    if done.grip is not None:
        layers = with_surface(layers, Surface(_hand(done, False), Kind.SKIN, 0.45, np.asarray(depth + hand[0])))
    if medium.paper is None:
        dark = float(rng.uniform(0.01, 0.05))
        surface = Surface(done.covered, Kind.SCREEN, dark, depth, float(rng.uniform(0.2, 1.5)), 1500.0)
    else:
        albedo = warp_picture(_inked(rng, medium.paper), held.matrix, (WIDTH, HEIGHT), cv2.BORDER_REPLICATE)
        polish = 20.0 if medium.paper.mirror < _MATT else 200.0
        surface = Surface(done.covered, Kind.PAPER, albedo, depth, 0.6 * medium.paper.mirror * polish / 20, polish)
    layers = with_surface(layers, surface)
    if done.grip is not None:
        near = np.minimum(depth, middle) - hand[1]
        layers = with_surface(layers, Surface(_hand(done, True), Kind.SKIN, 0.45, np.asarray(near, np.float32)))
    return layers


_HAND_BEHIND_MM, _HAND_BEFORE_MM, _MATT = 15.0, 9.0, 0.02


def _inked(rng: np.random.Generator, paper: Sheet) -> Pixels:
    """Dye inks turn transparent in near infrared, laser toner stays dark, pigments lie between (SCIENCE.md)."""
    process, base = rng.random(), float(rng.uniform(0.7, 0.86))
    root = np.sqrt(np.clip(paper.albedo @ _LUMA, 0, 1))
    if process < 0.45:
        return np.asarray(base - float(rng.uniform(0.0, 0.06)) * (1 - root), np.float32)
    if process < 0.8:
        dark = float(rng.uniform(0.06, 0.2))
        return np.asarray(dark + (base - dark) * np.clip(paper.albedo.max(axis=2), 0, 1), np.float32)
    brightest = np.clip(paper.albedo.max(axis=2), 0, 1)
    return np.asarray(0.55 * base + 0.25 * base * root + 0.15 * base * brightest, np.float32)


def _raised(paper: Sheet) -> Pixels:
    """The sheet's height in pixels towards the camera from its normals' tangents, 0 on average."""
    lean = np.clip(paper.lean, -_STEEPEST, _STEEPEST)
    across, down = lean[..., 0], lean[..., 1].mean(axis=1)
    height = -np.cumsum(across, axis=1)
    height -= height[:, [height.shape[1] // 2]]
    height = height - np.cumsum(down)[:, None]
    return np.asarray(height - height.mean(), np.float32)


def _hand(done: Presented, before: bool) -> Pixels:
    """Where the hand is, (480, 640) 0..1."""
    if done.grip is None:
        return np.zeros((HEIGHT, WIDTH), np.float32)
    drawn = done.grip.drawn(np.zeros((HEIGHT, WIDTH, 3), np.float32), before, np.ones(3, np.float32))
    return np.asarray(np.clip(drawn.max(axis=2) * 8, 0, 1), np.float32)
