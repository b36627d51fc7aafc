"""A camera without hardware that behaves, and misbehaves when told to: for tests, trials and training of operators.

Trouble comes from its options, at given frames, or from a test that holds the object: :meth:`FakeCamera.begin` and
:meth:`FakeCamera.end`.
"""

from __future__ import annotations

import enum
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray

from livegate.errors import DeviceLost, DeviceTimeout, DriverError, PictureError
from livegate.options import Between
from livegate.types import Frame, Role
from livegate_drivers.timeline import Timeline


class Trouble(enum.StrEnum):
    """What can be wrong with a camera."""

    UNPLUGGED = "unplugged"
    STALLED = "stalled"
    DAMAGED = "damaged"
    WRONG_DTYPE = "wrong_dtype"
    WRONG_SIZE = "wrong_size"
    BACKWARDS = "backwards"
    FUTURE = "future"
    RUSHED = "rushed"
    FROZEN = "frozen"
    REPEATED = "repeated"
    COVERED = "covered"


# How many pictures the loop of REPEATED has.
LOOP = 25
# So many places in the noise; a picture does not come again before they all have.
_NOISES = 65_521
_NOISE_STEP = 25_969


@dataclass(frozen=True, slots=True)
class Event:
    """``trouble`` from frame ``at`` on, for ``frames`` frames."""

    trouble: Trouble
    at: Annotated[int, Between(0, None)]
    frames: Annotated[int, Between(1, None)] = 1


@dataclass(frozen=True, slots=True)
class Options:
    """Size and pace of the pictures, and the trouble to come."""

    width: Annotated[int, Between(16, 4096)] = 640
    height: Annotated[int, Between(16, 4096)] = 480
    fps: Annotated[float, Between(0.1, 1000)] = 15.0
    device: str | None = None
    """The serial number it gives itself."""
    event: tuple[Event, ...] = ()


class FakeCamera:
    """Draws a moving, noisy pattern at its pace from when it was first entered; late ones are skipped."""

    def __init__(self, options: Options, role: Role) -> None:
        self.role = role
        self._options = options
        self._scene = _scene(options, role)
        self._noise = _noise(self._scene)
        self._device = options.device
        self._timeline: Timeline | None = None
        self._open = False
        self._next = 0
        self._told: Trouble | None = None
        self._changed = threading.Condition()

    def begin(self, trouble: Trouble) -> None:
        """Put the camera in trouble until :meth:`end`; a waiting read notices at once."""
        with self._changed:
            self._told = trouble
            self._changed.notify_all()

    def end(self) -> None:
        """End the trouble that was begun."""
        with self._changed:
            self._told = None
            self._changed.notify_all()

    def replace(self, device: str | None) -> None:
        """Put another device in its place, for when it is opened again."""
        self._device = device

    def __enter__(self) -> Self:
        """Open; raise DriverError while unplugged."""
        if self._timeline is None:
            period_ms = 1000 / self._options.fps
            self._timeline = Timeline((0.0,), period_ms, time.monotonic_ns(), loop=True)
        if self._trouble(self._now(self._timeline)) is Trouble.UNPLUGGED:
            raise DriverError("fake camera: is unplugged; plug it in")
        self._open = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self._open = False

    def read(self, timeout_s: float) -> Frame:
        """Return the next frame at its time, or what the trouble of that frame is."""
        if not self._open or self._timeline is None:
            raise DeviceLost("fake camera: is closed; enter it first")
        timeline = self._timeline
        deadline_ns = time.monotonic_ns() + round(timeout_s * 1e9)
        while True:
            self._next = max(self._next, timeline.first_due(time.monotonic_ns() - timeline.period_ns))
            due_ns = timeline.due_ns(self._next)
            told = self._wait(min(due_ns, deadline_ns))
            trouble = told or self._scripted(self._next)
            if trouble is Trouble.UNPLUGGED:
                self._open = False
                raise DeviceLost("fake camera: was unplugged")
            if due_ns > deadline_ns:
                raise DeviceTimeout(f"fake camera: no frame within {timeout_s:g} s")
            self._next += 1
            if trouble is not Trouble.STALLED:
                return self._frame(self._next - 1, due_ns, trouble)

    def _now(self, timeline: Timeline) -> int:
        """Return the frame that is due next."""
        return max(self._next, timeline.first_due(time.monotonic_ns()))

    def _trouble(self, index: int) -> Trouble | None:
        with self._changed:
            return self._told or self._scripted(index)

    def _scripted(self, index: int) -> Trouble | None:
        events = (event for event in self._options.event if event.at <= index < event.at + event.frames)
        return next((event.trouble for event in events), None)

    def _wait(self, until_ns: int) -> Trouble | None:
        """Wait for a moment, or less when the camera is unplugged, and return the trouble it was told."""
        with self._changed:
            left_s = max(0, until_ns - time.monotonic_ns()) / 1e9
            self._changed.wait_for(lambda: self._told is Trouble.UNPLUGGED, left_s)
            return self._told

    def _frame(self, index: int, due_ns: int, trouble: Trouble | None) -> Frame:
        if trouble is Trouble.DAMAGED:
            raise PictureError(f"fake camera: frame {index} is damaged")
        image = self._picture(index, trouble)
        if trouble is Trouble.WRONG_DTYPE:
            image = image.astype(np.float32)
        if trouble is Trouble.WRONG_SIZE:
            image = image[::2, ::2]
        if trouble is Trouble.COVERED:
            image = np.zeros_like(image)
        return Frame(self.role, image, self._date(index, due_ns, trouble), index, device=self._device)

    def _picture(self, index: int, trouble: Trouble | None) -> NDArray[Any]:
        drawn = {Trouble.FROZEN: 0, Trouble.REPEATED: index % LOOP}.get(trouble, index) if trouble else index
        noise = self._noise[_NOISE_STEP * drawn % _NOISES :][: self._scene.size]
        return np.asarray(np.roll(self._scene, 3 * (drawn + 1), axis=1) + noise.reshape(self._scene.shape))

    def _date(self, index: int, due_ns: int, trouble: Trouble | None) -> int:
        if trouble is Trouble.BACKWARDS:
            return due_ns - 10 * 10**9
        if trouble is Trouble.FUTURE:
            return due_ns + 10 * 10**9
        if trouble is Trouble.RUSHED and index % 2 and self._timeline is not None:
            return self._timeline.due_ns(index - 1) + self._timeline.period_ns // 30
        return due_ns


def open_camera(options: Options, role: Role) -> FakeCamera:
    """Return a fake camera for ``role``."""
    return FakeCamera(options, role)


def _scene(options: Options, role: Role) -> NDArray[Any]:
    """Return a ramp in the shape and dtype of ``role``, with room for noise above."""
    ramp = np.broadcast_to(np.linspace(0, 1, options.width), (options.height, options.width))
    if role is Role.DEPTH:
        return (500 + 400 * ramp).astype(np.uint16)
    levels = (40 + 160 * ramp).astype(np.uint8)
    return levels.copy() if role is Role.NIR else np.repeat(levels[..., None], 3, axis=2)


def _noise(scene: NDArray[Any]) -> NDArray[Any]:
    """Return noise for a picture like ``scene``, whatever place of its first _NOISES it is taken from."""
    random = np.random.default_rng(0)
    return np.clip(random.normal(10, 3, scene.size + _NOISES), 0, 20).astype(scene.dtype)
