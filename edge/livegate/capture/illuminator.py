"""The Illuminator protocol: what every driver of a near-infrared lamp is."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self


class Illuminator(Protocol):
    """A lamp, opened dark on ``__enter__``, dark and closed on ``__exit__``.

    A driver is a module of ``livegate_drivers.illuminators`` with a frozen dataclass ``Options`` and a function
    ``open_illuminator(options: Options) -> Illuminator``, which touches no hardware: entering does. It may be entered
    again after it was closed.
    """

    def __enter__(self) -> Self:
        """Open the device; raise DriverError naming device and remedy when that fails."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Make the lamp dark and close the device; closing twice is harmless."""

    def shine(self, level: float) -> None:
        """Set the light to a share of its full level, 0..1 (0 is dark), and return once it has that level.

        Never waits longer than half a second; raise DeviceLost when the device is gone (enter again to reconnect).
        """
