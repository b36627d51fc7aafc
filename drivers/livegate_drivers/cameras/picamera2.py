"""A Raspberry Pi's CSI camera through picamera2, which Raspberry Pi OS installs for the system's own Python.

Where this Python is another one, driver ``libcamera`` reads the same camera through a program of its own.
Frames are dated by the sensor: libcamera gives the start of exposure on CLOCK_BOOTTIME.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import ModuleType, TracebackType
from typing import Annotated, Any, Self

import numpy as np

from livegate.capture.controls import ExposureRange
from livegate.errors import DeviceLost, DeviceTimeout, DriverError, PictureError
from livegate.options import Between
from livegate.types import Frame, Role
from livegate_drivers.pixels import as_role

# A date further back than this is another clock's.
_MAX_DELAY_NS = 2 * 10**9


@dataclass(frozen=True, slots=True)
class Options:
    """Which of the board's cameras, and the mode it must give."""

    camera: Annotated[int, Between(0, 15)] = 0
    width: Annotated[int, Between(64, 8192)] = 640
    height: Annotated[int, Between(16, 8192)] = 480
    fps: Annotated[int, Between(1, 240)] = 30


class Picamera2Camera:
    """One CSI camera as rgb, rgb_right or (one without an infrared filter) nir; its exposure can be set."""

    def __init__(self, options: Options, role: Role) -> None:
        if role is Role.DEPTH:
            raise DriverError("driver 'picamera2' gives 8-bit pictures, no depth; choose another driver for the role")
        self.role = role
        self._options = options
        self._camera: Any = None
        self._device = ""
        self._last_ns = 0
        self._sequence = 0

    def __enter__(self) -> Self:
        """Open and start the camera; raise DriverError naming it and a remedy."""
        library, number = _picamera2(), self._options.camera
        cameras = library.Picamera2.global_camera_info()
        if number >= len(cameras):
            raise DriverError(
                f"csi camera {number}: is not there, libcamera finds {len(cameras)}; check its ribbon cable and"
                " 'rpicam-hello --list-cameras'"
            )
        camera = None
        try:
            camera = library.Picamera2(number)
            self._start(camera)
        except RuntimeError as exc:
            # Else it stays taken, by nobody.
            _let_go(camera)
            raise DriverError(
                f"csi camera {number}: cannot be started ({exc}); no other program may use it (fuser /dev/media*)"
            ) from exc
        self._camera, self._device = camera, str(cameras[number].get("Id") or f"csi-{number}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop and close the camera."""
        camera, self._camera = self._camera, None
        _let_go(camera)

    def read(self, timeout_s: float) -> Frame:
        """Return the next frame; DeviceTimeout, DeviceLost and PictureError as the protocol says."""
        if self._camera is None:
            raise DeviceLost(f"csi camera {self._options.camera}: is closed; enter it first")
        try:
            request = self._camera.capture_request(wait=timeout_s)
        except TimeoutError as exc:
            raise DeviceTimeout(f"csi camera {self._options.camera}: no frame within {timeout_s:g} s") from exc
        except RuntimeError as exc:
            raise DeviceLost(f"csi camera {self._options.camera}: is gone ({exc}); check its ribbon cable") from exc
        try:
            picture, told = request.make_array("main"), request.get_metadata()
        finally:
            request.release()
        self._sequence += 1
        return self._frame(picture, told)

    def exposure_range(self) -> ExposureRange | None:
        """Return what libcamera lets be set."""
        if self._camera is None:
            return None
        (least_us, most_us, _), (gain_least, gain_most, _) = (
            self._camera.camera_controls[name] for name in ("ExposureTime", "AnalogueGain")
        )
        return ExposureRange(float(least_us), float(most_us), float(gain_least), float(gain_most))

    def expose(self, exposure_us: float, gain: float) -> None:
        """Expose the frames to come like this."""
        bounds = self.exposure_range()
        if bounds is None:
            raise DeviceLost(f"csi camera {self._options.camera}: is closed; enter it first")
        self._camera.set_controls(
            {
                "AeEnable": False,
                "ExposureTime": round(min(max(exposure_us, bounds.least_us), bounds.most_us)),
                "AnalogueGain": min(max(gain, bounds.gain_least), bounds.gain_most),
            }
        )

    def automatic(self) -> None:
        """Let libcamera expose the frames to come."""
        if self._camera is None:
            raise DeviceLost(f"csi camera {self._options.camera}: is closed; enter it first")
        self._camera.set_controls({"AeEnable": True})

    def _start(self, camera: Any) -> None:
        options = self._options
        # What picamera2 calls RGB888 lies in memory as B, G, R.
        main = {"size": (options.width, options.height), "format": "RGB888"}
        camera.configure(camera.create_video_configuration(main=main, controls={"FrameRate": options.fps}))
        camera.start()

    def _frame(self, picture: Any, told: Mapping[str, Any]) -> Frame:
        image = np.ascontiguousarray(picture)
        if image.shape != (self._options.height, self._options.width, 3) or image.dtype != np.uint8:
            raise PictureError(f"csi camera {self._options.camera}: gives {image.dtype} {image.shape}, not B, G, R")
        return Frame(
            self.role,
            as_role(image, self.role),
            self._captured_ns(told),
            self._sequence - 1,
            device=self._device,
            exposure_us=float(told["ExposureTime"]) if "ExposureTime" in told else None,
        )

    def _captured_ns(self, told: Mapping[str, Any]) -> int:
        now_ns = time.monotonic_ns()
        # The two clocks run alike but for the time the machine slept.
        slept_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - now_ns
        sensor_ns = int(told.get("SensorTimestamp", 0)) - slept_ns
        usable = max(self._last_ns + 1, now_ns - _MAX_DELAY_NS) <= sensor_ns <= now_ns
        self._last_ns = sensor_ns if usable else now_ns
        return self._last_ns


def open_camera(options: Options, role: Role) -> Picamera2Camera:
    """Return CSI camera ``options.camera``; raise DriverError for role depth."""
    return Picamera2Camera(options, role)


def _let_go(camera: Any) -> None:
    """Stop and close a camera; what is gone, or was never started, cannot be stopped and need not be."""
    if camera is not None:
        for step in (camera.stop, camera.close):
            with suppress(RuntimeError):
                step()


def _picamera2() -> ModuleType:
    try:
        import picamera2
    except ImportError as exc:
        raise DriverError(
            f"driver 'picamera2' needs the package picamera2 ({exc}); install it with: apt install python3-picamera2,"
            " and make this environment with --system-site-packages; or choose driver 'libcamera'"
        ) from exc
    module: ModuleType = picamera2
    return module
