"""A stereo camera on the stand-in: its picture in two."""

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from livegate.capture.controls import Adjustable, Resettable
from livegate.errors import DeviceLost, DriverError
from livegate.types import Role
from livegate_drivers.cameras.stereo_pair import Options, StereoPairCamera, open_camera
from livegate_drivers.halves import Half, Layout

SOON_S = 5.0


def pair(device: Path, *roles: Role, **options: Any) -> list[StereoPairCamera]:
    made = Options(device, **{"width": 320, "height": 240} | options)
    return [open_camera(made, role) for role in roles]


def read_on(camera: StereoPairCamera) -> None:
    for _ in range(100):
        camera.read(SOON_S)


@pytest.mark.parametrize("layout", list(Layout))
def test_both_halves_are_of_one_moment_and_make_up_the_whole(device: Path, layout: Layout) -> None:
    whole = cv2.imread(os.environ["V4L2_SHIM_JPEG"])
    left, right = pair(device, Role.RGB, Role.RGB_RIGHT, layout=layout)
    with left, right:
        for _ in range(3):
            one, other = left.read(SOON_S), right.read(SOON_S)
            while one.captured_ns < other.captured_ns:
                one = left.read(SOON_S)
            while other.captured_ns < one.captured_ns:
                other = right.read(SOON_S)
            assert one.captured_ns == other.captured_ns
            assert one.device == other.device
            join = np.hstack if layout is Layout.SIDE_BY_SIDE else np.vstack
            np.testing.assert_array_equal(join([one.image, other.image]), whole)


def test_colour_and_infrared_on_one_board(device: Path) -> None:
    colour, infrared = (
        open_camera(Options(device, width=320, height=240, half=half), role)
        for role, half in ((Role.RGB, None), (Role.NIR, Half.SECOND))
    )
    whole = cv2.imread(os.environ["V4L2_SHIM_JPEG"])
    with colour, infrared:
        np.testing.assert_array_equal(colour.read(SOON_S).image, whole[:, :160])
        seen = infrared.read(SOON_S)
    assert seen.role is Role.NIR
    np.testing.assert_array_equal(seen.image, cv2.cvtColor(whole[:, 160:], cv2.COLOR_BGR2GRAY))


def test_a_grey_pair_is_not_made_colour_in_between(device: Path) -> None:
    left, right = pair(device, Role.NIR, Role.RGB_RIGHT, fourcc="GREY")
    with left, right:
        assert left.read(SOON_S).image.shape == (240, 160)
        assert right.read(SOON_S).image.shape == (240, 160, 3)


def test_tables_that_do_not_fit_together_are_refused(device: Path) -> None:
    for first, second, said in (
        ({}, {"fps": 15}, "ask for different pictures"),
        ({}, {"half": Half.FIRST}, "two roles ask for the same half"),
    ):
        (left,), (right,) = pair(device, Role.RGB, **first), pair(device, Role.RGB_RIGHT, **second)
        for camera in (left, right):
            with pytest.raises(DriverError, match=said):
                camera.__enter__()
        del left, right, camera


def test_exposure_is_set_for_both_and_a_loss_is_told_to_both(device: Path) -> None:
    left, right = pair(device, Role.RGB, Role.RGB_RIGHT)
    assert isinstance(left, Adjustable)
    assert isinstance(left, Resettable)
    with ExitStack() as stack:
        stack.enter_context(left)
        stack.enter_context(right)
        assert left.exposure_range() == right.exposure_range()
        right.expose(10_000, 64)
        assert "Exposure Time, Absolute 100" in Path(f"{device}.controls").read_text()
        left.automatic()
        with pytest.raises(DriverError, match="its other half is still read"):
            left.reset()
        device.unlink()
        for camera in (left, right):
            with pytest.raises(DeviceLost):
                read_on(camera)
    device.write_text("10")
    with left, right:
        assert right.read(SOON_S).image.shape == (240, 160, 3)
