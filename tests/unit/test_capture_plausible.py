"""What a camera says of itself is believed as far as it can be."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from livegate.capture.plausible import plausible
from livegate.cues import depth_shape
from livegate.types import Box, Face, Frame, FrameSet, Intrinsics, Observation, Role, SensorState

OPTICS = Intrinsics(300.0, 300.0, 160.0, 120.0, 320, 240)
FRAME = Frame(Role.DEPTH, np.full((240, 320), 450, np.uint16), 0, 0, OPTICS, "a", 10_000.0, None, 50.0)


def test_what_can_be_is_left_as_it_is() -> None:
    assert plausible(FRAME) is FRAME
    bare = replace(FRAME, intrinsics=None, exposure_us=None, baseline_mm=None)
    assert plausible(bare) is bare


@pytest.mark.parametrize("name", ["fx", "fy", "cx", "cy"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e300])
def test_optics_that_cannot_be_are_none(name: str, value: float) -> None:
    assert plausible(replace(FRAME, intrinsics=replace(OPTICS, **{name: value}))).intrinsics is None


@pytest.mark.parametrize("focal", [0.0, -300.0, 1e-320])
def test_a_lens_without_a_focal_length_neither_stops_nor_silences_a_cue(focal: float) -> None:
    """Devices that were never calibrated say 0: a division by it would end the decision thread."""
    frame = plausible(replace(FRAME, intrinsics=replace(OPTICS, fx=focal, fy=focal)))
    seen = FrameSet({Role.DEPTH: frame}, {Role.DEPTH: SensorState.OK}, 0)
    values = depth_shape.measure(Observation(seen, Face(Box(110.0, 60.0, 100.0, 130.0), 0.9, 0.05)))
    assert values is not None
    assert np.isfinite(values).all()


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0])
def test_no_exposure_and_no_baseline_is_endless_or_negative(value: float) -> None:
    told = plausible(replace(FRAME, exposure_us=value, baseline_mm=value))
    assert (told.exposure_us, told.baseline_mm) == (None, None)
    assert told.intrinsics is OPTICS
