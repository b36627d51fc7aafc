"""Where a RealSense device comes from: the bus, or a recording of one."""

from __future__ import annotations

import time
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from livegate.errors import DriverError
from livegate_drivers.realsense.sdk import refused

# The SDK begins to look at the bus when it is asked; a camera that has just come back may take as long.
SEARCH_S = 1.0


class Source(Protocol):
    """Gives the SDK's device; several may be one source, which their ``key`` says."""

    @property
    def key(self) -> Hashable:
        """Equal for what is one device."""

    @property
    def name(self) -> str:
        """What error messages call it."""

    @property
    def live(self) -> bool:
        """Whether it can be set: a recording is as it was recorded."""

    def open(self, sdk: Any) -> Any:
        """Return the SDK's device; raise DriverError naming device and remedy where there is none."""

    def over(self, device: Any) -> str | None:
        """Return why that device will give no more frames, None while it may."""


@dataclass(frozen=True, slots=True)
class LiveSource:
    """A camera on the bus: the one with ``serial``, or the only one there is."""

    serial: str | None = None

    @property
    def key(self) -> Hashable:
        """The serial number asked for."""
        return ("realsense", self.serial)

    @property
    def name(self) -> str:
        """The serial number asked for, in words."""
        return f"RealSense camera {self.serial}" if self.serial else "RealSense camera"

    @property
    def live(self) -> bool:
        """It can be set."""
        return True

    def open(self, sdk: Any) -> Any:
        """Return the camera, having looked for it for a second."""
        give_up_s = time.monotonic() + SEARCH_S
        with refused(self.name):
            context = sdk.context()
            while not (found := self._found(sdk, context)) and time.monotonic() < give_up_s:
                time.sleep(0.1)
        if not found:
            raise DriverError(
                f"{self.name}: is not on the bus; plug it in (USB 3), check 'serial' (rs-enumerate-devices -s) and the"
                " udev rules that let this program's user open it"
            )
        if len(found) > 1:
            raise DriverError(f"{self.name}: there are several ({', '.join(sorted(found))}); name one with 'serial'")
        return next(iter(found.values()))

    def over(self, device: Any) -> str | None:
        """Return that it was unplugged, once it was."""
        return None if device.is_connected() else "the camera was unplugged"

    def _found(self, sdk: Any, context: Any) -> dict[str, Any]:
        devices = {device.get_info(sdk.camera_info.serial_number): device for device in context.query_devices()}
        return {serial: device for serial, device in devices.items() if self.serial in (None, serial)}


@dataclass(frozen=True, slots=True)
class RecordedSource:
    """A recording made by the vendor's tools (rs-record, RealSense Viewer), played at the pace it was taken."""

    path: Path

    @property
    def key(self) -> Hashable:
        """The file."""
        return ("realsense", self.path.resolve())

    @property
    def name(self) -> str:
        """The file."""
        return str(self.path)

    @property
    def live(self) -> bool:
        """It cannot be set."""
        return False

    def open(self, sdk: Any) -> Any:
        """Return the recorded camera, at the recording's beginning."""
        if not self.path.is_file():
            raise DriverError(f"{self.path}: the recording is not there; 'file' takes a .db3 of the RealSense SDK")
        try:
            device = sdk.context().load_device(str(self.path))
        except RuntimeError as exc:
            raise DriverError(
                f"{self.path}: is no recording of the RealSense SDK ({exc}); convert a .bag with rs-convert"
            ) from exc
        device.as_playback().set_real_time(True)
        return device

    def over(self, device: Any) -> str | None:
        """Return that it has ended, once it has."""
        stopped = device.as_playback().current_status().name == "stopped"
        return "the recording has ended" if stopped else None
