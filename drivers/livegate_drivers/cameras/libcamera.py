"""A Raspberry Pi's CSI camera through rpicam-vid, libcamera's own program, in a process of its own.

For where picamera2, which belongs to the system's Python, cannot be imported; driver ``picamera2`` dates frames better.
Frames are dated when their first bytes arrive.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from types import TracebackType
from typing import Annotated, Self

from livegate.errors import DriverError
from livegate.options import Between
from livegate.types import Frame, Role
from livegate_drivers.piped.planes import from_yuv420
from livegate_drivers.piped.process import FramePipe

# Until Raspberry Pi OS bookworm they were called libcamera-vid.
_PROGRAMS = ("rpicam-vid", "libcamera-vid")
# rpicam-vid writes rows as they lie in memory, which are multiples of this wide.
_ALIGNMENT = 64
_REMEDY = (
    "install rpicam-apps, and see whether 'rpicam-hello --list-cameras' lists the camera; no other program may use it"
)


@dataclass(frozen=True, slots=True)
class Options:
    """Which of the board's cameras, the mode, and what else rpicam-vid shall be told (``arguments``).

    ``width`` must be a multiple of 64. ``exposure_us`` and ``gain`` of 0 leave exposure to the camera.
    """

    camera: Annotated[int, Between(0, 15)] = 0
    width: Annotated[int, Between(64, 8192)] = 640
    height: Annotated[int, Between(16, 8192)] = 480
    fps: Annotated[int, Between(1, 240)] = 30
    exposure_us: Annotated[int, Between(0, 1_000_000)] = 0
    gain: Annotated[float, Between(0, 64)] = 0.0
    arguments: tuple[str, ...] = ()
    start_timeout_s: Annotated[float, Between(0.5, 60)] = 10.0
    program: str = ""


class LibcameraCamera:
    """One CSI camera as rgb, rgb_right or (one without an infrared filter) nir."""

    def __init__(self, options: Options, role: Role) -> None:
        if role is Role.DEPTH:
            raise DriverError("driver 'libcamera' gives 8-bit pictures, no depth; choose another driver for the role")
        if options.width % _ALIGNMENT or options.height % 2:
            raise DriverError(
                f"driver 'libcamera': {options.width}x{options.height}: expected a width that is a multiple of"
                f" {_ALIGNMENT} and an even height, such as 640x480"
            )
        self.role = role
        self._options = options
        self._sequence = 0
        size = options.width * options.height * 3 // 2
        self._pipe = FramePipe(_command(options), size, f"csi camera {options.camera}")

    def __enter__(self) -> Self:
        """Start the program and wait for its first bytes; DriverError with its own words when none come."""
        self._pipe.start(self._options.start_timeout_s, _REMEDY)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the program."""
        self._pipe.stop()

    def read(self, timeout_s: float) -> Frame:
        """Return the next frame; DeviceTimeout, DeviceLost when the program has ended."""
        data, arrived_ns = self._pipe.read(timeout_s)
        self._sequence += 1
        image = from_yuv420(data, self._options.width, self._options.height, self.role)
        device, exposure_us = f"csi-{self._options.camera}", float(self._options.exposure_us) or None
        return Frame(self.role, image, arrived_ns, self._sequence - 1, device=device, exposure_us=exposure_us)


def open_camera(options: Options, role: Role) -> LibcameraCamera:
    """Return CSI camera ``options.camera``; raise DriverError for role depth or a size it cannot have."""
    return LibcameraCamera(options, role)


def _command(options: Options) -> tuple[str, ...]:
    program = options.program or next((name for name in _PROGRAMS if shutil.which(name)), _PROGRAMS[0])
    size = ("--width", str(options.width), "--height", str(options.height), "--framerate", str(options.fps))
    fixed = ("--shutter", str(options.exposure_us)) if options.exposure_us else ()
    gained = ("--gain", f"{options.gain:g}") if options.gain else ()
    whole = ("--camera", str(options.camera), "--timeout", "0", "--nopreview", "--verbose", "0", "--flush")
    return (program, *whole, "--codec", "yuv420", *size, *fixed, *gained, *options.arguments, "--output", "-")
