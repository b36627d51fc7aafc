"""A Raspberry Pi's CSI camera through rpicam-vid, libcamera's own program, in a process of its own.

For where picamera2, which belongs to the system's Python, cannot be imported; driver ``picamera2`` dates frames better.
Frames are dated when their first bytes arrive.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import Annotated

from livegate.errors import DriverError
from livegate.options import Between
from livegate.types import Role
from livegate_drivers.piped.camera import PipedCamera, Start
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


def open_camera(options: Options, role: Role) -> PipedCamera:
    """Return CSI camera ``options.camera``, as nir one without an infrared filter.

    Raise DriverError for role depth or a size it cannot have.
    """
    width, height = options.width, options.height
    if role is Role.DEPTH:
        raise DriverError("driver 'libcamera' gives 8-bit pictures, no depth; choose another driver for the role")
    if width % _ALIGNMENT or height % 2:
        raise DriverError(
            f"driver 'libcamera': {width}x{height}: expected a width that is a multiple of {_ALIGNMENT} and an even"
            " height, such as 640x480"
        )
    return PipedCamera(
        role,
        FramePipe(_command(options), width * height * 3 // 2, f"csi camera {options.camera}"),
        Start(options.start_timeout_s, _REMEDY),
        lambda data: from_yuv420(data, width, height, role),
        device=f"csi-{options.camera}",
        exposure_us=float(options.exposure_us) or None,
    )


def _command(options: Options) -> tuple[str, ...]:
    program = options.program or next((name for name in _PROGRAMS if shutil.which(name)), _PROGRAMS[0])
    size = ("--width", str(options.width), "--height", str(options.height), "--framerate", str(options.fps))
    fixed = ("--shutter", str(options.exposure_us)) if options.exposure_us else ()
    gained = ("--gain", f"{options.gain:g}") if options.gain else ()
    whole = ("--camera", str(options.camera), "--timeout", "0", "--nopreview", "--verbose", "0", "--flush")
    return (program, *whole, "--codec", "yuv420", *size, *fixed, *gained, *options.arguments, "--output", "-")
