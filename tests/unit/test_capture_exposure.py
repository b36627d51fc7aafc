"""Exposure for the face, with cameras that answer as cameras do."""

import math
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from livegate.capture.controls import ExposureRange
from livegate.capture.exposure import FIRST_SHARE, FLICKER_US, Setting, damped, next_setting, stops_wanted
from livegate.types import Box, Role

LIMITS = ExposureRange(50.0, 100_000.0, 16.0, 255.0)
NO_GAIN = ExposureRange(100.0, 33_000.0)
PERIOD_US = 33_333.0
FACE = Box(60, 40, 80, 110)
GOOD = (90, 150)
"""Levels the median of a face may end up with: a third of a stop about middle grey, and what quantising adds."""


@dataclass
class SimulatedCamera:
    """A picture of a face before a background; ``light`` is the face's level at 10 ms and least gain, linear, 1 white.

    Gain answers as the maker likes: ``gain_stops`` over its range. Noise, clipping, 8 bits.
    """

    light: float
    background: float
    gamma: float = 2.2
    gain_stops: float = 5.0
    limits: ExposureRange = LIMITS
    setting: Setting = field(default_factory=lambda: Setting(10_000.0, 16.0))

    def picture(self) -> NDArray[np.uint8]:
        span = self.limits.gain_most - self.limits.gain_least
        share = (self.setting.gain - self.limits.gain_least) / span if span else 0.0
        gained = self.setting.exposure_us / 10_000 * 2 ** (self.gain_stops * share)
        scene = np.full((240, 200), self.background)
        # Skin is not of one brightness: half as much again from the darkest to the lightest place.
        scene[40:150, 60:140] = self.light * np.linspace(0.8, 1.2, 80)
        noise = np.random.default_rng(0).normal(0, 1.5, scene.shape)
        levels = 255 * np.clip(scene * gained, 0, 1) ** (1 / self.gamma) + noise
        return np.repeat(np.clip(levels, 0, 255).astype(np.uint8)[..., None], 3, axis=2)

    def face_level(self) -> float:
        return float(np.median(self.picture()[70:120, 80:120]))


def driven(camera: SimulatedCamera, turns: int = 12, role: Role = Role.RGB) -> list[Setting]:
    """Return what was set, turn by turn, until nothing was worth setting."""
    settings = []
    share, before = FIRST_SHARE, 0.0
    for _ in range(turns):
        picture = camera.picture()
        stops = stops_wanted(picture if role is Role.RGB else picture[..., 0], FACE, role)
        assert stops is not None
        share, before = damped(share, before, stops), stops
        setting = next_setting(camera.setting, stops, camera.limits, PERIOD_US, share)
        if setting is None:
            break
        settings.append(setting)
        camera.setting = setting
    return settings


@pytest.mark.parametrize("background", [0.001, 0.2, 3.0], ids=["night", "room", "window"])
@pytest.mark.parametrize("light", [0.02, 0.06, 0.2, 0.8, 3.0, 20.0])
def test_the_face_is_well_exposed_in_a_few_pictures_whatever_the_skin_and_the_background(
    light: float, background: float
) -> None:
    camera = SimulatedCamera(light, background * light)
    settings = driven(camera)
    assert len(settings) <= 5
    assert GOOD[0] <= camera.face_level() <= GOOD[1]


@pytest.mark.parametrize("gamma", [1.0, 1.5, 2.2])
@pytest.mark.parametrize("gain_stops", [3.0, 5.0, 8.0])
def test_a_camera_that_answers_otherwise_than_thought_is_driven_there_all_the_same(
    gamma: float, gain_stops: float
) -> None:
    camera = SimulatedCamera(0.03, 0.03, gamma, gain_stops)
    assert len(driven(camera, role=Role.NIR)) <= 8
    assert 80 <= camera.face_level() <= 160


def test_once_it_is_well_exposed_noise_changes_nothing() -> None:
    camera = SimulatedCamera(0.18, 0.5)
    driven(camera)
    assert driven(camera) == []


@given(st.floats(0.001, 50.0))
def test_exposures_as_long_as_the_flicker_are_whole_multiples_of_it_and_none_slows_or_blurs(light: float) -> None:
    for setting in driven(SimulatedCamera(light, light)):
        assert setting.exposure_us <= 20_000.0
        if setting.exposure_us >= FLICKER_US:
            assert setting.exposure_us % FLICKER_US == 0


@given(st.floats(0.01, 2.0))
def test_without_gain_the_nearest_is_set_and_it_does_not_swing(light: float) -> None:
    camera = SimulatedCamera(light, light, limits=NO_GAIN, setting=Setting(10_000.0, 0.0))
    settings = driven(camera)
    assert len(settings) <= 5
    assert all(setting.gain == 0.0 for setting in settings)
    assert driven(camera) == []


@given(st.floats(-20, 20), st.floats(1, 1e6), st.floats(0, 300), st.one_of(st.none(), st.floats(1_000.0, 200_000.0)))
def test_what_is_set_is_what_the_camera_can(stops: float, exposure_us: float, gain: float, period_us: float) -> None:
    now = Setting(exposure_us, gain)
    setting = next_setting(now, stops, LIMITS, period_us)
    if setting is not None:
        assert LIMITS.least_us <= setting.exposure_us <= LIMITS.most_us
        assert LIMITS.gain_least <= setting.gain <= LIMITS.gain_most


def test_highlights_are_kept_and_a_clipped_face_is_darkened() -> None:
    face = np.full((240, 200, 3), 60, np.uint8)
    face[:, ::8] = 240
    wanted = stops_wanted(face, FACE, Role.RGB)
    assert wanted is not None
    assert wanted <= 0
    white = stops_wanted(np.full((240, 200), 255, np.uint8), FACE, Role.NIR)
    assert white is not None
    assert white <= -1


@pytest.mark.parametrize(
    "box",
    [Box(500, 500, 50, 50), Box(-90, -90, 60, 60), Box(10, 10, 0, 0), Box(math.nan, 0, 9, 9), Box(0, 0, math.inf, 50)],
)
def test_a_face_of_which_nothing_shows_says_nothing(box: Box) -> None:
    assert stops_wanted(np.full((240, 200, 3), 60, np.uint8), box, Role.RGB) is None


def test_a_face_half_outside_is_metered_by_what_shows() -> None:
    assert stops_wanted(np.full((240, 200, 3), 30, np.uint8), Box(-40, -30, 120, 160), Role.RGB) == 2.0
