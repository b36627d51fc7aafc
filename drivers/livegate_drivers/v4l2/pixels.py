"""Turn a device's bytes into a picture of its role."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.errors import DriverError
from livegate.types import Role
from livegate_drivers.jpeg import jpeg_size
from livegate_drivers.pixels import as_role, eight_bits, in_mm
from livegate_drivers.v4l2.agreement import Layout

# Significant bits of the formats that say so by their name.
BITS = {"Y10": 10, "Y12": 12}
COLOUR = ("MJPG", "YUYV", "UYVY", "NV12", "GREY")
GIVES = {
    Role.RGB: COLOUR,
    Role.RGB_RIGHT: COLOUR,
    Role.NIR: ("GREY", "Y10", "Y12", "Y16", "YUYV", "UYVY", "NV12", "MJPG"),
    Role.DEPTH: ("Z16", "Y16"),
}


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the numbers of a picture mean: significant ``bits`` of a Y16 pixel, millimetres in a unit of depth."""

    bits: int = 16
    unit_mm: float = 1.0


def check_role(role: Role, fourcc: str, place: str) -> None:
    """Raise DriverError where pictures of this format cannot be ``role``'s."""
    if fourcc not in GIVES[role]:
        raise DriverError(
            f"{place}: '{fourcc}' is no format for role {role}; choose 'fourcc' from {', '.join(GIVES[role])}"
        )


def decode(data: NDArray[np.uint8], layout: Layout, role: Role, meaning: Meaning) -> NDArray[Any] | None:
    """Return the picture in ``data`` (N,) as ``role``'s Frame.image, None where it is damaged.

    nir of 10, 12 or 16 bits loses the lower ones (:func:`eight_bits`); depth becomes millimetres (:func:`in_mm`).
    """
    try:
        if layout.fourcc == "MJPG":
            return _jpeg(data, layout, role)
        return None if data.size < layout.least_bytes else _plain(data, layout, role, meaning)
    except cv2.error:
        return None


def _plain(data: NDArray[np.uint8], layout: Layout, role: Role, meaning: Meaning) -> NDArray[Any]:
    lines = _lines(data, layout)
    if role is Role.DEPTH:
        return in_mm(lines.view("<u2"), meaning.unit_mm)
    if layout.fourcc in ("Y10", "Y12", "Y16"):
        return eight_bits(lines.view("<u2"), BITS.get(layout.fourcc, meaning.bits))
    return as_role(_eight_bit(lines, layout, role), role)


def _lines(data: NDArray[np.uint8], layout: Layout) -> NDArray[np.uint8]:
    """Return the (lines, used bytes) of a picture without the padding behind each line."""
    strides = (layout.line_bytes, 1)
    shape = (layout.lines, layout.used_bytes)
    return np.ascontiguousarray(np.lib.stride_tricks.as_strided(data, shape, strides))


def _eight_bit(lines: NDArray[np.uint8], layout: Layout, role: Role) -> NDArray[np.uint8]:
    """Return a grey or B, G, R picture of a format of 8 bits; nir takes the brightness as it is."""
    height, width = layout.height, layout.width
    grey = role is Role.NIR
    if layout.fourcc == "GREY":
        return lines
    if layout.fourcc == "NV12":
        return lines[:height] if grey else np.asarray(cv2.cvtColor(lines, cv2.COLOR_YUV2BGR_NV12))
    pairs = lines.reshape(height, width, 2)
    first = layout.fourcc == "YUYV"
    if grey:
        return np.ascontiguousarray(pairs[..., 0 if first else 1])
    return np.asarray(cv2.cvtColor(pairs, cv2.COLOR_YUV2BGR_YUY2 if first else cv2.COLOR_YUV2BGR_UYVY))


def _jpeg(data: NDArray[np.uint8], layout: Layout, role: Role) -> NDArray[np.uint8] | None:
    if jpeg_size(data.tobytes()) != (layout.width, layout.height):
        return None
    colour = cv2.IMREAD_GRAYSCALE if role is Role.NIR else cv2.IMREAD_COLOR
    # A camera's picture is not to be turned by what it says of its orientation.
    image = cv2.imdecode(data, colour | cv2.IMREAD_IGNORE_ORIENTATION)
    if image is None or image.shape[:2] != (layout.height, layout.width):
        return None
    return np.asarray(image)
