"""A structured-light or time-of-flight camera that OpenNI2 knows (PrimeSense, Xtion, Orbbec, PS1080 and PSLink).

Its depth, infrared and colour streams are roles of their own; the [[camera]] tables that name the same device share it.
Frames are dated by the device's clock, mapped to ours, and numbered by the device. OpenNI tells angles of view instead
of a calibration, so intrinsics are the maker's nominal ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from types import TracebackType
from typing import Annotated, Self

from livegate.errors import DriverError
from livegate.options import Between
from livegate.types import Frame, Role
from livegate_drivers.numbering import Numbering
from livegate_drivers.openni2.device import SENSORS, OpenNi2Device, Want, Which
from livegate_drivers.shared import Share


@dataclass(frozen=True, slots=True)
class Options:
    """The device, alike in all its tables, and the mode of one of its streams.

    The only device there is needs neither ``serial`` nor ``uri``. ``library`` is for cameras that come with an OpenNI
    of their own. ``registered`` lets the device lay depth on colour; else a calibration file does. ``bits`` of an
    infrared pixel of 16 are significant.
    """

    serial: str | None = None
    uri: str | None = None
    library: str = "libOpenNI2.so.0"
    registered: bool = False
    width: Annotated[int, Between(16, 4096)] = 640
    height: Annotated[int, Between(16, 4096)] = 480
    fps: Annotated[int, Between(1, 240)] = 30
    bits: Annotated[int, Between(8, 16)] = 10


class OpenNi2Camera:
    """One stream of an OpenNI2 device."""

    def __init__(self, options: Options, role: Role) -> None:
        self.role = role
        which = Which(options.library, options.uri, options.serial, options.registered)
        want = Want(role, options.width, options.height, options.fps, options.bits)
        self._share: Share[Want, Frame] = Share(("openni2", which), want, partial(OpenNi2Device, which), which.name)
        self._numbering = Numbering()

    def __enter__(self) -> Self:
        """Open the device, or join the cameras that did; DriverError naming what is missing."""
        self._share.enter()
        self._numbering.restart()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the device, which is closed by the last."""
        self._share.leave()

    def read(self, timeout_s: float) -> Frame:
        """Return the newest frame; DeviceTimeout, DeviceLost and PictureError as the protocol says."""
        frame = self._share.read(timeout_s)
        return replace(frame, sequence=self._numbering.number(frame.sequence))


def open_camera(options: Options, role: Role) -> OpenNi2Camera:
    """Return the camera of one stream; DriverError for rgb_right, which no such device has."""
    if role not in SENSORS:
        raise DriverError(f"driver 'openni2' gives {', '.join(SENSORS)}, no {role}; leave it to another camera")
    return OpenNi2Camera(options, role)
