"""What it costs to bring three cameras together, besides what their drivers need to make pictures."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from livegate.capture.camera import Camera
from livegate.capture.rig import Rig
from livegate.errors import DeviceTimeout
from livegate.types import Frame, Role
from livegate_tools.bench.material import HEIGHT_PX, WIDTH_PX
from livegate_tools.bench.timing import Samples

FPS = 30
ROLES = (Role.RGB, Role.NIR, Role.DEPTH)
TIMEOUT_S = 5.0
# Pictures are windows of this much room into noise made before: 4,096 different ones.
_ROOM_PX = 64
_SEED = 30


class DrawnCamera:
    """A camera of 30 frames a second, 640x480, whose pictures are there: only what capture does with them takes time.

    Cameras begin a third of a period after one another, as cameras do that know nothing of each other.
    """

    def __init__(self, role: Role) -> None:
        self.role = role
        self._noise = _noise(role)
        self._next = 0
        self._began_ns = 0

    def __enter__(self) -> Self:
        """Begin."""
        self._began_ns = time.monotonic_ns() + ROLES.index(self.role) * 10**9 // (FPS * len(ROLES))
        self._next = 0
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""

    def read(self, timeout_s: float) -> Frame:
        """Return the next frame when it is due, or raise DeviceTimeout."""
        due_ns = self._began_ns + self._next * 10**9 // FPS
        left_s = (due_ns - time.monotonic_ns()) / 1e9
        time.sleep(max(0.0, min(left_s, timeout_s)))
        if left_s > timeout_s:
            raise DeviceTimeout(f"no picture within {timeout_s:g} s")
        self._next += 1
        down, across = divmod(self._next % _ROOM_PX**2, _ROOM_PX)
        picture = self._noise[down : down + HEIGHT_PX, across : across + WIDTH_PX]
        return Frame(self.role, picture, due_ns, self._next - 1)


def frame_set_cpu_ms(frames: int, on_frame: Callable[[], object] = lambda: None) -> Samples:
    """Return what each of ``frames`` FrameSets of three cameras cost this process, (frames,) float64 in ms of CPU time.

    All threads count, waking up too. The process should do nothing else meanwhile. At 30 FrameSets a second 1 ms is 3 %
    of a core. Takes ``frames`` / 30 seconds.
    """
    cameras: dict[str, Camera] = {str(role): DrawnCamera(role) for role in ROLES}
    spent_ns = np.empty(frames, np.int64)
    with Rig(cameras) as rig:
        for _ in range(FPS // 2):
            rig.next(TIMEOUT_S)
        for index in range(frames):
            begun_ns = time.process_time_ns()
            rig.next(TIMEOUT_S)
            spent_ns[index] = time.process_time_ns() - begun_ns
            on_frame()
    return spent_ns / 1e6


def _noise(role: Role) -> NDArray[Any]:
    size = (HEIGHT_PX + _ROOM_PX, WIDTH_PX + _ROOM_PX)
    shape = size if role in (Role.NIR, Role.DEPTH) else (*size, 3)
    return np.random.default_rng(_SEED).integers(20, 230, shape, np.uint16 if role is Role.DEPTH else np.uint8)
