"""The picture in one of OpenNI's frames, as its role needs it; always a copy."""

from __future__ import annotations

import ctypes
import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.errors import PictureError
from livegate.types import Intrinsics, Role
from livegate_drivers.jpeg import jpeg_size
from livegate_drivers.openni2.library import Format, OniFrame
from livegate_drivers.pixels import as_role, eight_bits, in_mm

# In order of preference.
FORMATS = {
    Role.RGB: (Format.RGB888, Format.YUYV, Format.YUV422, Format.JPEG),
    Role.NIR: (Format.GRAY8, Format.GRAY16, Format.RGB888),
    Role.DEPTH: (Format.DEPTH_1_MM, Format.DEPTH_100_UM),
}
BYTES = {
    Format.RGB888: 3,
    Format.YUYV: 2,
    Format.YUV422: 2,
    Format.GRAY8: 1,
    Format.GRAY16: 2,
    Format.DEPTH_1_MM: 2,
    Format.DEPTH_100_UM: 2,
}
_CODES = {
    Format.RGB888: cv2.COLOR_RGB2BGR,
    Format.YUYV: cv2.COLOR_YUV2BGR_YUY2,
    Format.YUV422: cv2.COLOR_YUV2BGR_UYVY,
}


def picture(frame: OniFrame, role: Role, bits: int) -> NDArray[Any]:
    """Return rgb (H, W, 3) uint8 B, G, R; nir (H, W) uint8; depth (H, W) uint16 in millimetres, 0 for no return.

    ``bits`` of an infrared pixel of 16 are significant; the lower ones are dropped. Raise PictureError for a frame that
    does not hold what its mode says.
    """
    if frame.mode.format not in FORMATS[role]:
        raise PictureError(f"a {role} frame came in format {frame.mode.format}, which is none of its own")
    if frame.mode.format == Format.JPEG:
        return as_role(_jpeg(frame), role)
    kind = Format(frame.mode.format)
    data = _lines(frame, BYTES[kind])
    if kind is Format.DEPTH_1_MM:
        return np.array(data.view("<u2"))
    if kind is Format.DEPTH_100_UM:
        return in_mm(data.view("<u2"), 0.1)
    if kind is Format.GRAY16:
        return eight_bits(data.view("<u2"), bits)
    if kind is Format.GRAY8:
        return data.copy()
    channels = data.reshape(frame.height, frame.width, BYTES[kind])
    return as_role(np.asarray(cv2.cvtColor(channels, _CODES[kind])), role)


def intrinsics(horizontal: float, vertical: float, width: int, height: int) -> Intrinsics | None:
    """Return the optics of a picture with these angles of view in radians, its axis in the middle; None for none."""
    if not (0 < horizontal < math.pi and 0 < vertical < math.pi):
        return None
    fx, fy = (size / 2 / math.tan(angle / 2) for size, angle in ((width, horizontal), (height, vertical)))
    return Intrinsics(fx, fy, (width - 1) / 2, (height - 1) / 2, width, height)


def _bytes(frame: OniFrame, count: int) -> NDArray[np.uint8]:
    if not frame.data or not 0 < count <= frame.size:
        raise PictureError(f"a frame of {frame.size} bytes is no {frame.width}x{frame.height} picture")
    return np.ctypeslib.as_array(ctypes.cast(frame.data, ctypes.POINTER(ctypes.c_uint8)), (count,))


def _lines(frame: OniFrame, pixel_bytes: int) -> NDArray[np.uint8]:
    """Return the (lines, used bytes) of a picture without the padding behind each line."""
    used = frame.width * pixel_bytes
    if frame.stride < used or min(frame.width, frame.height) < 1:
        raise PictureError(f"a frame whose lines have {frame.stride} bytes is no {frame.width} pixels wide picture")
    # The last line's padding need not be there.
    held = _bytes(frame, (frame.height - 1) * frame.stride + used)
    return np.ascontiguousarray(np.lib.stride_tricks.as_strided(held, (frame.height, used), (frame.stride, 1)))


def _jpeg(frame: OniFrame) -> NDArray[np.uint8]:
    data = _bytes(frame, frame.size).copy()
    # Asked before it is decoded: a head may promise gigabytes.
    whole = jpeg_size(data.tobytes()) == (frame.width, frame.height)
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION) if whole else None
    except cv2.error:
        image = None
    if image is None or image.shape[:2] != (frame.height, frame.width):
        raise PictureError("a JPEG frame is damaged")
    return np.asarray(image, np.uint8)
