"""Every format, pixel by pixel, against what the stand-in draws for a picture of that number."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from livegate.types import Frame, Role
from livegate_drivers.cameras.v4l2 import V4l2Camera

Y, X = np.mgrid[0:240, 0:320]
CameraOf = Callable[..., V4l2Camera]


def ramp_8(number: int) -> NDArray[np.uint8]:
    return (40 + (X + Y + number * 8) % 160).astype(np.uint8)


def ramp_16(number: int, bits: int) -> NDArray[np.uint16]:
    return ((X * 37 + Y * 101 + number * 1009) % 2**bits).astype(np.uint16)


def colour(luma: NDArray[np.uint8]) -> NDArray[Any]:
    """BT.601, studio range, blue difference 100 and red difference 160: what cameras mean by YUV."""
    y, u, v = 1.164383 * (luma.astype(float) - 16), 100 - 128, 160 - 128
    bgr = np.stack([y + 2.017232 * u, y - 0.391762 * u - 0.812968 * v, y + 1.596027 * v], axis=-1)
    return np.clip(bgr, 0, 255)


def one(camera: V4l2Camera) -> Frame:
    with camera:
        return camera.read(5)


@pytest.mark.parametrize("padding", ["", " padding=32"])
@pytest.mark.parametrize("fourcc", ["GREY", "YUYV", "UYVY", "NV12"])
def test_nir_of_8_bits_is_the_brightness_itself(device: Path, camera_of: CameraOf, fourcc: str, padding: str) -> None:
    device.write_text("10" + padding)
    frame = one(camera_of(fourcc, Role.NIR))
    np.testing.assert_array_equal(frame.image, ramp_8(frame.sequence))
    assert frame.image.flags.c_contiguous


@pytest.mark.parametrize("padding", ["", " padding=64"])
@pytest.mark.parametrize("fourcc", ["YUYV", "UYVY", "NV12"])
@pytest.mark.parametrize("role", [Role.RGB, Role.RGB_RIGHT])
def test_colour_is_what_the_standard_says(
    device: Path, camera_of: CameraOf, fourcc: str, role: Role, padding: str
) -> None:
    device.write_text("10" + padding)
    frame = one(camera_of(fourcc, role))
    assert frame.image.dtype == np.uint8
    # Fixed-point arithmetic may round the other way.
    assert np.abs(frame.image - colour(ramp_8(frame.sequence))).max() <= 1


def test_a_grey_camera_as_rgb_has_three_equal_channels(camera_of: CameraOf) -> None:
    frame = one(camera_of("GREY", Role.RGB))
    np.testing.assert_array_equal(frame.image, np.repeat(ramp_8(frame.sequence)[..., None], 3, axis=2))


@pytest.mark.parametrize("padding", ["", " padding=10"])
@pytest.mark.parametrize(("fourcc", "bits"), [("Y10", 10), ("Y12", 12), ("Y16", 16)])
def test_nir_of_more_bits_loses_the_lower_ones(
    device: Path, camera_of: CameraOf, fourcc: str, bits: int, padding: str
) -> None:
    device.write_text("10" + padding)
    frame = one(camera_of(fourcc, Role.NIR))
    np.testing.assert_array_equal(frame.image, ramp_16(frame.sequence, bits) >> (bits - 8))
    assert frame.image.dtype == np.uint8


def test_nir_of_10_bits_in_16_is_bounded_where_there_are_more_after_all(camera_of: CameraOf) -> None:
    frame = one(camera_of("Y16", Role.NIR, bits=10))
    np.testing.assert_array_equal(frame.image, np.minimum(ramp_16(frame.sequence, 16) >> 2, 255))


@pytest.mark.parametrize("fourcc", ["Z16", "Y16"])
@pytest.mark.parametrize("unit_mm", [1.0, 0.1, 0.25, 2.5])
def test_depth_is_in_millimetres_rounded_and_bounded(camera_of: CameraOf, fourcc: str, unit_mm: float) -> None:
    frame = one(camera_of(fourcc, Role.DEPTH, unit_mm=unit_mm))
    # Halves up; what 16 bits cannot hold is no return. In whole twentieths, for a tenth is no binary number.
    expected = (ramp_16(frame.sequence, 16).astype(np.int64) * round(20 * unit_mm) + 10) // 20
    assert frame.image.dtype == np.uint16
    np.testing.assert_array_equal(frame.image, np.where(expected < 2**16, expected, 0))


@pytest.mark.parametrize(("role", "flag"), [(Role.RGB, cv2.IMREAD_COLOR), (Role.NIR, cv2.IMREAD_GRAYSCALE)])
def test_a_jpeg_is_decoded(camera_of: CameraOf, role: Role, flag: int) -> None:
    frame = one(camera_of("MJPG", role))
    expected = cv2.imread(os.environ["V4L2_SHIM_JPEG"], flag)
    np.testing.assert_array_equal(frame.image, expected)


def test_pictures_are_the_callers_own(camera_of: CameraOf) -> None:
    with camera_of("Z16", Role.DEPTH) as camera:
        first = camera.read(5)
        before = first.image.copy()
        for _ in range(8):
            camera.read(5)
        np.testing.assert_array_equal(first.image, before)
    np.testing.assert_array_equal(first.image, before)
