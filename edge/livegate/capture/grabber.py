"""One thread a camera: read, hand over the newest frame, and come back after a loss."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from typing import Any, Self

from livegate.capture.camera import Camera
from livegate.capture.controls import Resettable
from livegate.capture.darkness import Darkness
from livegate.capture.dates import Dates
from livegate.capture.exposing import Exposing
from livegate.capture.faults import FaultHold
from livegate.capture.health import CameraHealth, CameraState, Retry
from livegate.capture.plausible import plausible
from livegate.capture.sameness import MAX_SAME_MS, PictureMemory, Sameness
from livegate.capture.slot import Slot
from livegate.errors import DeviceLost, DeviceTimeout, DriverError, PictureError
from livegate.types import NS_PER_MS, Frame, SensorFault

log = logging.getLogger(__name__)

READ_TIMEOUT_S = 0.25
# To hang once says nothing yet, twice in a row is one more than opening it again has mended.
_HANG_COUNTS = 2
# Single damaged pictures are a cable's; with none between them that can be read it is the format's.
_UNREADABLE_NS = 1_000 * NS_PER_MS


class Grabber:
    """Runs a camera in its own thread between ``__enter__`` and ``__exit__``; frames appear in ``slot``.

    Frames whose date or sameness cannot be are withheld, and those that ``darkness``, if there is one, does not find
    lit; ``faults`` tells why.
    """

    def __init__(self, name: str, camera: Camera, retry: Retry | None = None, darkness: Darkness | None = None) -> None:
        self.slot = Slot()
        self.faults = FaultHold()
        self.exposing = Exposing(camera)
        self._camera = camera
        self._retry = retry or Retry()
        self._darkness = darkness
        self._health = CameraHealth(name, camera.role)
        self._stop = threading.Event()
        self._dates = Dates()
        self._memory = PictureMemory()
        self._in_vain = 0
        self._reset_ns: int | None = None
        self._not_reset = ""
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

    @property
    def state(self) -> CameraState:
        """What the thread is doing."""
        return self._health.state

    @property
    def period_ns(self) -> int | None:
        """The camera's usual distance between frames, None until it is known."""
        return self._dates.period_ns

    @property
    def last_ns(self) -> int | None:
        """When the newest frame was captured, a withheld one too."""
        return self._health.last_ns

    def _run(self) -> None:
        wait_s = self._retry.first_s
        try:
            while not self._stop.is_set():
                frames = self._health.frames
                self._once()
                seen = self._health.frames > frames
                wait_s = self._retry.first_s if seen else min(2 * wait_s, self._retry.most_s)
                if not self._stop.is_set():
                    self._reset_if_due()
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
            self._in_vain += 1
            if str(exc) != self._health.last_error:
                log.warning("camera lost", extra={"camera": self._health.name, "error": str(exc)})
            self._note(state=CameraState.LOST, lost=self._health.lost + 1, last_error=str(exc))
        finally:
            if self._darkness is not None:
                self._darkness.end()

    def _stream(self) -> None:
        heard_ns, patience_s = time.monotonic_ns(), self._retry.begin_s
        self._dates.reopened()
        self.exposing.begin()
        if self._darkness is not None:
            self._darkness.begin(heard_ns)
        while not self._stop.is_set():
            try:
                frame = plausible(self._camera.read(READ_TIMEOUT_S))
            except DeviceTimeout as exc:
                self._note(state=CameraState.SILENT, timeouts=self._health.timeouts + 1, last_error=str(exc))
                if time.monotonic_ns() - heard_ns > patience_s * 1e9:
                    self._in_vain += _HANG_COUNTS - 1
                    silence = f"nothing for {patience_s:g} s, opening it again"
                    raise DeviceLost(f"{exc}; {silence}") from exc
            except PictureError as exc:
                self._note(damaged=self._health.damaged + 1, last_error=str(exc))
                if (now_ns := time.monotonic_ns()) - heard_ns > _UNREADABLE_NS:
                    self.faults.note(SensorFault.WRONG_FORMAT, now_ns)
            else:
                heard_ns, patience_s = time.monotonic_ns(), self._retry.max_silence_s
                self._take(frame, heard_ns)

    def _take(self, frame: Frame, now_ns: int) -> None:
        """Put the frame into the slot if it is to be believed, and lit."""
        if not self._is_dated(frame, now_ns) or not self._is_alive(frame, now_ns):
            return
        self._in_vain = 0
        # Noted first: who finds the frame in the slot must find it counted.
        self._note(state=CameraState.STREAMING, frames=self._health.frames + 1, last_ns=frame.captured_ns)
        if self._darkness is None:
            self.slot.put(frame)
        elif (lit := self._darkness.sort(frame, self._dates.period_ns, now_ns)) is not None:
            self.slot.put(lit)
        if self.exposing.apply(frame, self._dates.period_ns, now_ns) and self._darkness is not None:
            self._darkness.forget()

    def _is_dated(self, frame: Frame, now_ns: int) -> bool:
        """Return whether the frame's date lets it be used."""
        misdate = self._dates.judge(frame.captured_ns, now_ns)
        if misdate is None:
            return True
        self.faults.note(SensorFault.MISDATED, now_ns)
        self._note(misdated=self._health.misdated + 1, last_error=f"frame {frame.sequence} {misdate}")
        return misdate.usable

    def _is_alive(self, frame: Frame, now_ns: int) -> bool:
        """Return whether the picture is not one that has stood still for too long."""
        sameness = self._memory.judge(frame.image, frame.captured_ns)
        if sameness is Sameness.NEW:
            return True
        if sameness is Sameness.REPEATED:
            self.faults.note(SensorFault.REPEATED, now_ns)
            self._note(repeated=self._health.repeated + 1, last_error="pictures come again in the order of before")
            return True
        error = f"the picture has not changed for more than {MAX_SAME_MS:g} ms; it was not used"
        self.faults.note(SensorFault.FROZEN, now_ns)
        self._note(frozen=self._health.frozen + 1, last_ns=frame.captured_ns, last_error=error)
        return False

    def _reset_if_due(self) -> None:
        """Reset a device that opening again does not bring back, as the last step."""
        if not isinstance(self._camera, Resettable) or self._in_vain < self._retry.reset_after:
            return
        now_ns = time.monotonic_ns()
        if self._reset_ns is not None and now_ns - self._reset_ns < self._retry.reset_every_s * 1e9:
            return
        self._reset_ns = now_ns
        name = self._health.name
        try:
            self._camera.reset()
        except (DriverError, DeviceLost) as exc:
            if str(exc) != self._not_reset:
                log.warning("camera not reset", extra={"camera": name, "error": str(exc)})
                self._not_reset = str(exc)
            return
        self._note(resets=self._health.resets + 1)
        log.warning("camera reset", extra={"camera": name, "in_vain": self._in_vain})

    def _note(self, **changes: Any) -> None:
        # Only this camera's thread writes; readers see one whole value or the next.
        self._health = replace(self._health, **changes)
