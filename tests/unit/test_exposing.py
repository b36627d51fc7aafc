"""When a camera is set, left alone, and let go."""

import numpy as np
import pytest

from livegate.capture.exposing import NO_FACE_MS, Exposing
from livegate.types import Frame, Role
from livegate_drivers.cameras.fake import FakeCamera, Options
from support.lamp_cameras import AdjustableCamera

MS = 1_000_000
SMALL = Options(width=64, height=48)
PERIOD_NS = 33 * MS


def frame(at_ms: float, exposure_us: float | None = 5_000.0) -> Frame:
    return Frame(Role.RGB, np.zeros((4, 4, 3), np.uint8), round(at_ms * MS), exposure_us=exposure_us)


@pytest.fixture
def camera() -> AdjustableCamera:
    return AdjustableCamera(SMALL)


@pytest.fixture
def exposing(camera: AdjustableCamera) -> Exposing:
    opened = Exposing(camera)
    opened.begin()
    return opened


def turn(exposing: Exposing, at_ms: float, stops: float | None = None) -> bool:
    if stops is not None:
        exposing.tell(round(at_ms * MS), stops)
    return exposing.apply(frame(at_ms), PERIOD_NS, round(at_ms * MS))


def test_a_camera_that_cannot_be_adjusted_is_left_alone() -> None:
    exposing = Exposing(FakeCamera(SMALL, Role.RGB))
    exposing.begin()
    assert not exposing.wanted
    assert not turn(exposing, 0, 2.0)


def test_what_the_camera_does_well_by_itself_is_left_to_it(camera: AdjustableCamera, exposing: Exposing) -> None:
    assert not any(turn(exposing, 33 * number, 0.6) for number in range(20))
    assert camera.set == []


def test_a_camera_that_does_not_tell_its_exposure_is_left_to_itself(
    camera: AdjustableCamera, exposing: Exposing
) -> None:
    exposing.tell(33 * MS, 2.0)
    assert not exposing.apply(frame(33, None), PERIOD_NS, 33 * MS)
    assert camera.set == []


def test_a_change_is_awaited_before_the_next(camera: AdjustableCamera, exposing: Exposing) -> None:
    assert turn(exposing, 33, 1.5)
    assert not any(turn(exposing, 33 * number, 1.5) for number in (2, 3))
    assert turn(exposing, 33 * 4, 1.0)
    assert len(camera.set) == 2


def test_one_picture_is_metered_once(camera: AdjustableCamera, exposing: Exposing) -> None:
    exposing.tell(1000 * MS, 1.5)
    assert exposing.apply(frame(1000), PERIOD_NS, 1000 * MS)
    assert not exposing.apply(frame(1500), PERIOD_NS, 1500 * MS)


def test_without_a_face_the_camera_exposes_by_itself_again(camera: AdjustableCamera, exposing: Exposing) -> None:
    assert turn(exposing, 33, -2.0)
    assert not turn(exposing, 33 + NO_FACE_MS)
    assert turn(exposing, 34 + NO_FACE_MS)
    assert camera.set[-1] is None
    assert not turn(exposing, 35 + NO_FACE_MS)


def test_a_camera_opened_again_begins_by_itself(camera: AdjustableCamera, exposing: Exposing) -> None:
    assert turn(exposing, 33, 2.0)
    exposing.begin()
    assert not turn(exposing, 500 + NO_FACE_MS)
    assert len(camera.set) == 1
