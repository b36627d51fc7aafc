"""A frame of an OpenNI2 device that lies about itself is damaged, whatever it says."""

from __future__ import annotations

import ctypes
import struct

import cv2
import numpy as np
import pytest

from livegate.errors import PictureError
from livegate.types import Role
from livegate_drivers.openni2.library import Format, OniFrame, VideoMode
from livegate_drivers.openni2.pictures import picture

ROLES = {Format.DEPTH_1_MM: Role.DEPTH, Format.GRAY8: Role.NIR, Format.RGB888: Role.RGB, Format.JPEG: Role.RGB}


def frame(kind: Format, size: tuple[int, int], stride: int, data: bytes) -> tuple[OniFrame, object]:
    """Return a frame and the memory it lies in."""
    memory = ctypes.create_string_buffer(data, len(data))
    width, height = size
    return OniFrame(
        data=ctypes.cast(memory, ctypes.c_void_p),
        size=len(data),
        width=width,
        height=height,
        stride=stride,
        mode=VideoMode(kind, width, height, 30),
    ), memory


@pytest.mark.parametrize("kind", [Format.DEPTH_1_MM, Format.GRAY8, Format.RGB888])
@pytest.mark.parametrize(
    ("size", "stride"), [((-4, 10), 8), ((4, -10), 12), ((0, 10), 0), ((4, 0), 12), ((400, 10), 1200)]
)
def test_a_size_that_cannot_be_is_a_damaged_frame(kind: Format, size: tuple[int, int], stride: int) -> None:
    given, _memory = frame(kind, size, stride, bytes(1000))
    with pytest.raises(PictureError):
        picture(given, ROLES[kind], 10)


@pytest.mark.parametrize("side", [17, 30_000, 65_000])
def test_a_jpeg_that_promises_another_picture_is_not_decoded(side: int) -> None:
    data = bytearray(cv2.imencode(".jpg", np.zeros((16, 16, 3), np.uint8))[1].tobytes())
    at = data.index(b"\xff\xc0") + 5
    good, _memory = frame(Format.JPEG, (16, 16), 0, bytes(data))
    assert picture(good, Role.RGB, 10).shape == (16, 16, 3)
    data[at : at + 4] = struct.pack(">HH", side, side)
    bad, _memory = frame(Format.JPEG, (16, 16), 0, bytes(data))
    with pytest.raises(PictureError):
        picture(bad, Role.RGB, 10)
