"""The Door protocol: what every door driver is."""

from __future__ import annotations

import enum
from types import TracebackType
from typing import Protocol, Self


class DoorState(enum.StrEnum):
    """What a door can say of itself (ONVIF Door Control: alarm states, and the lock)."""

    LOCKED = "locked"
    UNLOCKED = "unlocked"
    FORCED_OPEN = "forced_open"
    OPEN_TOO_LONG = "open_too_long"
    UNKNOWN = "unknown"


class Door(Protocol):
    """A door, opened as a device on ``__enter__`` and closed on ``__exit__``, which leaves it locked.

    A driver is a module of ``livegate_drivers.doors`` with a frozen dataclass ``Options`` and a function
    ``open_door(options: Options) -> Door``.
    """

    def __enter__(self) -> Self:
        """Connect; raise DriverError naming device and remedy when that fails. The door is locked afterwards."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Lock and disconnect; doing so twice is harmless."""

    def pulse(self, duration_ms: int) -> None:
        """Unlock for ``duration_ms`` and lock again by itself; return at once.

        A pulse during a pulse extends it, never shortens it. Raise DeviceLost when the door cannot be reached: the
        caller must then suppose that it stayed locked.
        """

    def state(self) -> DoorState:
        """Return the state of now; UNKNOWN when the door cannot be reached. Idempotent, at most some milliseconds."""
