"""Turn the bytes that video programs write into pictures of a role."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.types import Role
from livegate_drivers.pixels import in_mm

# GStreamer begins every row of raw video at a multiple of so many bytes.
GST_ALIGNMENT = 4
GST_FORMATS = {Role.RGB: "BGR", Role.RGB_RIGHT: "BGR", Role.NIR: "GRAY8", Role.DEPTH: "GRAY16_LE"}
_PIXEL_BYTES = {Role.RGB: 3, Role.RGB_RIGHT: 3, Role.NIR: 1, Role.DEPTH: 2}


def gst_stride(width: int, role: Role) -> int:
    """Return how many bytes a row of GStreamer's raw video has in the format of ``role``."""
    return -(-width * _PIXEL_BYTES[role] // GST_ALIGNMENT) * GST_ALIGNMENT


def from_gst(data: bytes, width: int, height: int, role: Role, unit_mm: float) -> NDArray[Any]:
    """Return the picture in ``height`` rows of :func:`gst_stride` bytes; depth in mm, ``unit_mm`` a step of its values.

    (H, W, 3) uint8 B, G, R; nir (H, W) uint8; depth (H, W) uint16.
    """
    rows = np.frombuffer(data, np.uint8).reshape(height, gst_stride(width, role))
    pixels = rows[:, : width * _PIXEL_BYTES[role]]
    if role is Role.DEPTH:
        return in_mm(np.ascontiguousarray(pixels).view("<u2"), unit_mm)
    return np.ascontiguousarray(pixels if role is Role.NIR else pixels.reshape(height, width, 3))


def from_yuv420(data: bytes, width: int, height: int, role: Role) -> NDArray[Any]:
    """Return the picture in planar YUV 4:2:0 (I420) without padding: for nir its Y plane, else B, G, R."""
    planes = np.frombuffer(data, np.uint8).reshape(height * 3 // 2, width)
    if role is Role.NIR:
        return planes[:height]
    return np.asarray(cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_I420))
