"""Small true values for tests of what comes after detection."""

from __future__ import annotations

import numpy as np

from livegate.types import NS_PER_MS, Attempt, Box, Face, Frame, FrameSet, Intrinsics, Observation, Role, SensorState

CAMERA = Intrinsics(600.0, 600.0, 320.0, 240.0, 640, 480)
FACE_BOX = Box(240.0, 120.0, 150.0, 200.0)


def face(box: Box = FACE_BOX, p_bona_fide: float = 0.9, p_attack: float = 0.05) -> Face:
    return Face(box, p_bona_fide, p_attack)


def frame_set(
    at_ms: float = 0.0, *, nir: np.ndarray | None = None, depth: np.ndarray | None = None, rgb: np.ndarray | None = None
) -> FrameSet:
    """A FrameSet with a grey rgb picture and whatever else is given; roles not given are not configured."""
    at_ns = round(at_ms * NS_PER_MS)
    images = {Role.RGB: np.full((480, 640, 3), 128, np.uint8) if rgb is None else rgb, Role.NIR: nir, Role.DEPTH: depth}
    frames = {role: Frame(role, image, at_ns, intrinsics=CAMERA) for role, image in images.items() if image is not None}
    return FrameSet(frames, dict.fromkeys(frames, SensorState.OK), at_ns)


def attempt(*observations: Observation, attempt_id: str = "a1") -> Attempt:
    return Attempt(attempt_id, observations[0].frame_set.captured_ns, observations)


def surface(kind: str, distance_mm: float = 500.0, noise_mm: float = 0.8, seed: int = 1) -> np.ndarray:
    """Depth of one analytic surface over the whole picture: "plane", "paper" bent to R = 80 mm, or "face"."""
    rng = np.random.default_rng(seed)
    v, u = np.mgrid[0:480, 0:640]
    x = (u - FACE_BOX.x - FACE_BOX.w / 2) * distance_mm / CAMERA.fx
    y = (v - FACE_BOX.y - FACE_BOX.h / 2) * distance_mm / CAMERA.fy
    if kind == "plane":
        z = distance_mm + 0.3 * x - 0.2 * y
    elif kind == "paper":
        across = np.clip(0.8 * x + 0.6 * y, -79, 79)
        z = distance_mm + 80 - np.sqrt(80**2 - across**2)
    else:
        # An ellipsoid head with a nose, about 140 mm wide.
        head = np.clip(1 - (x / 78) ** 2 - (y / 112) ** 2, 0, None)
        nose = 24 * np.exp(-((x / 13) ** 2) - ((y - 5) / 24) ** 2)
        z = np.where(head > 0, distance_mm + 85 - 85 * np.sqrt(head) - nose, distance_mm + 900)
    return np.clip(z + rng.normal(0, noise_mm, z.shape), 1, 65535).astype(np.uint16)
