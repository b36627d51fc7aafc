"""The depth camera model: its noise, its range, its holes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from livegate_tools.simulate.depth_sensor import DepthModel, draw_depth, sense_depth
from livegate_tools.simulate.held_out import Split
from livegate_tools.simulate.materials import Kind
from livegate_tools.simulate.renderer import Radiance

MODEL = DepthModel(
    sigma_px=0.08, focal_px=600.0, baseline_mm=50.0, step_px=1 / 64, window_px=1.0, least_mm=200.0, most_mm=1500.0,
    faint=0.02, offset_mm=0.0, scale=1.0,
)  # fmt: skip


def wall(distance_mm: float, kind: Kind = Kind.SKIN, nir: float = 0.5) -> Radiance:
    shape = (120, 160)
    return Radiance(
        np.zeros((*shape, 3), np.float32), np.full(shape, nir, np.float32),
        np.full(shape, distance_mm, np.float32), np.full(shape, kind, np.uint8), np.zeros(shape, np.float32),
    )  # fmt: skip


@pytest.mark.parametrize("distance_mm", [600.0, 1000.0, 1400.0])
def test_noise_grows_with_the_square_of_distance(distance_mm: float) -> None:
    depth = sense_depth(wall(distance_mm), MODEL, np.random.default_rng(1)).astype(float)
    # Rounding to millimetres and disparity steps adds a little of its own.
    rounding = np.hypot(1.0, distance_mm**2 * MODEL.step_px / 30000.0) / np.sqrt(12)
    assert depth.std() == pytest.approx(np.hypot(MODEL.sigma_mm(distance_mm), rounding), rel=0.15)
    assert depth.mean() == pytest.approx(distance_mm, rel=0.002)


@pytest.mark.parametrize("distance_mm", [150.0, 1600.0])
def test_nothing_outside_the_range(distance_mm: float) -> None:
    assert not sense_depth(wall(distance_mm), MODEL, np.random.default_rng(1)).any()


def test_no_return_from_the_dark() -> None:
    assert not sense_depth(wall(500.0, nir=0.001), MODEL, np.random.default_rng(1)).any()


def test_a_screen_has_holes_that_skin_has_not() -> None:
    returned = {kind: np.mean([(sense_depth(wall(500.0, kind), MODEL, np.random.default_rng(seed)) > 0).mean()
                               for seed in range(5)]) for kind in (Kind.SKIN, Kind.SCREEN)}  # fmt: skip
    assert returned[Kind.SKIN] == 1.0
    assert returned[Kind.SCREEN] < 0.95


def test_a_shadow_lies_on_one_side_of_a_near_object() -> None:
    scene = wall(1200.0)
    near = scene.depth_mm.copy()
    near[30:90, 60:100] = 500.0
    depth = sense_depth(replace(scene, depth_mm=near), MODEL, np.random.default_rng(1))
    shadow_px = int(30000 / 500 - 30000 / 1200)
    left, right = depth[60, 60 - shadow_px : 56], depth[60, 104 : 100 + shadow_px - 4]
    assert (left > 0).all()
    assert not right.any()


def test_equal_seeds_give_equal_depth() -> None:
    first, second = (sense_depth(wall(600.0), MODEL, np.random.default_rng(5)) for _ in range(2))
    assert first.dtype == np.uint16
    assert (first == second).all()


def test_splits_share_no_constant() -> None:
    def strips(split: Split) -> set[int]:
        return {int((draw_depth(np.random.default_rng(k), split).sigma_px - 0.04) / 0.12 * 20) for k in range(200)}

    assert strips(Split.TRAIN).isdisjoint(strips(Split.TEST))
