"""The C interface of libOpenNI2 (OniCAPI.h, OniCTypes.h of version 2.2), as much of it as a camera needs."""

from __future__ import annotations

import ctypes
import enum
from collections.abc import Sequence
from functools import cache
from typing import Any

from livegate.errors import DriverError

# ONI_API_VERSION of OpenNI 2.2, major * 1000 + minor.
API_VERSION = 2002
MAX_STR = 256


class Status(enum.IntEnum):
    """What every call returns."""

    OK = 0
    NO_DEVICE = 6
    TIME_OUT = 102


class Sensor(enum.IntEnum):
    """The kinds of stream."""

    IR = 1
    COLOR = 2
    DEPTH = 3


class Format(enum.IntEnum):
    """Pixel formats."""

    DEPTH_1_MM = 100
    DEPTH_100_UM = 101
    RGB888 = 200
    YUV422 = 201
    GRAY8 = 202
    GRAY16 = 203
    JPEG = 204
    YUYV = 205


class Property(enum.IntEnum):
    """Properties of devices (SERIAL_NUMBER, IMAGE_REGISTRATION) and streams."""

    SERIAL_NUMBER = 3
    IMAGE_REGISTRATION = 5
    HORIZONTAL_FOV = 1
    VERTICAL_FOV = 2
    VIDEO_MODE = 3
    MIRRORING = 7


class DeviceInfo(ctypes.Structure):
    """OniDeviceInfo."""

    _fields_ = (
        ("uri", ctypes.c_char * MAX_STR),
        ("vendor", ctypes.c_char * MAX_STR),
        ("name", ctypes.c_char * MAX_STR),
        ("usb_vendor", ctypes.c_uint16),
        ("usb_product", ctypes.c_uint16),
    )


class VideoMode(ctypes.Structure):
    """OniVideoMode."""

    _fields_ = (
        ("format", ctypes.c_int),
        ("width", ctypes.c_int),
        ("height", ctypes.c_int),
        ("fps", ctypes.c_int),
    )


class SensorInfo(ctypes.Structure):
    """OniSensorInfo."""

    _fields_ = (("sensor", ctypes.c_int), ("count", ctypes.c_int), ("modes", ctypes.POINTER(VideoMode)))


class OniFrame(ctypes.Structure):
    """OniFrame."""

    _fields_ = (
        ("size", ctypes.c_int),
        ("data", ctypes.c_void_p),
        ("sensor", ctypes.c_int),
        ("timestamp_us", ctypes.c_uint64),
        ("index", ctypes.c_int),
        ("width", ctypes.c_int),
        ("height", ctypes.c_int),
        ("mode", VideoMode),
        ("cropped", ctypes.c_int),
        ("crop_x", ctypes.c_int),
        ("crop_y", ctypes.c_int),
        ("stride", ctypes.c_int),
    )


_HANDLE = ctypes.c_void_p
_HANDLE_OUT = ctypes.POINTER(ctypes.c_void_p)
_INT, _INT_OUT = ctypes.c_int, ctypes.POINTER(ctypes.c_int)
_FRAME_OUT = ctypes.POINTER(ctypes.POINTER(OniFrame))
_LIST = ctypes.POINTER(DeviceInfo)

_SIGNATURES: dict[str, tuple[Any, Sequence[Any]]] = {
    "oniInitialize": (_INT, (_INT,)),
    "oniGetExtendedError": (ctypes.c_char_p, ()),
    "oniGetDeviceList": (_INT, (ctypes.POINTER(_LIST), _INT_OUT)),
    "oniReleaseDeviceList": (_INT, (_LIST,)),
    "oniDeviceOpen": (_INT, (ctypes.c_char_p, _HANDLE_OUT)),
    "oniDeviceClose": (_INT, (_HANDLE,)),
    "oniDeviceGetSensorInfo": (ctypes.POINTER(SensorInfo), (_HANDLE, _INT)),
    "oniDeviceCreateStream": (_INT, (_HANDLE, _INT, _HANDLE_OUT)),
    "oniDeviceIsImageRegistrationModeSupported": (_INT, (_HANDLE, _INT)),
    "oniDeviceSetProperty": (_INT, (_HANDLE, _INT, ctypes.c_void_p, _INT)),
    "oniDeviceGetProperty": (_INT, (_HANDLE, _INT, ctypes.c_void_p, _INT_OUT)),
    "oniStreamDestroy": (None, (_HANDLE,)),
    "oniStreamStart": (_INT, (_HANDLE,)),
    "oniStreamStop": (None, (_HANDLE,)),
    "oniStreamSetProperty": (_INT, (_HANDLE, _INT, ctypes.c_void_p, _INT)),
    "oniStreamGetProperty": (_INT, (_HANDLE, _INT, ctypes.c_void_p, _INT_OUT)),
    "oniStreamIsPropertySupported": (_INT, (_HANDLE, _INT)),
    "oniWaitForAnyStream": (_INT, (_HANDLE_OUT, _INT, _INT_OUT, _INT)),
    "oniStreamReadFrame": (_INT, (_HANDLE, _FRAME_OUT)),
    "oniFrameRelease": (None, (ctypes.POINTER(OniFrame),)),
}


@cache
def load_library(name: str) -> Any:
    """Return the library, initialised, with its functions typed; DriverError naming the package where it is not there.

    It stays so until the process ends: shutting version 2.2 down has been seen to crash it.
    """
    try:
        library = ctypes.CDLL(name)
        for function, (result, arguments) in _SIGNATURES.items():
            entry = getattr(library, function)
            entry.restype, entry.argtypes = result, arguments
    except (OSError, AttributeError) as exc:
        raise DriverError(
            f"driver 'openni2' needs OpenNI's library ({exc}): apt install libopenni2-0, or name the one that came with"
            " the camera by 'library'"
        ) from exc
    status = library.oniInitialize(API_VERSION)
    if status != Status.OK:
        raise DriverError(f"{name}: cannot be initialised ({why(library, status)}); is it OpenNI 2.2 or later?")
    return library


def why(library: Any, status: int) -> str:
    """Return the library's own words for its last error."""
    said = (library.oniGetExtendedError() or b"").decode("utf-8", "replace")
    return " ".join(said.split()) or f"status {status}"
