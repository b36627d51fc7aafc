"""All cameras of a terminal as one source of FrameSets."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Self

from livegate.capture.camera import Camera
from livegate.capture.grabber import CameraHealth, CameraState, Grabber, Retry
from livegate.capture.synchronise import MAX_AGE_MS, TOLERANCE_MS, synchronise
from livegate.config import CameraConfig
from livegate.drivers import open_camera
from livegate.errors import ConfigError, DeviceTimeout
from livegate.types import Frame, FrameSet, Role


@dataclass(frozen=True, slots=True)
class Timing:
    """How frames are paired; ``partner_wait_ms`` is how long an rgb frame waits for others of its moment.

    The wait is paid only while a partner is late, and only once by a camera that stalls.
    """

    tolerance_ms: float = TOLERANCE_MS
    max_age_ms: float = MAX_AGE_MS
    partner_wait_ms: float = 100.0
    retry: Retry = Retry()  # noqa: RUF009 - frozen, so safe to share


class Rig:
    """Cameras by name, one of them rgb, running between ``__enter__`` and ``__exit__``.

    Cameras that cannot be opened do not stop it: their role is MISSING and they are tried again.
    """

    def __init__(self, cameras: Mapping[str, Camera], timing: Timing | None = None) -> None:
        self._timing = timing or Timing()
        self._grabbers = {camera.role: Grabber(name, camera, self._timing.retry) for name, camera in cameras.items()}
        if Role.RGB not in self._grabbers or len(self._grabbers) < len(cameras):
            raise ConfigError("a rig needs one rgb camera and at most one camera a role")
        self._stack = ExitStack()
        self._waited_for: dict[Role, int | None] = {}

    def __enter__(self) -> Self:
        """Start a thread a camera."""
        with ExitStack() as stack:
            for grabber in self._grabbers.values():
                stack.enter_context(grabber)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop all threads and close all cameras."""
        for grabber in self._grabbers.values():
            grabber.stop()
        self._stack.close()

    def next(self, timeout_s: float) -> FrameSet:
        """Return the newest rgb frame with its partners; each rgb frame is returned at most once.

        Raise DeviceTimeout, saying how the rgb camera is, when it gave nothing within ``timeout_s``. Waits at most
        ``partner_wait_ms`` longer than that for the partners.
        """
        rgb_grabber = self._grabbers[Role.RGB]
        try:
            rgb = rgb_grabber.slot.take(timeout_s)
        except DeviceTimeout as exc:
            health = rgb_grabber.health
            because = f": {health.last_error}" if health.last_error else ""
            raise DeviceTimeout(f"camera '{health.name}' (rgb, {health.state}) gave {exc}{because}") from exc
        deadline_ns = time.monotonic_ns() + round(self._timing.partner_wait_ms * 1e6)
        roles: list[Role] = [role for role in self._grabbers if role is not Role.RGB]
        others = {role: self._partners(role, rgb, deadline_ns) for role in roles}
        return synchronise(rgb, others, time.monotonic_ns(), self._timing.tolerance_ms, self._timing.max_age_ms)

    def health(self) -> tuple[CameraHealth, ...]:
        """Return the health of every camera, in the order given."""
        return tuple(grabber.health for grabber in self._grabbers.values())

    def ended(self) -> str | None:
        """Return the name of a camera whose thread has ended by itself, which only a defect does, or None."""
        return next((health.name for health in self.health() if health.state is CameraState.STOPPED), None)

    def _partners(self, role: Role, rgb: Frame, deadline_ns: int) -> Sequence[Frame]:
        """Return the recent frames of ``role``, having waited for one of rgb's moment if one may still come."""
        grabber = self._grabbers[role]
        since_ns = rgb.captured_ns - round(self._timing.tolerance_ms * 1e6)
        health = grabber.health
        gone = health.state in (CameraState.LOST, CameraState.STOPPED)
        # A camera we waited for in vain that has given nothing since has stalled: the others need not wait for it.
        stalled = role in self._waited_for and self._waited_for[role] == health.last_ns
        frames = grabber.slot.recent(since_ns, 0 if gone or stalled else deadline_ns)
        if frames and frames[-1].captured_ns >= since_ns:
            self._waited_for.pop(role, None)
        else:
            self._waited_for[role] = health.last_ns
        return frames


def open_rig(cameras: Sequence[CameraConfig], timing: Timing | None = None) -> Rig:
    """Return the rig of the configured cameras, not yet entered; errors as for :func:`livegate.drivers.open_camera`."""
    return Rig({camera.name: open_camera(camera) for camera in cameras}, timing)
