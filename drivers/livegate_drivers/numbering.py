"""Number a camera's frames from 0 by its device's own count."""

from __future__ import annotations


class Numbering:
    """What the device did not give us is a gap; what it counted before we came, or anew after a restart, is none."""

    def __init__(self) -> None:
        self._next = 0
        self._last: int | None = None

    def restart(self) -> None:
        """Expect any number: the device was away."""
        self._last = None

    def number(self, device_number: int) -> int:
        """Return this frame's number, greater than the last one's; the device's counts up from anything."""
        passed = 1 if self._last is None else device_number - self._last
        self._last = device_number
        self._next += max(1, passed)
        return self._next - 1
