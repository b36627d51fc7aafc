"""Structured light and time of flight: what each loses and bends, and the kinds a terminal may have."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from livegate_tools.simulate.depth_kinds import DepthKind, DepthSensor, draw_depth_sensor, kind_of, sense
from livegate_tools.simulate.held_out import Split
from livegate_tools.simulate.materials import Kind
from livegate_tools.simulate.renderer import Radiance
from livegate_tools.simulate.structured_light import StructuredLight
from livegate_tools.simulate.time_of_flight import TimeOfFlight

DOTS = StructuredLight(sigma_px=0.08, focal_px=600.0, baseline_mm=50.0, dot_px=4.0, right=False, least_mm=200.0,
                       most_mm=1500.0, faint=0.02, glare=1.5, offset_mm=0.0, scale=1.0)  # fmt: skip
FLIGHT = TimeOfFlight(noise=0.01, window_px=1.0, mixed_px=1.0, skin_mm=3.0, multipath=0.2, faint=0.02, glare=3.0,
                      ambient=4.0, least_mm=150.0, most_mm=3000.0, offset_mm=0.0, scale=1.0, wiggle_mm=0.0)  # fmt: skip


def wall(distance_mm: float, kind: Kind = Kind.PAPER, nir: float = 0.6, ambient: float = 0.0) -> Radiance:
    shape = (120, 160)
    return Radiance(
        np.zeros((*shape, 3), np.float32), np.full(shape, nir + ambient, np.float32),
        np.full(shape, distance_mm, np.float32), np.full(shape, kind, np.uint8), np.full(shape, ambient, np.float32),
    )  # fmt: skip


def seen(scene: Radiance, sensor: DepthSensor, seed: int = 1) -> np.ndarray:
    return sense(sensor, scene, np.random.default_rng(seed)).astype(float)


def step(near_mm: float, far_mm: float) -> Radiance:
    scene = wall(far_mm)
    depth = scene.depth_mm.copy()
    depth[:, 60:100] = near_mm
    return replace(scene, depth_mm=depth)


@pytest.mark.parametrize("sensor", [DOTS, FLIGHT])
def test_a_wall_is_where_it_is(sensor: DepthSensor) -> None:
    depth = seen(wall(600.0), sensor)
    assert depth.mean() == pytest.approx(600, rel=0.003)
    assert 0.3 < depth.std() < 9


@pytest.mark.parametrize("sensor", [DOTS, FLIGHT])
def test_nothing_comes_back_of_the_dark_and_of_a_room_brighter_than_the_lamp(sensor: DepthSensor) -> None:
    assert not seen(wall(600.0, nir=0.001), sensor).any()
    assert not seen(wall(600.0, ambient=10.0), sensor).any()
    assert seen(wall(600.0, ambient=0.1), sensor).all()


@pytest.mark.parametrize("right", [False, True])
def test_dots_leave_a_shadow_on_the_side_away_from_the_projector(right: bool) -> None:
    depth = seen(step(500.0, 1200.0), replace(DOTS, right=right))
    left, beside = depth[60, 35:56], depth[60, 104:125]
    shadow, lit = (left, beside) if right else (beside, left)
    assert not shadow.any()
    assert lit.all()


def test_flying_pixels_lie_between_two_surfaces_of_light_in_flight_alone() -> None:
    scene = step(500.0, 700.0)
    between = {kind_of(sensor): np.count_nonzero(np.abs(seen(scene, sensor) - 600) < 60) for sensor in (DOTS, FLIGHT)}
    assert between[DepthKind.TIME_OF_FLIGHT] > 100
    assert between[DepthKind.STRUCTURED_LIGHT] == 0


def test_light_in_flight_finds_skin_deeper_than_paper() -> None:
    paper, skin = (seen(wall(600.0, kind), FLIGHT).mean() for kind in (Kind.PAPER, Kind.SKIN))
    assert skin - paper == pytest.approx(FLIGHT.skin_mm, abs=1.0)


def test_a_screen_has_holes_for_every_kind() -> None:
    for sensor in (DOTS, FLIGHT):
        back = np.mean([(seen(wall(500.0, Kind.SCREEN), sensor, seed) > 0).mean() for seed in range(6)])
        assert 0.02 < back < 0.98


def test_every_split_has_every_kind_and_no_constant_of_another() -> None:
    strips: dict[Split, set[int]] = {}
    for split in Split:
        sensors = [draw_depth_sensor(np.random.default_rng(k), split) for k in range(200)]
        assert {kind_of(sensor) for sensor in sensors} == set(DepthKind)
        noise = [sensor.noise for sensor in sensors if isinstance(sensor, TimeOfFlight)]
        strips[split] = {int((value - 0.006) / 0.008 * 20) for value in noise}
    assert not strips[Split.TRAIN] & strips[Split.DEV]
    assert not strips[Split.TRAIN] & strips[Split.TEST]
