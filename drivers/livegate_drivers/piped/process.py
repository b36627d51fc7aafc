"""A child process that writes pictures of one size into a pipe, read without ever waiting too long."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import BinaryIO

from livegate.errors import DeviceLost, DeviceTimeout, DriverError

FD = "{fd}"
"""Stands in a command for the number of the file descriptor to write to; a command without it writes to stdout."""

# How long a program that was asked to end may take before it is killed.
_GRACE_S = 1.0
# Of what the program complains about, so much is kept, and the last line is told.
_KEPT_BYTES = 4096
_MOST_READS = 32
_TOLD_CHARACTERS = 200


class FramePipe:
    """Runs a program between ``start`` and ``stop`` and cuts what it writes into frames of ``frame_bytes``.

    Not thread-safe. The pipe holds less than a frame, so a program that nobody reads waits: what is read is never
    older than the frame the program was about to write.
    """

    def __init__(self, command: Sequence[str], frame_bytes: int, where: str) -> None:
        """``where`` begins every message: the device as its user knows it."""
        self._command = tuple(command)
        self._frame_bytes = frame_bytes
        self._where = where
        self._process: subprocess.Popen[bytes] | None = None
        self._frames_fd = -1
        self._complaints = b""
        self._buffer = bytearray(frame_bytes)
        self._filled = 0
        self._began_ns = 0

    def start(self, timeout_s: float, remedy: str) -> None:
        """Start the program and wait until it writes; raise DriverError with its own last words and ``remedy``."""
        self.stop()
        self._filled, self._complaints = 0, b""
        frames_fd, write_fd = os.pipe()
        try:
            self._process = self._spawn(write_fd)
        except OSError as exc:
            os.close(frames_fd)
            raise DriverError(f"{self._where}: '{self._command[0]}' cannot be run ({exc.strerror}); {remedy}") from exc
        finally:
            os.close(write_fd)
        os.set_blocking(frames_fd, False)
        self._frames_fd = frames_fd
        ready = self._readiness(timeout_s)
        if not ready & select.POLLIN:
            what = "ended before its first picture" if ready else f"gave no picture within {timeout_s:g} s"
            words = self._last_words()
            self.stop()
            raise DriverError(f"{self._where}: '{self._command[0]}' {what}{words}; {remedy}")

    def stop(self) -> None:
        """End the program and close the pipe; harmless when that was done already."""
        if self._process is not None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_GRACE_S)
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
            self._stderr(self._process).close()
        if self._frames_fd >= 0:
            os.close(self._frames_fd)
        self._process, self._frames_fd = None, -1

    def read(self, timeout_s: float) -> tuple[bytes, int]:
        """Return the next frame's bytes, and the monotonic time (ns) at which its first ones came.

        DeviceTimeout when it was not whole in time (the rest is read by the next call), DeviceLost when the program
        has ended.
        """
        if self._process is None:
            raise DeviceLost(f"{self._where}: the camera is closed; enter it first")
        deadline_s = time.monotonic() + timeout_s
        while True:
            if not self._readiness(max(0.0, deadline_s - time.monotonic())):
                raise DeviceTimeout(f"{self._where}: no frame within {timeout_s:g} s")
            if self._fill():
                self._filled = 0
                return bytes(self._buffer), self._began_ns

    def _spawn(self, write_fd: int) -> subprocess.Popen[bytes]:
        command = [part.replace(FD, str(write_fd)) for part in self._command]
        given = command != list(self._command)
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if given else write_fd,
            stderr=subprocess.PIPE,
            pass_fds=(write_fd,) if given else (),
            # An interrupt at the terminal is for us to pass on.
            start_new_session=True,
        )
        os.set_blocking(self._stderr(process).fileno(), False)
        return process

    def _fill(self) -> bool:
        """Read what there is of the frame; return whether it is whole."""
        if self._filled == 0:
            self._began_ns = time.monotonic_ns()
        with memoryview(self._buffer) as view:
            try:
                count = os.readv(self._frames_fd, [view[self._filled :]])
            except BlockingIOError:
                return False
        if count == 0:
            raise DeviceLost(f"{self._where}: '{self._command[0]}' has ended{self._last_words()}")
        self._filled += count
        return self._filled == self._frame_bytes

    def _readiness(self, timeout_s: float) -> int:
        """Return what poll says of the pipe, 0 when nothing came in time: POLLIN for data, POLLHUP for the end."""
        self._listen()
        poller = select.poll()
        poller.register(self._frames_fd, select.POLLIN)
        return next((event for _, event in poller.poll(timeout_s * 1000)), 0)

    def _listen(self) -> None:
        if self._process is None:
            return
        with suppress(BlockingIOError):
            # One that never stops complaining is heard for a moment only.
            for _ in range(_MOST_READS):
                more = os.read(self._stderr(self._process).fileno(), _KEPT_BYTES)
                if not more:
                    break
                self._complaints = (self._complaints + more)[-_KEPT_BYTES:]

    def _last_words(self) -> str:
        self._listen()
        lines = [line.strip() for line in self._complaints.decode("utf-8", "replace").splitlines() if line.strip()]
        telling = [line for line in lines if "error" in line.lower()] or lines
        return f": {telling[0][:_TOLD_CHARACTERS]}" if telling else ""

    @staticmethod
    def _stderr(process: subprocess.Popen[bytes]) -> BinaryIO:
        if process.stderr is None:
            raise DriverError("a program was started without its error output; this is a defect of Livegate")
        return process.stderr  # type: ignore[return-value]
