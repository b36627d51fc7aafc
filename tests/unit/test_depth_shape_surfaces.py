"""Depth shape on the analytic surfaces of the science page, at a terminal's distances, tilts and noise."""

from __future__ import annotations

import numpy as np
import pytest

from livegate.cues import depth_shape
from livegate.types import Box, Frame, FrameSet, Observation, Role
from support.sights import CAMERA, face

CENTRE = (320.0, 240.0)


def box_at(distance_mm: float) -> Box:
    w, h = 140 * CAMERA.fx / distance_mm, 190 * CAMERA.fy / distance_mm
    return Box(CENTRE[0] - w / 2, CENTRE[1] - h / 2, w, h)


def seen(kind: str, distance_mm: float, tilt_deg: float = 0.0) -> np.ndarray:
    """True depth over the whole picture; the surface turned about the vertical axis, the background 900 mm behind."""
    v, u = np.mgrid[0:480, 0:640]
    slope = np.tan(np.deg2rad(tilt_deg))
    x_over_z, y_over_z = (u - CAMERA.cx) / CAMERA.fx, (v - CAMERA.cy) / CAMERA.fy
    z = np.full(u.shape, distance_mm)
    for _ in range(60):
        x, y = x_over_z * z, y_over_z * z
        match kind:
            case "plane":
                relief = np.zeros_like(z)
            case "paper":
                relief = 60 - np.sqrt(60**2 - np.clip(0.9 * x + 0.436 * y, -50, 50) ** 2)
            case _:
                head = np.clip(1 - (x / 78) ** 2 - (y / 112) ** 2, 0.02, None)
                relief = 85 - 85 * np.sqrt(head) - 24 * np.exp(-((x / 13) ** 2) - ((y - 5) / 24) ** 2)
        z = 0.5 * z + 0.5 * (distance_mm + slope * x + relief)
    if kind == "face":
        z = np.where((x_over_z * z / 78) ** 2 + (y_over_z * z / 112) ** 2 < 0.98, z, distance_mm + 900)
    return z


def features(true_mm: np.ndarray, distance_mm: float, noise_mm: float = 0.0, holes: float = 0.0) -> dict[str, float]:
    rng = np.random.default_rng(7)
    depth = np.clip(true_mm + rng.normal(0, noise_mm, true_mm.shape), 1, 65535).astype(np.uint16)
    depth[rng.random(depth.shape) < holes] = 0
    return measured(depth, box_at(distance_mm))


def measured(depth: np.ndarray, box: Box) -> dict[str, float]:
    frames = {
        Role.RGB: Frame(Role.RGB, np.zeros((480, 640, 3), np.uint8), 0),
        Role.DEPTH: Frame(Role.DEPTH, depth, 0, intrinsics=CAMERA),
    }
    values = depth_shape.measure(Observation(FrameSet(frames, {}, 0), face(box)))
    assert values is not None
    assert np.isfinite(values).all()
    return dict(zip(depth_shape.FEATURES, values.tolist(), strict=True))


@pytest.mark.parametrize(("distance_mm", "noise_mm"), [(300, 0.3), (500, 1.0), (800, 3.0), (1000, 5.0)])
@pytest.mark.parametrize("tilt_deg", [0, 25, 45])
@pytest.mark.parametrize("kind", ["plane", "paper"])
def test_paper_is_developable_flat_or_bent_whatever_its_tilt_and_the_noise(
    kind: str, tilt_deg: float, distance_mm: float, noise_mm: float
) -> None:
    found = features(seen(kind, distance_mm, tilt_deg), distance_mm, noise_mm)
    assert found["log_cylinder_mm"] < 0.8
    assert found["bulge_least_mm"] < 2.5
    assert found["nose_mm"] < 8
    assert found["nose_agreement"] < 0.5


@pytest.mark.parametrize(("distance_mm", "noise_mm"), [(300, 0.3), (500, 1.0), (800, 3.0), (1000, 5.0)])
@pytest.mark.parametrize("tilt_deg", [0, 20])
def test_a_face_is_none_of_it_and_has_a_nose_at_every_distance(
    tilt_deg: float, distance_mm: float, noise_mm: float
) -> None:
    found = features(seen("face", distance_mm, tilt_deg), distance_mm, noise_mm)
    assert found["log_cylinder_mm"] > 1.6
    assert found["bulge_least_mm"] > 5
    assert 12 < found["nose_mm"] < 32
    assert found["nose_agreement"] > 0.6
    assert found["step_share_aside"] > 0.7
    assert found["sheet_share"] < 0.05
    assert found["width_off"] == 0


def test_holes_and_a_wearers_head_above_a_cut_out_do_not_make_a_face_of_a_sheet() -> None:
    worn = seen("plane", 500)
    box = box_at(500)
    worn[: round(box.y + 0.3 * box.h)] += 25
    found = features(worn, 500, noise_mm=1.0, holes=0.3)
    assert found["core_developable_share"] > 0.9
    assert found["nose_mm"] < 4
    alive = features(seen("face", 500), 500, noise_mm=1.0, holes=0.3)
    assert alive["nose_mm"] > 12


def test_a_sheet_goes_on_where_a_head_ends() -> None:
    assert features(seen("plane", 500, 20), 500, 1.0)["sheet_share"] > 0.9
    sheet = features(seen("plane", 500), 500, 1.0)
    assert sheet["step_share_aside"] == 0
    small = seen("plane", 400)
    assert features(small, 1000)["width_off"] > 0.3


@pytest.mark.parametrize("everywhere", [True, False])
def test_a_face_without_returns_is_evidence_not_silence(everywhere: bool) -> None:
    depth = np.full((480, 640), 0 if everywhere else 900, np.uint16)
    box = box_at(500)
    depth[round(box.y) - 5 : round(box.y + box.h) + 5, round(box.x) - 5 : round(box.x + box.w) + 5] = 0
    found = measured(depth, box)
    assert found["hole_share_skin"] == 1
    assert found["nose_mm"] == found["log_plane_mm"] == found["step_share_aside"] == 0


@pytest.mark.parametrize("box", [Box(630, 470, 150, 200), Box(-1e6, -10, 2e6, 5e5), Box(-60, 100, 90, 120)])
def test_a_box_that_leaves_the_picture_is_measured_by_what_is_in_it(box: Box) -> None:
    for image in (np.zeros((480, 640), np.uint16), np.random.default_rng(1).integers(0, 65536, (480, 640))):
        measured(np.asarray(image, np.uint16)[:, ::-1], box)


@pytest.mark.parametrize("box", [Box(700, 0, 50, 50), Box(0, 0, 0, 0), Box(float("nan"), 0, 9, 9)])
def test_only_a_box_without_a_pixel_is_not_measured(box: Box) -> None:
    frames = {Role.DEPTH: Frame(Role.DEPTH, np.full((480, 640), 500, np.uint16), 0)}
    assert depth_shape.measure(Observation(FrameSet(frames, {}, 0), face(box))) is None
