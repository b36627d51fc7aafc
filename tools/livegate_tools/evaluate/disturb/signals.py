"""Pictures that say less: noise, holes in depth, and near infrared in the sun."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import cv2
import numpy as np

from livegate.types import Box, Frame, FrameSet, Role
from livegate_tools.evaluate.disturb.scene import Picture, Scene, with_frames, with_pictures

_GAMMA = 2.2
_WHITE = 0.85
_FARTHEST = 9.0
_PATCH_PX = 5.0


def noisy(frame_set: FrameSet, strength: float, scene: Scene) -> FrameSet:
    """Every picture but depth has noise of ``strength`` grey levels (standard deviation) more, new in each frame."""
    if strength == 0:
        return frame_set
    add = partial(_noisy, sigma=strength, rng=scene.rng)
    return with_pictures(frame_set, dict.fromkeys((Role.RGB, Role.RGB_RIGHT, Role.NIR), add))


def noisy_depth(frame_set: FrameSet, strength: float, scene: Scene) -> FrameSet:
    """Distances have noise of ``strength`` per cent of the distance (standard deviation) more, alike over 3 pixels."""

    def add(depth: Picture) -> Picture:
        noise = _patches(depth.shape, 1.0, scene.rng)
        moved = np.round(depth * (1 + np.float32(strength / 100) * noise))
        return np.where(depth > 0, np.clip(moved, 1, 65535), 0).astype(np.uint16)

    return with_pictures(frame_set, {Role.DEPTH: add})


def holed(frame_set: FrameSet, strength: float, scene: Scene) -> FrameSet:
    """A share ``strength`` (0..1) of depth has no return, in patches of about ten pixels."""

    def pierce(depth: Picture) -> Picture:
        patches = _patches(depth.shape, _PATCH_PX, scene.rng)
        lost = patches < np.quantile(patches, strength) if strength > 0 else np.zeros(depth.shape, np.bool_)
        return np.where(lost, 0, depth).astype(np.uint16)

    return with_pictures(frame_set, {Role.DEPTH: pierce})


def sunlit(frame_set: FrameSet, strength: float, scene: Scene) -> FrameSet:
    """The sun adds ``strength`` times the near infrared that the lamp gives at the face, to lit and unlit alike.

    What the picture shows is undone to light by a gamma of 2.2; where depth is known, what is farther away is taken for
    less lit by the lamp, as 1/z2. Both pictures are then exposed so that no more than a twentieth is white.
    """
    near_infrared = frame_set.frames.get(Role.NIR)
    if near_infrared is None or strength == 0:
        return frame_set
    lit = (near_infrared.image.astype(np.float32) / 255) ** _GAMMA
    sun = np.float32(strength) * lit * _fall(frame_set.image(Role.DEPTH), lit.shape, scene.face)
    sun = sun * _from_aside(lit.shape, scene.towards[0])
    gain = min(1.0, _WHITE / max(float(np.quantile((lit + sun)[::4, ::4], 0.95)), 1e-3))

    def exposed(frame: Frame) -> Frame:
        unlit = None if frame.unlit is None else (frame.unlit.astype(np.float32) / 255) ** _GAMMA
        return replace(frame, image=_toned((lit + sun) * gain),
                       unlit=None if unlit is None else _toned((unlit + sun) * gain))  # fmt: skip

    return with_frames(frame_set, {Role.NIR: exposed})


def _fall(depth: Picture | None, shape: tuple[int, ...], face: Box | None) -> Picture:
    """How much less of the lamp's light reaches each pixel than the face, as a factor on what the sun adds."""
    if depth is None or depth.shape != shape or not depth.any():
        return np.ones(shape, np.float32)
    seen = depth if face is None else _inside(depth, face)
    known = seen[seen > 0] if (seen > 0).any() else depth[depth > 0]
    far = np.where(depth > 0, depth, depth.max()).astype(np.float32) / np.float32(np.median(known))
    return np.asarray(np.clip(far**2, 1 / _FARTHEST, _FARTHEST), np.float32)


def _inside(depth: Picture, face: Box) -> Picture:
    top, left = max(int(face.y), 0), max(int(face.x), 0)
    return depth[top : max(int(face.y + face.h), top + 1), left : max(int(face.x + face.w), left + 1)]


def _from_aside(shape: tuple[int, ...], side: float) -> Picture:
    """The sun comes in from one side: by half more there, by half less on the other."""
    return np.linspace(1 - 0.5 * side, 1 + 0.5 * side, shape[1], dtype=np.float32)[None]


def _toned(light: Picture) -> Picture:
    return np.asarray(np.clip(light, 0, 1) ** (1 / _GAMMA) * 255 + 0.5, np.uint8)


def _noisy(picture: Picture, sigma: float, rng: np.random.Generator) -> Picture:
    noise = rng.standard_normal(picture.shape, np.float32) * np.float32(sigma)
    return np.asarray(np.clip(np.round(picture + noise), 0, 255), np.uint8)


def _patches(shape: tuple[int, ...], reach_px: float, rng: np.random.Generator) -> Picture:
    """Noise of unit variance that is alike over about ``reach_px``."""
    noise = cv2.GaussianBlur(rng.standard_normal(shape, np.float32), (0, 0), reach_px)
    return np.asarray(noise / max(float(noise.std()), 1e-6), np.float32)
