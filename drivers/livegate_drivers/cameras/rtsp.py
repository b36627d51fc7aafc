"""A network camera over RTSP, decoded by the FFmpeg in OpenCV's wheel.

Pictures arrive compressed and late, over a network that somebody else may sit on: use it where nothing else can be had.
A thread takes every picture as it comes, for FFmpeg queues what nobody fetches; the newest is handed over. Frames are
dated by the stream's own times, so set that the least delayed of late was captured ``latency_ms`` before its decoding.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, Self
from urllib.parse import quote, urlsplit, urlunsplit

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.errors import DeviceLost, DeviceTimeout, DriverError
from livegate.options import Between, Matches
from livegate.types import NS_PER_MS, Frame, Role
from livegate_drivers.device_clock import DeviceClock
from livegate_drivers.pixels import as_role

# FFmpeg gives up a stream that is silent for so long; it cannot be told to go on afterwards.
_SILENCE_MS = 5_000
_STOP_S = 1.0
# Over UDP pictures come torn, and OpenCV's versions differ in what they ask for first. It reads no other setting; a
# user's own stands.
_FFMPEG_OPTIONS = ("OPENCV_FFMPEG_CAPTURE_OPTIONS", "rtsp_transport;tcp")
# What FFmpeg and OpenCV warn of stands in no log beside the camera's name; a user's own levels stand, too.
_FFMPEG_LEVEL = ("OPENCV_FFMPEG_LOGLEVEL", "8")
_OPENCV_LEVEL = "OPENCV_LOG_LEVEL"
_OPENCV_ERRORS = 2
# OpenCV 4 and 5 hold it in different places.
_LOGGING: Any = getattr(cv2.utils, "logging", cv2)
# What FFmpeg queued while it found out what the stream is, it hands over without a wait; never more than this much.
_MAX_QUEUED_MS = 10_000.0
# One that took long may have been hard to decode on a busy machine; several in a row were waited for.
_WAITED_FOR = 3
_MAX_PASSWORD_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Options:
    """Where the stream is; user name and password never stand in ``url`` but in ``username`` and ``password_file``.

    ``latency_ms`` is how long a picture is on its way, as measured at the camera: 0 claims it is fresh when it comes.
    """

    url: Annotated[
        str,
        Matches(
            r"rtsps?://[^@\s]+",
            told="expected rtsp://HOST/PATH without user, password, '@' and spaces; "
            "a login goes into 'username' and 'password_file'",
        ),
    ]
    username: str | None = None
    password_file: Path | None = None
    latency_ms: Annotated[float, Between(0, 1000)] = 0.0
    start_timeout_s: Annotated[float, Between(0.5, 60)] = 10.0


class RtspCamera:
    """One RTSP stream as rgb, rgb_right or nir."""

    def __init__(self, options: Options, role: Role) -> None:
        if role is Role.DEPTH:
            raise DriverError(f"{_name(options)}: driver 'rtsp' gives 8-bit pictures, no depth; choose another driver")
        self.role = role
        self._options = options
        self._stream: _Stream | None = None
        self._first = 0
        self._sequence = -1

    def __enter__(self) -> Self:
        """Connect; raise DriverError when no stream comes in time."""
        options = self._options
        settings = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, round(options.start_timeout_s * 1000),
                    cv2.CAP_PROP_READ_TIMEOUT_MSEC, _SILENCE_MS]  # fmt: skip
        os.environ.setdefault(*_FFMPEG_OPTIONS)
        os.environ.setdefault(*_FFMPEG_LEVEL)
        if _OPENCV_LEVEL not in os.environ:
            _LOGGING.setLogLevel(min(_LOGGING.getLogLevel(), _OPENCV_ERRORS))
        asked_s = time.monotonic()
        capture = cv2.VideoCapture(_with_login(options), cv2.CAP_FFMPEG, settings)
        if not capture.isOpened():
            capture.release()
            raise DriverError(
                f"{_name(options)}: no stream, after {time.monotonic() - asked_s:.1f} s of at most "
                f"{options.start_timeout_s:g} s; check address, network, and 'username' and 'password_file'"
            )
        self._stream, self._first = _Stream(capture), self._sequence + 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        if self._stream is not None:
            self._stream.stop()
        self._stream = None

    def read(self, timeout_s: float) -> Frame:
        """Return the newest picture not yet given; DeviceTimeout, DeviceLost when the stream has ended."""
        if self._stream is None:
            raise DeviceLost(f"{_name(self._options)}: the camera is closed; enter it first")
        taken = self._stream.take(timeout_s)
        if taken is None:
            if self._stream.ended:
                raise DeviceLost(f"{_name(self._options)}: the stream has ended; is the camera's network there?")
            raise DeviceTimeout(f"{_name(self._options)}: no frame within {timeout_s:g} s")
        image, captured_ns, number = taken
        self._sequence = self._first + number
        captured_ns -= round(self._options.latency_ms * NS_PER_MS)
        return Frame(self.role, as_role(image, self.role), captured_ns, self._sequence)


class _Stream:
    """Reads a capture in a thread of its own and keeps the newest picture."""

    def __init__(self, capture: Any) -> None:
        self.ended = False
        self._capture = capture
        self._changed = threading.Condition()
        self._newest: tuple[NDArray[np.uint8], int, int] | None = None
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="rtsp", daemon=True)
        self._thread.start()

    def take(self, timeout_s: float) -> tuple[NDArray[np.uint8], int, int] | None:
        """Return a picture, its monotonic time (ns) and its number, each once; None when none came in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._newest is not None or self.ended, timeout_s)
            taken, self._newest = self._newest, None
            return taken

    def stop(self) -> None:
        """Let go of the stream; a thread that waits for the network lets go by itself when that ends."""
        self._stopping = True
        self._thread.join(_STOP_S)

    def _run(self) -> None:
        clock, number = DeviceClock(), 0
        try:
            image = self._first_fresh()
            while image is not None and not self._stopping:
                captured_ns = clock.captured_ns("video", round(self._position_ms() * NS_PER_MS), time.monotonic_ns())
                with self._changed:
                    self._newest = (image, captured_ns, number)
                    self._changed.notify_all()
                number += 1
                image = self._next()
        finally:
            self._capture.release()
            with self._changed:
                self.ended = True
                self._changed.notify_all()

    def _first_fresh(self) -> NDArray[np.uint8] | None:
        """Return the first picture that was waited for, about, after those that were queued."""
        image, queued_ms, waited = self._next(), 0.0, 0
        while image is not None and not self._stopping and queued_ms < _MAX_QUEUED_MS and waited < _WAITED_FOR:
            before_ms, asked_s = self._position_ms(), time.monotonic()
            image = self._next()
            step_ms = self._position_ms() - before_ms
            slow = step_ms > 0 and (time.monotonic() - asked_s) * 1000 >= step_ms / 2
            waited = waited + 1 if slow else 0
            queued_ms += step_ms
        return image

    def _next(self) -> NDArray[np.uint8] | None:
        good, image = self._capture.read()
        return image if good else None

    def _position_ms(self) -> float:
        return float(self._capture.get(cv2.CAP_PROP_POS_MSEC))


def open_camera(options: Options, role: Role) -> RtspCamera:
    """Return the camera at ``options.url``; raise DriverError for role depth."""
    return RtspCamera(options, role)


def _name(options: Options) -> str:
    """Name the camera by its host: some makers want user and password in the path."""
    parts = urlsplit(options.url)
    return f"{parts.scheme}://{parts.netloc}"


def _with_login(options: Options) -> str:
    if options.username is None:
        return options.url
    parts = urlsplit(options.url)
    password = "" if options.password_file is None else f":{quote(_password(options.password_file), safe='')}"
    return urlunsplit(parts._replace(netloc=f"{quote(options.username, safe='')}{password}@{parts.netloc}"))


def _password(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_PASSWORD_BYTES)
        return raw.decode().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as exc:
        raise DriverError(f"{path}: the password cannot be read ({exc}); give a small text file") from exc
