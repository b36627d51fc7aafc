"""A RealSense camera of the D400 series by the vendor's SDK (extra ``realsense``), or a recording of one.

Its colour, infrared and depth streams are roles of their own; the [[camera]] tables that name the same ``serial`` or
``file`` share one device. Depth and infrared come as the device sees them: a calibration file lays them on colour
(:func:`factory_calibration` tells what the maker measured). Frames carry the begin of their readout, mapped from the
device's clock, and the device's own numbers.

The projector's dots are how depth is measured, and they are in the infrared picture. ``emitter = "alternating"`` lights
every other frame: nir then comes with the dark picture before it as ``unlit``, and depth from lit frames only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, Self, cast

from livegate.capture.controls import ExposureRange
from livegate.errors import ConfigError, DriverError
from livegate.options import Between
from livegate.types import Frame, Role
from livegate_drivers.numbering import Numbering
from livegate_drivers.realsense import settings
from livegate_drivers.realsense.device import RealsenseDevice
from livegate_drivers.realsense.factory import stream_calibration
from livegate_drivers.realsense.pairs import Arrival
from livegate_drivers.realsense.pictures import exposure_us, intrinsics, picture
from livegate_drivers.realsense.sdk import gone, load_sdk, refused
from livegate_drivers.realsense.sources import LiveSource, RecordedSource, Source
from livegate_drivers.realsense.streams import FPS, HEIGHT, STREAMS, WIDTH, Emitter, Preset, Settings, Want, choose
from livegate_drivers.shared import Share


@dataclass(frozen=True, slots=True)
class Options:
    """The device and one of its streams; what concerns the whole device may stand in any of its tables.

    ``serial`` may be left out where there is one camera only; ``file`` plays a .db3 recording instead, set as it was
    recorded. Size and rate are 640x480 at 30, or what was recorded. ``infrared`` is 1 for the left, 2 for the right one
    of the pair. The laser's power is ``laser``, a share of its greatest, or ``laser_mw``. ``exposure_us`` and ``gain``
    (in the sensor's steps) end automatic exposure; depth and infrared are one sensor. ``lamp`` lets the terminal darken
    the laser now and then to compare lit and unlit infrared pictures.
    """

    serial: str | None = None
    file: Path | None = None
    width: Annotated[int, Between(16, 4096)] | None = None
    height: Annotated[int, Between(16, 4096)] | None = None
    fps: Annotated[int, Between(1, 300)] | None = None
    infrared: Annotated[int, Between(1, 2)] = 1
    preset: Preset | None = None
    emitter: Emitter | None = None
    laser: Annotated[float, Between(0, 1)] | None = None
    laser_mw: Annotated[float, Between(0, 10_000)] | None = None
    exposure_us: Annotated[float, Between(1, 1_000_000)] | None = None
    gain: Annotated[float, Between(0, 10_000)] | None = None
    lamp: bool = False


class RealsenseCamera:
    """One stream of a RealSense device; ``source`` is where the device comes from."""

    def __init__(self, want: Want, source: Source) -> None:
        self.role = want.role
        self._want = want
        self._source = source
        self._share: Share[Want, Arrival] = Share(source.key, want, partial(RealsenseDevice, source), source.name)
        self._numbering = Numbering()

    def __enter__(self) -> Self:
        """Open the device, or join the cameras that did; some seconds at most."""
        self._share.enter()
        self._numbering.restart()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the device, which is closed by the last."""
        self._share.leave()

    def read(self, timeout_s: float) -> Frame:
        """Return the newest frame; a recording's end is DeviceLost, and entering again plays it anew."""
        arrival = self._share.read(timeout_s)
        device = self._device()
        with gone(self._source.name):
            return Frame(
                self.role,
                picture(arrival.frame, self.role, self._source.name),
                arrival.captured_ns,
                self._numbering.number(arrival.number),
                intrinsics(arrival.frame),
                device.serial,
                exposure_us(device.sdk, arrival.frame, settings.exposure_unit_us(self._sensor(device))),
                picture(arrival.unlit, self.role, self._source.name)
                if arrival.unlit and self.role is Role.NIR
                else None,
            )

    def exposure_range(self) -> ExposureRange | None:
        """Return what can be set; nothing of a recording. Depth and infrared are one sensor and change together."""
        device = self._device()
        with gone(self._source.name):
            return settings.exposure_range(device.sdk, self._sensor(device)) if device.live else None

    def expose(self, exposure_us: float, gain: float) -> None:
        """Expose like this from one of the next frames on."""
        device = self._device()
        with gone(self._source.name):
            if device.live:
                settings.expose(device.sdk, self._sensor(device), exposure_us, gain)

    def automatic(self) -> None:
        """Hand exposure and gain back to the sensor."""
        device = self._device()
        with gone(self._source.name):
            if device.live:
                settings.expose_by_itself(device.sdk, self._sensor(device))

    def reset(self) -> None:
        """Take the device off the bus and put it on again; DriverError while another camera still uses it."""
        if self._share.in_use:
            raise DriverError(f"{self._source.name}: is used by another camera; it is reset once nobody does")
        if not self._source.live:
            raise DriverError(f"{self._source.name}: a recording cannot be reset")
        with refused(self._source.name):
            self._source.open(load_sdk()).hardware_reset()

    def _device(self) -> RealsenseDevice:
        # What the share's opener opened.
        return cast(RealsenseDevice, self._share.device)

    def _sensor(self, device: RealsenseDevice) -> Any:
        return device.chosen[self._want].sensor


class RealsenseLamp(RealsenseCamera):
    """The infrared camera of a device whose laser may be darkened for a moment."""

    def shine(self, level: float) -> None:
        """Set the laser to a share of the power it was configured to; a recording has the light it was taken in."""
        device = self._device()
        with gone(self._source.name):
            if device.live:
                settings.shine(device.sdk, self._sensor(device), level, device.full_power)


def open_camera(options: Options, role: Role) -> RealsenseCamera:
    """Return the camera of one stream; ConfigError for options that exclude each other, DriverError for rgb_right."""
    source = _source(options)
    if role is Role.RGB_RIGHT:
        raise DriverError(
            f"{source.name}: has no second colour camera, and its depth is what its infrared pair sees; leave rgb_right"
            " to another camera"
        )
    if options.lamp and (role is not Role.NIR or options.emitter not in (None, Emitter.ON)):
        raise ConfigError(f"{source.name}: 'lamp' is for role nir, and for no other 'emitter' than 'on'")
    if options.laser is not None and options.laser_mw is not None:
        raise ConfigError(f"{source.name}: give 'laser' or 'laser_mw', not both")
    kind = RealsenseLamp if options.lamp else RealsenseCamera
    return kind(want_of(options, role), source)


def want_of(options: Options, role: Role) -> Want:
    """Return the stream that ``options`` ask for in ``role``."""
    emitter = Emitter.ON if options.lamp else options.emitter
    own = Settings(options.preset, emitter, options.laser, options.laser_mw, options.exposure_us, options.gain)
    want = Want(role, options.infrared, options.width, options.height, options.fps, own)
    if options.file is not None:
        return want
    size = (options.width or WIDTH, options.height or HEIGHT, options.fps or FPS)
    return replace(want, width=size[0], height=size[1], fps=size[2])


def factory_calibration(options: Options, source: Source | None = None) -> dict[str, dict[str, Any]]:
    """Return what the maker measured of the device in the size ``options`` ask for, without streaming.

    The tables rgb, nir and depth of a calibration file: device, width, height, fx, fy, cx, cy, distortion (OpenCV's k1,
    k2, p1, p2, k3), rotation (row by row) and translation_mm to rgb. Raise DriverError where there is no such device,
    or it lacks one of the streams in this size.
    """
    source = source or _source(options)
    sdk = load_sdk()
    device = source.open(sdk)
    with refused(source.name):
        serial = device.get_info(sdk.camera_info.serial_number)
        profiles = {role: choose(device, want_of(options, role), source.name).profile for role in STREAMS}
        return {
            str(role): stream_calibration(sdk, serial, profile, profiles[Role.RGB])
            for role, profile in profiles.items()
        }


def _source(options: Options) -> Source:
    if options.file is not None and options.serial is not None:
        raise ConfigError(f"{options.file}: give 'serial' or 'file', not both")
    return LiveSource(options.serial) if options.file is None else RecordedSource(options.file)
