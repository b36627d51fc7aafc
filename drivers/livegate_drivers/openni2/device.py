"""An OpenNI2 device that streams, read for all cameras that use it."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from livegate.errors import DeviceLost, DeviceTimeout, DriverError, PictureError
from livegate.types import Frame, Intrinsics, Role
from livegate_drivers.device_clock import DeviceClock
from livegate_drivers.openni2 import pictures
from livegate_drivers.openni2.finding import found, open_found, text_property
from livegate_drivers.openni2.library import (
    OniFrame,
    Property,
    Sensor,
    Status,
    VideoMode,
    load_library,
    why,
)

SENSORS = {Role.RGB: Sensor.COLOR, Role.NIR: Sensor.IR, Role.DEPTH: Sensor.DEPTH}


@dataclass(frozen=True, slots=True)
class Which:
    """Which device, of which library; what all cameras of one device give alike."""

    library: str
    uri: str | None
    serial: str | None
    registered: bool

    @property
    def name(self) -> str:
        """What error messages call it."""
        return f"OpenNI2 device {self.uri or self.serial or ''}".strip()


@dataclass(frozen=True, slots=True)
class Want:
    """One stream in one mode; ``bits`` of an infrared pixel are significant."""

    role: Role
    width: int
    height: int
    fps: int
    bits: int


@dataclass(frozen=True, slots=True)
class _Stream:
    handle: ctypes.c_void_p
    want: Want
    optics: Intrinsics | None


class OpenNi2Device:
    """A device with its streams started; frames are copied out at once, numbered by the device."""

    def __init__(self, which: Which, wants: frozenset[Want]) -> None:
        """Open and start; raise DriverError naming device and remedy."""
        self._name = which.name
        self._oni = load_library(which.library)
        self._device: ctypes.c_void_p | None = None
        self._streams: list[_Stream] = []
        self._clock = DeviceClock()
        try:
            self._device, self._uri = open_found(self._oni, which.uri, which.serial, self._name)
            self._serial = text_property(self._oni, self._device, Property.SERIAL_NUMBER)
            self._listed = self._uri in found(self._oni)
            self._register(which.registered)
            for want in sorted(wants, key=lambda want: want.role):
                self._streams.append(self._stream(want))
            for stream in self._streams:
                self._check(
                    self._oni.oniStreamStart(stream.handle),
                    f"the {stream.want.role} stream does not start; some devices cannot give infrared beside colour",
                )
        except DriverError:
            self.close()
            raise

    def read(self, timeout_s: float) -> Mapping[Want, Frame | PictureError]:
        """Return the next frame of a stream that has one within ``timeout_s``; errors as Camera.read."""
        handles = (ctypes.c_void_p * len(self._streams))(*(stream.handle for stream in self._streams))
        index = ctypes.c_int(-1)
        timeout_ms = max(0, round(timeout_s * 1000))
        status = self._oni.oniWaitForAnyStream(handles, len(handles), ctypes.byref(index), timeout_ms)
        if status == Status.TIME_OUT:
            if self._listed and self._uri not in found(self._oni):
                raise DeviceLost(f"{self._name}: was unplugged")
            raise DeviceTimeout(f"{self._name}: no frame within {timeout_s:g} s")
        if status != Status.OK or not 0 <= index.value < len(self._streams):
            raise DeviceLost(f"{self._name}: {why(self._oni, status)}")
        stream = self._streams[index.value]
        try:
            return {stream.want: self._frame(stream)}
        except PictureError as exc:
            return {stream.want: PictureError(f"{self._name}: {exc}")}

    def close(self) -> None:
        """Stop all streams and let go of the device; closing twice is harmless."""
        streams, self._streams = self._streams, []
        for stream in streams:
            self._oni.oniStreamStop(stream.handle)
            self._oni.oniStreamDestroy(stream.handle)
        if self._device is not None:
            self._oni.oniDeviceClose(self._device)
            self._device = None

    def _frame(self, stream: _Stream) -> Frame:
        pointer = ctypes.POINTER(OniFrame)()
        status = self._oni.oniStreamReadFrame(stream.handle, ctypes.byref(pointer))
        if status != Status.OK or not pointer:
            raise DeviceLost(f"{self._name}: {why(self._oni, status)}")
        arrived_ns = time.monotonic_ns()
        try:
            raw, want = pointer.contents, stream.want
            captured_ns = self._clock.captured_ns(want, raw.timestamp_us * 1000, arrived_ns)
            image = pictures.picture(raw, want.role, want.bits)
            return Frame(want.role, image, captured_ns, raw.index, stream.optics, self._serial)
        finally:
            self._oni.oniFrameRelease(pointer)

    def _stream(self, want: Want) -> _Stream:
        sensor = SENSORS[want.role]
        info = self._oni.oniDeviceGetSensorInfo(self._device, sensor)
        modes = [info.contents.modes[index] for index in range(info.contents.count)] if info else []
        mode = self._mode(want, modes)
        handle = ctypes.c_void_p()
        self._check(
            self._oni.oniDeviceCreateStream(self._device, sensor, ctypes.byref(handle)),
            f"there is no {want.role} stream to be had",
        )
        stream = _Stream(handle, want, None)
        try:
            if not self._has(handle, mode):
                self._put(handle, Property.VIDEO_MODE, mode, f"the {want.role} stream refuses its mode")
            # A mirrored face is another face's, and no calibration fits it.
            if self._oni.oniStreamIsPropertySupported(handle, Property.MIRRORING):
                self._put(handle, Property.MIRRORING, ctypes.c_int(0), f"the {want.role} stream stays mirrored")
        except DriverError:
            self._oni.oniStreamDestroy(handle)
            raise
        angles = [self._angle(handle, which) for which in (Property.HORIZONTAL_FOV, Property.VERTICAL_FOV)]
        return _Stream(stream.handle, want, pictures.intrinsics(angles[0], angles[1], want.width, want.height))

    def _mode(self, want: Want, modes: list[Any]) -> VideoMode:
        """Return the mode whose format needs the least to be done; raise DriverError naming those there are."""
        order = pictures.FORMATS[want.role]
        usable = [mode for mode in modes if mode.format in order]
        fitting = [m for m in usable if (m.width, m.height, m.fps) == (want.width, want.height, want.fps)]
        if fitting:
            best = min(fitting, key=lambda mode: order.index(mode.format))
            return VideoMode(best.format, best.width, best.height, best.fps)
        told = sorted({f"{mode.width}x{mode.height}@{mode.fps}" for mode in usable})
        raise DriverError(
            f"{self._name}: {want.role} does not come as {want.width}x{want.height}@{want.fps};"
            f" it does as {', '.join(told) or 'nothing this driver reads'}"
        )

    def _register(self, wanted: bool) -> None:
        """Switch the device's own registration of depth onto colour on or off."""
        if self._oni.oniDeviceIsImageRegistrationModeSupported(self._device, 1):
            value = ctypes.c_int(wanted)
            size = ctypes.sizeof(value)
            status = self._oni.oniDeviceSetProperty(
                self._device, Property.IMAGE_REGISTRATION, ctypes.byref(value), size
            )
            self._check(status, "its registration cannot be set")
        elif wanted:
            raise DriverError(
                f"{self._name}: cannot lay depth on colour by itself; set registered = false and calibrate"
            )

    def _put(self, handle: ctypes.c_void_p, which: Property, value: Any, failing: str) -> None:
        status = self._oni.oniStreamSetProperty(handle, which, ctypes.byref(value), ctypes.sizeof(value))
        self._check(status, failing)

    def _has(self, handle: ctypes.c_void_p, mode: VideoMode) -> bool:
        """Return whether the stream has that mode already: one that has only one may refuse to be told."""
        now, size = VideoMode(), ctypes.c_int(ctypes.sizeof(VideoMode))
        status = self._oni.oniStreamGetProperty(handle, Property.VIDEO_MODE, ctypes.byref(now), ctypes.byref(size))
        return status == Status.OK and bytes(now) == bytes(mode)

    def _angle(self, handle: ctypes.c_void_p, which: Property) -> float:
        value, size = ctypes.c_float(0), ctypes.c_int(4)
        status = self._oni.oniStreamGetProperty(handle, which, ctypes.byref(value), ctypes.byref(size))
        return value.value if status == Status.OK else 0.0

    def _check(self, status: int, failing: str) -> None:
        if status != Status.OK:
            raise DriverError(f"{self._name}: {failing} ({why(self._oni, status)}); plug it in again, or try NiViewer2")
