"""The sizes and places that linux/videodev2.h, linux/gpio.h and linux/usbdevice_fs.h give on 64-bit machines."""

import ctypes

import pytest

from livegate_drivers import gpio_line
from livegate_drivers.v4l2 import uapi, usb


@pytest.mark.parametrize(
    ("request_code", "expected"),
    [
        (uapi.QUERYCAP, 0x80685600),
        (uapi.ENUM_FMT, 0xC0405602),
        (uapi.S_FMT, 0xC0D05605),
        (uapi.REQBUFS, 0xC0145608),
        (uapi.QUERYBUF, 0xC0585609),
        (uapi.QBUF, 0xC058560F),
        (uapi.DQBUF, 0xC0585611),
        (uapi.STREAMON, 0x40045612),
        (uapi.STREAMOFF, 0x40045613),
        (uapi.S_PARM, 0xC0CC5616),
        (uapi.G_CTRL, 0xC008561B),
        (uapi.S_CTRL, 0xC008561C),
        (uapi.QUERYCTRL, 0xC0445624),
        (uapi.ENUM_FRAMESIZES, 0xC02C564A),
        (uapi.ENUM_FRAMEINTERVALS, 0xC034564B),
        (uapi.QUERY_EXT_CTRL, 0xC0E85667),
        (usb.USBDEVFS_RESET, 0x5514),
        (gpio_line.GET_CHIPINFO, 0x8044B401),
        (gpio_line.GET_LINEINFO, 0xC100B405),
        (gpio_line.GET_LINE, 0xC250B407),
        (gpio_line.SET_VALUES, 0xC010B40F),
    ],
)
def test_requests(request_code: int, expected: int) -> None:
    assert request_code == expected


@pytest.mark.parametrize(
    ("structure", "field", "place"),
    [
        (uapi.Buffer, "seconds", 24),
        (uapi.Buffer, "sequence", 56),
        (uapi.Buffer, "offset", 64),
        (uapi.Buffer, "length", 72),
        (uapi.Format, "fmt", 8),
        (uapi.StreamParameters, "numerator", 12),
        (uapi.QueryExtendedControl, "minimum", 40),
        (uapi.QueryExtendedControl, "flags", 72),
        (gpio_line.LineRequest, "config", 288),
        (gpio_line.LineRequest, "fd", 588),
        (gpio_line.LineInfo, "flags", 72),
    ],
)
def test_places(structure: type[ctypes.Structure], field: str, place: int) -> None:
    assert getattr(structure, field).offset == place
