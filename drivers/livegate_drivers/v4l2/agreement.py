"""Agree with a device on a mode: it gives what was asked for, or is refused with what it has."""

from __future__ import annotations

import errno
from dataclasses import dataclass

from livegate.errors import DriverError
from livegate_drivers.ioctl import call
from livegate_drivers.v4l2 import uapi
from livegate_drivers.v4l2.modes import Mode, told
from livegate_drivers.v4l2.node import Node, explained, fourcc_name, fourcc_number

# Cameras round their rates; one that is a tenth off gives something else.
RATE_TOLERANCE = 0.1
# What drivers answer that have no such request, or one pace only.
UNTOLD = frozenset({errno.ENOTTY, errno.EINVAL, errno.ENOSYS})


@dataclass(frozen=True, slots=True)
class Packing:
    """How a format fills memory: bytes a pixel in a line, 0 where it is compressed, and lines for a line's height."""

    pixel_bytes: int
    lines: float = 1


PACKINGS = {
    "MJPG": Packing(0),
    "YUYV": Packing(2),
    "UYVY": Packing(2),
    "NV12": Packing(1, lines=1.5),
    "GREY": Packing(1),
    "Y10": Packing(2),
    "Y12": Packing(2),
    "Y16": Packing(2),
    "Z16": Packing(2),
}


@dataclass(frozen=True, slots=True)
class Layout:
    """How each picture of an agreed stream lies in its bytes: ``lines`` of ``line_bytes``, ``used_bytes`` of each used.

    All three are 0 for a compressed format. ``fps`` is the agreed pace, None where the device does not tell.
    """

    fourcc: str
    width: int
    height: int
    lines: int
    line_bytes: int
    used_bytes: int
    fps: float | None

    @property
    def least_bytes(self) -> int:
        """How many bytes a whole picture has at least; 0 where it is compressed."""
        return self.line_bytes * (self.lines - 1) + self.used_bytes if self.lines else 0


def agree(node: Node, mode: Mode) -> Layout:
    """Set the device's format and pace; raise DriverError when it takes another, and where its lines are a lie."""
    asked = uapi.Format(type=uapi.TYPE_VIDEO_CAPTURE)
    pix = asked.fmt.pix
    pix.width, pix.height, pix.field = mode.width, mode.height, uapi.FIELD_NONE
    pix.pixelformat = fourcc_number(mode.fourcc)
    try:
        call(node.handle, uapi.S_FMT, asked)
    except OSError as exc:
        if exc.errno == errno.EINVAL:
            raise DriverError(f"{node.path}: cannot give {mode}; {told(node, mode)}; choose a mode it has") from exc
        with explained(node.path, "setting its format"):
            raise
    fps = _pace(node, mode.fps)
    given = Mode(fourcc_name(pix.pixelformat), pix.width, pix.height, fps or mode.fps)
    same = (given.fourcc, given.width, given.height) == (mode.fourcc, mode.width, mode.height)
    if not same or abs(given.fps - mode.fps) > RATE_TOLERANCE * mode.fps:
        raise DriverError(f"{node.path}: gives {given} instead of {mode}; {told(node, mode)}; choose a mode it has")
    return _layout(node, given, pix.bytesperline, fps)


def _pace(node: Node, fps: float) -> float | None:
    """Ask for a pace and return the one taken, None for a device that has nothing to say about it."""
    asked = uapi.StreamParameters(type=uapi.TYPE_VIDEO_CAPTURE, numerator=1000, denominator=round(1000 * fps))
    try:
        call(node.handle, uapi.S_PARM, asked)
    except OSError as exc:
        if exc.errno in UNTOLD:
            return None
        with explained(node.path, "setting its pace"):
            raise
    return asked.denominator / asked.numerator if asked.numerator and asked.denominator else None


def _layout(node: Node, given: Mode, line_bytes: int, fps: float | None) -> Layout:
    packing = PACKINGS[given.fourcc]
    used = given.width * packing.pixel_bytes
    if not used:
        return Layout(given.fourcc, given.width, given.height, 0, 0, 0, fps)
    # Some drivers leave it to us to know.
    line_bytes = line_bytes or used
    if line_bytes < used:
        raise DriverError(
            f"{node.path}: says its lines have {line_bytes} bytes where {given.width} pixels of {given.fourcc} have"
            f" {used}; its kernel driver is faulty: choose another mode or camera"
        )
    return Layout(given.fourcc, given.width, given.height, int(given.height * packing.lines), line_bytes, used, fps)
