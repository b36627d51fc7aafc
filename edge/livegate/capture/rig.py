"""All cameras and lamps of a terminal as one source of FrameSets."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Self

from livegate.capture.camera import Camera
from livegate.capture.controls import Emitting
from livegate.capture.darkness import UNLIT_EVERY_MS, Darkness
from livegate.capture.exposure import stops_wanted
from livegate.capture.grabber import Grabber
from livegate.capture.health import CameraHealth, CameraState, Retry
from livegate.capture.lamps import Lamp, OwnLight
from livegate.capture.synchronise import MAX_AGE_MS, TOLERANCE_MS, synchronise
from livegate.config import CameraConfig, IlluminatorConfig
from livegate.drivers import open_camera, open_illuminator
from livegate.errors import ConfigError, DeviceTimeout
from livegate.types import Box, Faults, Frame, FrameSet, Role, SensorFault

# Half a period, and what a camera's clock jitters.
_HALF = 0.55
_GONE = (CameraState.LOST, CameraState.STOPPED)
_METERED = (Role.RGB, Role.RGB_RIGHT, Role.NIR)


@dataclass(frozen=True, slots=True)
class Timing:
    """How frames are paired; ``partner_wait_ms`` is how long an rgb frame waits for others of its moment.

    The wait is paid only while a partner is late, and only once by a camera that stalls. ``unlit_every_ms`` is how
    often the lamps go dark for one nir picture, 0 for never.
    """

    tolerance_ms: float = TOLERANCE_MS
    max_age_ms: float = MAX_AGE_MS
    partner_wait_ms: float = 100.0
    unlit_every_ms: float = UNLIT_EVERY_MS
    retry: Retry = Retry()  # noqa: RUF009 - frozen, so safe to share


class Rig:
    """Cameras by name, one of them rgb, and lamps, running between ``__enter__`` and ``__exit__``.

    Cameras that cannot be opened do not stop it: their role is MISSING and they are tried again. Nor do lamps: nir goes
    on without, and says ILLUMINATOR_DARK.
    """

    def __init__(self, cameras: Mapping[str, Camera], timing: Timing | None = None, lamps: Sequence[Lamp] = ()) -> None:
        self._timing = timing or Timing()
        self._lamps = tuple(lamps)
        self._darkness: Darkness | None = None
        self._grabbers: dict[Role, Grabber] = {}
        for name, camera in cameras.items():
            self._grabbers[camera.role] = Grabber(name, camera, self._timing.retry, self._darkness_of(camera))
        if Role.RGB not in self._grabbers or len(self._grabbers) < len(cameras):
            raise ConfigError("a rig needs one rgb camera and at most one camera a role")
        self._stack = ExitStack()
        self._waited_for: dict[Role, int | None] = {}
        self._sizes: dict[Role, tuple[int, int]] = {}

    def __enter__(self) -> Self:
        """Start a thread a lamp and a camera."""
        with ExitStack() as stack:
            for lamp in self._lamps:
                stack.enter_context(lamp)
            for grabber in self._grabbers.values():
                stack.enter_context(grabber)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop all threads, close all cameras, make all lamps dark."""
        for grabber in self._grabbers.values():
            grabber.stop()
        self._stack.close()

    def next(self, timeout_s: float) -> FrameSet:
        """Return the newest rgb frame with its partners; each rgb frame is returned at most once.

        Those of a moment in which the lamps are dark are passed over. Raise DeviceTimeout, saying how the rgb camera
        is, when it gave no other within ``timeout_s``. Waits at most ``partner_wait_ms`` longer than that for the
        partners.
        """
        deadline_s = time.monotonic() + timeout_s
        rgb, others = self._gather(self._next_rgb(timeout_s))
        while self._is_dark(rgb):
            rgb, others = self._gather(self._next_rgb(max(0.0, deadline_s - time.monotonic())))
        now_ns = time.monotonic_ns()
        tolerance_ms, max_age_ms = self._timing.tolerance_ms, self._timing.max_age_ms
        together = synchronise(rgb, others, now_ns, tolerance_ms, max_age_ms, self._sizes)
        for role, frame in together.frames.items():
            # A terminal's camera keeps the size it began with, also when it is opened anew.
            self._sizes.setdefault(role, (frame.image.shape[0], frame.image.shape[1]))
        for role, found in together.faults.items():
            for fault in found:
                self._grabbers[role].faults.note(fault, now_ns)
        return FrameSet(together.frames, together.states, together.captured_ns, self.faults())

    def faults(self) -> Faults:
        """Return what is known to be wrong with which role; from any thread, also while there are no FrameSets.

        A fault is in force from its first sign until FaultHold's HOLD_MS after its last.
        """
        now_ns = time.monotonic_ns()
        found = {role: grabber.faults.in_force(now_ns) for role, grabber in self._grabbers.items()}
        if self._darkness is not None and self._darkness.gone:
            found[Role.NIR] |= {SensorFault.ILLUMINATOR_DARK}
        return MappingProxyType({role: faults for role, faults in found.items() if faults})

    def meter(self, frame_set: FrameSet, box: Box) -> None:
        """Let cameras that can be adjusted expose for the face in ``box``, in the pixels of ``frame_set``.

        Quick, and from any thread; the cameras' own threads set what follows from it, and let go when no more faces
        are told of.
        """
        for role in _METERED:
            grabber, frame = self._grabbers.get(role), frame_set.frames.get(role)
            if grabber is None or frame is None or not grabber.exposing.wanted:
                continue
            stops = stops_wanted(frame.image, box, role)
            if stops is not None:
                grabber.exposing.tell(frame.captured_ns, stops)

    def health(self) -> tuple[CameraHealth, ...]:
        """Return the health of every camera, in the order given."""
        return tuple(grabber.health for grabber in self._grabbers.values())

    def lamps_gone(self) -> int:
        """Return how many lamps do not answer."""
        return sum(lamp.gone for lamp in self._lamps)

    def ended(self) -> str | None:
        """Return the name of a camera whose thread has ended by itself, which only a defect does, or None."""
        return next((health.name for health in self.health() if health.state is CameraState.STOPPED), None)

    def _darkness_of(self, camera: Camera) -> Darkness | None:
        """Return the moments of darkness of the nir camera, where there is a lamp to make them with."""
        if camera.role is not Role.NIR:
            return None
        own = (OwnLight(camera),) if isinstance(camera, Emitting) else ()
        if own or self._lamps:
            self._darkness = Darkness((*self._lamps, *own), self._timing.unlit_every_ms)
        return self._darkness

    def _next_rgb(self, timeout_s: float) -> Frame:
        grabber = self._grabbers[Role.RGB]
        deadline_s = time.monotonic() + timeout_s
        try:
            rgb = grabber.slot.take(timeout_s)
            while self._is_dark(rgb):
                rgb = grabber.slot.take(max(0.0, deadline_s - time.monotonic()))
        except DeviceTimeout as exc:
            health = grabber.health
            because = f": {health.last_error}" if health.last_error else ""
            raise DeviceTimeout(f"camera '{health.name}' (rgb, {health.state}) gave {exc}{because}") from exc
        return rgb

    def _is_dark(self, rgb: Frame) -> bool:
        return self._darkness is not None and self._darkness.covers(rgb.captured_ns)

    def _gather(self, rgb: Frame) -> tuple[Frame, dict[Role, Sequence[Frame]]]:
        """Return ``rgb`` and the recent frames of every other role."""
        deadline_ns = time.monotonic_ns() + round(self._timing.partner_wait_ms * 1e6)
        roles: list[Role] = [role for role in self._grabbers if role is not Role.RGB]
        return rgb, {role: self._partners(role, rgb, deadline_ns) for role in roles}

    def _partners(self, role: Role, rgb: Frame, deadline_ns: int) -> Sequence[Frame]:
        """Return the recent frames of ``role``, having waited for one of rgb's moment if one may still come."""
        grabber = self._grabbers[role]
        since_ns = rgb.captured_ns - round(self._timing.tolerance_ms * 1e6)
        if grabber.period_ns is not None:
            # The next one will be nearer than one from before half a period ago.
            since_ns = max(since_ns, rgb.captured_ns - round(_HALF * grabber.period_ns))
        last_ns = grabber.last_ns
        # A camera we waited for in vain that has given nothing since has stalled: the others need not wait for it.
        stalled = role in self._waited_for and self._waited_for[role] == last_ns
        frames = grabber.slot.recent(since_ns, 0 if stalled or grabber.state in _GONE else deadline_ns)
        if frames and frames[-1].captured_ns >= since_ns:
            self._waited_for.pop(role, None)
        else:
            self._waited_for[role] = last_ns
        return frames


def open_rig(
    cameras: Sequence[CameraConfig], timing: Timing | None = None, illuminators: Sequence[IlluminatorConfig] = ()
) -> Rig:
    """Return the rig of the configured cameras and lamps, not yet entered.

    Errors as for :func:`livegate.drivers.open_camera`. How often lamps go dark is what their tables say, where there
    are any; of several, those that are asked to go dark most often decide for all.
    """
    timing = timing or Timing()
    lamps = [
        Lamp(f"{number}", open_illuminator(lamp), lamp.level, timing.retry)
        for number, lamp in enumerate(illuminators, 1)
    ]
    if illuminators:
        asked = [lamp.unlit_every_ms for lamp in illuminators if lamp.unlit_every_ms]
        timing = replace(timing, unlit_every_ms=min(asked, default=0))
    return Rig({camera.name: open_camera(camera) for camera in cameras}, timing, lamps)
