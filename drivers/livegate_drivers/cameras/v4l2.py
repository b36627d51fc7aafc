"""A V4L2 camera (USB webcam, UVC infrared or depth node, CSI camera with a V4L2 node), read by the kernel's interface.

Pictures are dated by the kernel at their capture and numbered by it, so that drops show. Exposure can be set where the
device has ``exposure_time_absolute``; a camera on the USB can be reset.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, Self

from livegate.capture.controls import ExposureRange
from livegate.errors import DeviceLost, DriverError, PictureError
from livegate.options import Between
from livegate.types import Frame, Role
from livegate_drivers.v4l2.agreement import Layout
from livegate_drivers.v4l2.controls import set_all
from livegate_drivers.v4l2.exposure import Exposure
from livegate_drivers.v4l2.modes import Mode
from livegate_drivers.v4l2.node import Node
from livegate_drivers.v4l2.pixels import Meaning, check_role, decode
from livegate_drivers.v4l2.stream import Dated, Stream
from livegate_drivers.v4l2.usb import Roots, UsbDevice, reset, usb_device


class Fourcc(enum.StrEnum):
    """Pixel formats the driver reads; the last character of Y16, Z16, Y10, Y12 is a blank to the kernel."""

    MJPG = "MJPG"
    YUYV = "YUYV"
    UYVY = "UYVY"
    NV12 = "NV12"
    GREY = "GREY"
    Y10 = "Y10"
    Y12 = "Y12"
    Y16 = "Y16"
    Z16 = "Z16"


@dataclass(frozen=True, slots=True)
class Options:
    """The device, and the mode it must give; one that gives another mode is refused, never silently used.

    ``serial`` refuses any other device than this. ``controls`` are set by the names of ``v4l2-ctl --list-ctrls``
    whenever the device is opened. ``unit_mm`` is what one step of a depth picture means; ``bits`` how many bits of a
    Y16 picture of role nir are used.
    """

    device: Path = Path("/dev/video0")
    width: Annotated[int, Between(16, 8192)] = 640
    height: Annotated[int, Between(16, 8192)] = 480
    fps: Annotated[int, Between(1, 240)] = 30
    fourcc: Fourcc = Fourcc.MJPG
    serial: str | None = None
    controls: Mapping[str, Any] = field(default_factory=dict)
    unit_mm: Annotated[float, Between(0.001, 100)] = 1.0
    bits: Annotated[int, Between(8, 16)] = 16
    dated: Dated = Dated.KERNEL


@dataclass(frozen=True, slots=True)
class _Opened:
    """What is known of the device while it streams."""

    layout: Layout
    identity: str
    exposure: Exposure


class V4l2Camera:
    """One V4L2 device as rgb, rgb_right, nir or depth; ``roots`` is for tests."""

    def __init__(self, options: Options, role: Role, roots: Roots | None = None) -> None:
        check_role(role, options.fourcc, str(options.device))
        self.role = role
        self._options = options
        self._roots = roots or Roots()
        self._meaning = Meaning(options.bits, options.unit_mm)
        mode = Mode(options.fourcc, options.width, options.height, options.fps)
        self._stream = Stream(options.device, mode, options.dated)
        self._opened: _Opened | None = None
        # Kept when the camera is gone: a reset may be what brings it back.
        self._usb: UsbDevice | None = None

    def __enter__(self) -> Self:
        """Open the device, check which it is, set its mode and controls, and let it stream; waits for no frame."""
        try:
            layout = self._stream.open()
            identity = self._identified(self._stream.node)
            set_all(self._stream.node, self._options.controls)
            exposure = Exposure(self._stream.node, 1e6 / (layout.fps or self._options.fps))
            exposure.begin(self._options.controls)
            self._stream.start()
        except DriverError:
            self._stream.close()
            raise
        self._opened = _Opened(layout, identity, exposure)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Put an exposure that was set back as it was, and close the device."""
        if self._opened is not None:
            with suppress(DeviceLost):
                self._opened.exposure.restore()
        self._opened = None
        self._stream.close()

    def read(self, timeout_s: float) -> Frame:
        """Return the newest frame; DeviceTimeout, DeviceLost and PictureError as the protocol says."""
        opened, raw = self._open_device(), self._stream.read(timeout_s)
        image = decode(raw.data, opened.layout, self.role, self._meaning)
        if image is None:
            raise PictureError(f"{self._options.device}: frame {raw.sequence} is damaged ({raw.data.size} bytes)")
        return Frame(
            self.role,
            image,
            raw.captured_ns,
            raw.sequence,
            device=opened.identity,
            exposure_us=opened.exposure.of(raw.captured_ns),
        )

    def exposure_range(self) -> ExposureRange | None:
        """Return what can be set, None for a device without an exposure time or one that refused it."""
        return self._open_device().exposure.range()

    def expose(self, exposure_us: float, gain: float) -> None:
        """Set exposure and gain, automatic exposure off, until ``automatic`` or the camera is closed."""
        self._open_device().exposure.set(exposure_us, gain)

    def automatic(self) -> None:
        """Put exposure and gain back as they were when the camera was opened, to its own control as a rule."""
        self._open_device().exposure.restore()

    def reset(self) -> None:
        """Reset the device on its USB port; raise DriverError for one that is on none, or may not be reset."""
        device = usb_device(self._options.device, self._roots) or self._usb
        reset(self._options.device, device, self._roots)

    def _identified(self, node: Node) -> str:
        """Return what tells this device from others; raise DriverError when it is not the one configured."""
        self._usb = usb_device(node.path, self._roots) or self._usb
        serial = self._usb.serial if self._usb is not None else None
        identity = serial or f"{node.card} {node.bus_info}".strip()
        if self._options.serial not in (None, identity):
            raise DriverError(
                f"{node.path}: is '{identity}', not '{self._options.serial}'; plug the right camera in, or correct"
                " 'device' or 'serial'"
            )
        return identity

    def _open_device(self) -> _Opened:
        if self._opened is None:
            raise DeviceLost(f"{self._options.device}: the camera is closed; enter it first")
        return self._opened


def open_camera(options: Options, role: Role) -> V4l2Camera:
    """Return the camera at ``options.device``; raise DriverError where its format cannot be the role's."""
    return V4l2Camera(options, role)
