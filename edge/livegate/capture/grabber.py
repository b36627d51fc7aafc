"""One thread a camera: read, hand over the newest frame, and come back after a loss."""

from __future__ import annotations

import enum
import logging
import threading
import time
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from livegate.capture.camera import Camera
from livegate.capture.slot import Slot
from livegate.errors import DeviceLost, DeviceTimeout, DriverError, PictureError
from livegate.types import Frame, Role

log = logging.getLogger(__name__)

READ_TIMEOUT_S = 0.25
# A camera that hangs without saying so is closed and opened again.
MAX_SILENCE_S = 10.0
# No sensor is so quiet that it gives the same picture twice; one that does so for this long hangs, or is being fed.
MAX_SAME_MS = 1000.0
# Clocks of a driver and ours are the same; a frame from later than this is damaged, not fresh.
MAX_AHEAD_MS = 20.0


class CameraState(enum.StrEnum):
    """What a camera's thread is doing."""

    OPENING = "opening"
    STREAMING = "streaming"
    SILENT = "silent"
    LOST = "lost"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class CameraHealth:
    """What happened to one camera since it was started; counters only grow.

    ``drops`` were never looked at by anyone, ``damaged`` could not be decoded, ``misdated`` were not newer than their
    predecessor or from the future, ``frozen`` were withheld because the picture had not changed for too long; ``lost``
    counts losses and failed openings; ``last_ns`` is the newest frame's time.
    """

    name: str
    role: Role
    state: CameraState = CameraState.OPENING
    frames: int = 0
    drops: int = 0
    damaged: int = 0
    misdated: int = 0
    frozen: int = 0
    timeouts: int = 0
    lost: int = 0
    last_error: str | None = None
    last_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """How long to wait before opening a lost camera again: doubling from ``first_s``, never more than ``most_s``."""

    first_s: float = 0.1
    most_s: float = 5.0


class Grabber:
    """Runs a camera in its own thread between ``__enter__`` and ``__exit__``; frames appear in ``slot``."""

    def __init__(self, name: str, camera: Camera, retry: Retry | None = None) -> None:
        self.slot = Slot()
        self._camera = camera
        self._retry = retry or Retry()
        self._health = CameraHealth(name, camera.role)
        self._stop = threading.Event()
        self._changed: Frame | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Start the thread; a camera that cannot be opened is not an error here but a state."""
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name=f"camera-{self._health.name}", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the thread and close the camera, waiting a bounded time for it."""
        self.stop()
        if self._thread is not None:
            self._thread.join(timeout=10 * READ_TIMEOUT_S)
            if self._thread.is_alive():
                log.error("camera does not let go", extra={"camera": self._health.name})

    def stop(self) -> None:
        """Ask the thread to end without waiting for it."""
        self._stop.set()

    @property
    def health(self) -> CameraHealth:
        """The camera's health of now."""
        return replace(self._health, drops=self.slot.drops)

    def _run(self) -> None:
        wait_s = self._retry.first_s
        try:
            while not self._stop.is_set():
                frames = self._health.frames
                self._once()
                wait_s = self._retry.first_s if self._health.frames > frames else min(2 * wait_s, self._retry.most_s)
                self._stop.wait(wait_s)
        finally:
            # Also when a driver fails in a way no driver should: the role must turn MISSING, not stay as it was.
            self.slot.clear()
            self._note(state=CameraState.STOPPED)

    def _once(self) -> None:
        """Open the camera and read it until it is lost."""
        try:
            with self._camera:
                self._stream()
        except (DeviceLost, DriverError) as exc:
            self.slot.clear()
            if str(exc) != self._health.last_error:
                log.warning("camera lost", extra={"camera": self._health.name, "error": str(exc)})
            self._note(state=CameraState.LOST, lost=self._health.lost + 1, last_error=str(exc))

    def _stream(self) -> None:
        heard_ns = time.monotonic_ns()
        while not self._stop.is_set():
            try:
                frame = self._camera.read(READ_TIMEOUT_S)
            except DeviceTimeout as exc:
                self._note(state=CameraState.SILENT, timeouts=self._health.timeouts + 1, last_error=str(exc))
                if time.monotonic_ns() - heard_ns > MAX_SILENCE_S * 1e9:
                    raise DeviceLost(f"{exc}; nothing for {MAX_SILENCE_S:g} s, opening it again") from exc
            except PictureError as exc:
                self._note(damaged=self._health.damaged + 1, last_error=str(exc))
            else:
                heard_ns = time.monotonic_ns()
                self._accept(frame, heard_ns)

    def _accept(self, frame: Frame, now_ns: int) -> None:
        last_ns = self._health.last_ns
        if (last_ns is not None and frame.captured_ns <= last_ns) or frame.captured_ns > now_ns + MAX_AHEAD_MS * 1e6:
            error = f"frame {frame.sequence} is dated before its predecessor or in the future; it was not used"
            self._note(misdated=self._health.misdated + 1, last_error=error)
            return
        if self._is_frozen(frame):
            error = f"the picture has not changed for more than {MAX_SAME_MS:g} ms; it was not used"
            self._note(frozen=self._health.frozen + 1, last_ns=frame.captured_ns, last_error=error)
            return
        # Noted first: who finds the frame in the slot must find it counted.
        self._note(state=CameraState.STREAMING, frames=self._health.frames + 1, last_ns=frame.captured_ns)
        self.slot.put(frame)

    def _is_frozen(self, frame: Frame) -> bool:
        """Return whether the camera has given this very picture, bit for bit, for longer than MAX_SAME_MS.

        A picture of one value is not meant: a covered or dazzled sensor does give it for ever, and it is BLINDED.
        """
        picture = _thin(frame.image)
        one_value = picture.size == 0 or picture.min() == picture.max()
        if self._changed is None or one_value or not np.array_equal(picture, _thin(self._changed.image)):
            self._changed = frame
        return frame.captured_ns - self._changed.captured_ns > MAX_SAME_MS * 1e6

    def _note(self, **changes: Any) -> None:
        # Only this camera's thread writes; readers see one whole value or the next.
        self._health = replace(self._health, **changes)


def _thin(image: NDArray[Any]) -> NDArray[Any]:
    """Return enough of a picture to tell it from another: noise alone makes these some thousand pixels differ."""
    return image[::8, ::8] if image.ndim >= 2 else image
