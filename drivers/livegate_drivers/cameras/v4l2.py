"""A V4L2 camera (USB webcam, CSI camera with a V4L2 node), read through OpenCV.

OpenCV's plain ``read`` blocks up to ten seconds; ``VideoCapture.waitAny`` polls the device and returns in time. Only
the first frames of a stream, which OpenCV drops, it waits for by itself: that is done while the camera is being opened.
"""

from __future__ import annotations

import enum
import os
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.errors import DeviceLost, DeviceTimeout, DriverError, PictureError
from livegate.options import Between
from livegate.types import Frame, Role
from livegate_drivers.pictures import as_role

FIRST_FRAME_NS = 5 * 10**9
# The kernel dates frames on the monotonic clock; a date further back than this is another clock's.
MAX_DELAY_NS = 2 * 10**9
# Cameras round their rates; one that gives a tenth less than asked gives something else.
RATE_TOLERANCE = 0.1


class Fourcc(enum.StrEnum):
    """Pixel formats the driver asks for."""

    MJPG = "MJPG"
    YUYV = "YUYV"
    GREY = "GREY"


@dataclass(frozen=True, slots=True)
class Options:
    """The device, and the mode it must give; one that gives another mode is refused, never silently used."""

    device: Path = Path("/dev/video0")
    width: Annotated[int, Between(16, 8192)] = 640
    height: Annotated[int, Between(16, 8192)] = 480
    fps: Annotated[int, Between(1, 240)] = 30
    fourcc: Fourcc = Fourcc.MJPG


class V4l2Camera:
    """One V4L2 device as rgb, rgb_right or nir; frames carry the kernel's own capture time."""

    def __init__(self, options: Options, role: Role) -> None:
        if role is Role.DEPTH:
            raise DriverError(f"{options.device}: driver 'v4l2' gives 8-bit pictures, no depth; choose another driver")
        self.role = role
        self._options = options
        self._capture: Any = None
        self._last_ns = 0
        self._sequence = 0

    def __enter__(self) -> Self:
        """Open the device, set its mode and fetch a first frame, giving up after some 15 s at most."""
        device = self._options.device
        if not device.exists():
            raise DriverError(f"{device}: is not there; plug the camera in or correct 'device' (ls /dev/video*)")
        if not os.access(device, os.R_OK | os.W_OK):
            raise DriverError(f"{device}: may not be opened; put this program's user into group video")
        capture = cv2.VideoCapture(str(device), cv2.CAP_V4L2)
        try:
            self._prepare(capture)
        except DriverError:
            capture.release()
            raise
        self._capture = capture
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the device."""
        if self._capture is not None:
            self._capture.release()
        self._capture = None

    def read(self, timeout_s: float) -> Frame:
        """Return the next frame; DeviceTimeout, DeviceLost and PictureError as the protocol says."""
        if self._capture is None:
            raise DeviceLost(f"{self._options.device}: the camera is closed; enter it first")
        if not self._wait(timeout_s):
            if not self._options.device.exists():
                raise DeviceLost(f"{self._options.device}: the camera was unplugged")
            raise DeviceTimeout(f"{self._options.device}: no frame within {timeout_s:g} s")
        image = self._picture()
        captured_ns = self._captured_ns()
        self._sequence += 1
        return Frame(self.role, image, captured_ns, self._sequence - 1)

    def _prepare(self, capture: Any) -> None:
        options = self._options
        if not capture.isOpened():
            raise DriverError(
                f"{options.device}: cannot be opened as a V4L2 camera; another program may hold it"
                f" (fuser {options.device}), or it is no capture device (v4l2-ctl --list-devices)"
            )
        asked = {
            cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*options.fourcc),
            cv2.CAP_PROP_FRAME_WIDTH: options.width,
            cv2.CAP_PROP_FRAME_HEIGHT: options.height,
            cv2.CAP_PROP_FPS: options.fps,
            # For a damaged JPEG, OpenCV's own conversion hands over the picture before it as if it were new.
            cv2.CAP_PROP_CONVERT_RGB: False,
        }
        for key, value in asked.items():
            capture.set(key, float(value))
        self._check_mode(capture)
        try:
            ready, _ = cv2.VideoCapture.waitAny([capture], timeoutNs=FIRST_FRAME_NS)
        except cv2.error as exc:
            raise DriverError(f"{options.device}: does not stream ({exc.err}); plug the camera in again") from exc
        if not ready:
            raise DriverError(f"{options.device}: opened, but gives no frame; plug the camera in again")
        capture.retrieve()

    def _check_mode(self, capture: Any) -> None:
        options = self._options
        given = (capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        fourcc = int(capture.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little").decode("ascii", "replace")
        fps = capture.get(cv2.CAP_PROP_FPS)
        sized = given == (options.width, options.height) and fourcc == options.fourcc
        if not sized or 0 < fps < options.fps * (1 - RATE_TOLERANCE):
            asked = f"{options.width}x{options.height} {options.fourcc} at {options.fps} fps"
            raise DriverError(
                f"{options.device}: gives {given[0]:g}x{given[1]:g} {fourcc} at {fps:g} fps instead of {asked};"
                f" choose a mode it has (v4l2-ctl -d {options.device} --list-formats-ext)"
            )

    def _wait(self, timeout_s: float) -> bool:
        # 0 would mean to wait for ever.
        timeout_ns = max(1_000_000, round(timeout_s * 1e9))
        try:
            ready, _ = cv2.VideoCapture.waitAny([self._capture], timeoutNs=timeout_ns)
        except cv2.error as exc:
            raise DeviceLost(
                f"{self._options.device}: the camera is gone or broken ({exc.err}); is its plug in?"
            ) from exc
        return bool(ready)

    def _picture(self) -> NDArray[Any]:
        device = self._options.device
        try:
            good, raw = self._capture.retrieve()
            image = decode(np.asarray(raw), self._options) if good and raw is not None else None
        except cv2.error as exc:
            raise PictureError(f"{device}: a frame cannot be decoded ({exc.err})") from exc
        if image is None:
            raise PictureError(f"{device}: a frame is damaged")
        return as_role(image, self.role)

    def _captured_ns(self) -> int:
        now_ns = time.monotonic_ns()
        kernel_ns = round(self._capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6)
        usable = max(self._last_ns + 1, now_ns - MAX_DELAY_NS) <= kernel_ns <= now_ns
        self._last_ns = kernel_ns if usable else now_ns
        return self._last_ns


def decode(raw: NDArray[Any], options: Options) -> NDArray[Any] | None:
    """Return the picture in the bytes of one frame, (H, W, 3) B, G, R or (H, W) uint8; None for a damaged one.

    ``raw`` may have any shape: OpenCV's versions differ in it.
    """
    flat = raw.astype(np.uint8, copy=False).ravel()
    width, height = options.width, options.height
    if options.fourcc is Fourcc.MJPG:
        image = cv2.imdecode(flat, cv2.IMREAD_COLOR)
        return None if image is None or image.shape[:2] != (height, width) else np.asarray(image)
    channels = 2 if options.fourcc is Fourcc.YUYV else 1
    if flat.size != width * height * channels:
        return None
    if channels == 1:
        return flat.reshape(height, width)
    return np.asarray(cv2.cvtColor(flat.reshape(height, width, 2), cv2.COLOR_YUV2BGR_YUY2))


def open_camera(options: Options, role: Role) -> V4l2Camera:
    """Return the camera at ``options.device``; raise DriverError for role depth."""
    return V4l2Camera(options, role)
