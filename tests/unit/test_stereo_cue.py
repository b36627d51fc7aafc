"""Stereo on pairs that are warped from a known surface."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from livegate.cues import stereo
from livegate.kernels.stereo_match import match_places
from livegate.types import Box, Frame, FrameSet, Observation, Role
from support.sights import CAMERA, face

BASELINE_MM = 60.0
DISTANCE_MM = 500.0
BOX = Box(236.0, 126.0, 168.0, 228.0)


def texture(seed: int = 1) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 1, (480, 640)).astype(np.float32)
    grey = sum(cv2.GaussianBlur(noise, (0, 0), sigma) * sigma for sigma in (1.2, 3, 8))
    return np.clip(128 + 40 * np.asarray(grey) / np.std(grey), 0, 255).astype(np.uint8)


def true_mm(kind: str) -> np.ndarray:
    v, u = np.mgrid[0:480, 0:640]
    x, y = (u - CAMERA.cx) * DISTANCE_MM / CAMERA.fx, (v - CAMERA.cy) * DISTANCE_MM / CAMERA.fy
    if kind == "plane":
        return DISTANCE_MM + 0.3 * x - 0.1 * y
    if kind == "paper":
        return DISTANCE_MM + 80 - np.sqrt(80**2 - np.clip(x, -70, 70) ** 2)
    head = np.clip(1 - (x / 85) ** 2 - (y / 118) ** 2, 0.03, None)
    return DISTANCE_MM + 85 - 85 * np.sqrt(head) - 24 * np.exp(-((x / 13) ** 2) - ((y - 5) / 24) ** 2)


def pair(kind: str, rows_off: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """What two cameras side by side see: the right picture's texture pulled over by each place's disparity."""
    disparity = (CAMERA.fx * BASELINE_MM / true_mm(kind)).astype(np.float32)
    v, u = np.mgrid[0:480, 0:640].astype(np.float32)
    right = texture()
    left = cv2.remap(right, u - disparity, v + np.float32(rows_off), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    return left, right


def measured(left: np.ndarray, right: np.ndarray, baseline_mm: float | None = BASELINE_MM) -> dict[str, float]:
    images = (cv2.merge([side] * 3) for side in (left, right))
    frames = {
        role: Frame(role, image, 0, intrinsics=CAMERA, baseline_mm=baseline_mm)
        for role, image in zip((Role.RGB, Role.RGB_RIGHT), images, strict=True)
    }
    values = stereo.measure(Observation(FrameSet(frames, {}, 0), face(BOX)))
    assert values is not None
    assert np.isfinite(values).all()
    return dict(zip(stereo.FEATURES, values.tolist(), strict=True))


@pytest.mark.parametrize("baseline_mm", [BASELINE_MM, None])
@pytest.mark.parametrize("rows_off", [0.0, 1.0, -2.0])
def test_a_face_has_its_relief_and_paper_none(rows_off: float, baseline_mm: float | None) -> None:
    alive, paper, plane = (measured(*pair(kind, rows_off), baseline_mm) for kind in ("face", "paper", "plane"))
    for found in (alive, paper, plane):
        assert found["match_share"] > 0.8
        assert found["width_off"] == 0
    assert alive["nose_mm"] > 12
    assert alive["nose_agreement"] > 0.6
    assert alive["bulge_least_mm"] > 4
    for flat in (paper, plane):
        assert flat["nose_mm"] < 6
        assert flat["bulge_least_mm"] < 2
        assert flat["log_cylinder_mm"] < 0.8


def test_swapped_covered_and_foreign_pictures_match_nothing() -> None:
    left, right = pair("face")
    nothing = dict.fromkeys(stereo.shape.FEATURES, 0.0)
    for other in (measured(right, left), measured(left, np.zeros_like(right)), measured(left, texture(9))):
        assert other["match_share"] < 0.3
        assert {name: other[name] for name in nothing} == nothing


def test_pictures_of_two_sizes_match_nothing_and_boxes_anywhere_are_borne() -> None:
    left, right = pair("face")
    assert measured(left, right[:200])["match_share"] == 0
    frames = {role: Frame(role, cv2.merge([left] * 3), 0) for role in (Role.RGB, Role.RGB_RIGHT)}
    for box in (
        Box(-90, -40, 150, 190),
        Box(600, 440, 150, 190),
        Box(0, 0, 640, 480),
        Box(3, 3, 1, 1),
        Box(9, 9, 2, 400),
    ):
        values = stereo.measure(Observation(FrameSet(frames, {}, 0), face(box)))
        assert values is not None
        assert np.isfinite(values).all()
    outside = Observation(FrameSet(frames, {}, 0), face(Box(700, 0, 50, 50)))
    assert stereo.measure(outside) is None


def test_disparity_is_found_to_a_part_of_a_pixel() -> None:
    right = texture().astype(np.float32)
    shift = np.float32([[1, 0, 20.3], [0, 1, 0]])
    left = cv2.warpAffine(right, shift, (640, 480), flags=cv2.INTER_CUBIC)
    places = np.array([[r, c] for r in range(50, 430, 30) for c in range(100, 600, 40)], np.int64)
    found = np.zeros((len(places), 2))
    match_places(left, right, places, np.array([14, 26, 0]), 0.6, found, np.zeros((1, 2)))
    assert (found[:, 1] > 0.9).mean() > 0.95
    assert np.median(np.abs(found[found[:, 1] > 0, 0] - 20.3)) < 0.1
