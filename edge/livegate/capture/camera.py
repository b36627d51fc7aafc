"""The Camera protocol: what every camera driver is."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from livegate.types import Frame, Role


class Camera(Protocol):
    """A camera, opened on ``__enter__`` and closed on ``__exit__``.

    A driver is a module of ``livegate_drivers.cameras`` with a frozen dataclass ``Options`` and a function
    ``open_camera(options: Options, role: Role) -> Camera``, which touches no hardware: entering does. It may be entered
    again after it was closed.
    """

    role: Role

    def __enter__(self) -> Self:
        """Open the device; raise DriverError naming device and remedy when that fails."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the device; closing twice is harmless."""

    def read(self, timeout_s: float) -> Frame:
        """Return the next frame, newer than the last one returned, with its intrinsics where the device knows them.

        Raise DeviceTimeout when none came within ``timeout_s``, DeviceLost when the device is gone or its recording has
        ended (enter again to reconnect), PictureError for one damaged frame (the next may be good). Never returns a
        frame twice; never waits longer than the timeout plus the time one frame takes.
        """
