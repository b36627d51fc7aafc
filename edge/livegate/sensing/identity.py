"""Is it still the same device? Its serial number against the calibration's, or the first one seen."""

from __future__ import annotations

from livegate.sensing.seen import Level, Seen
from livegate.types import Role, SensorFault


class OtherDevice:
    """Tells that a role's pictures come from another device than expected, for as long as they do."""

    fault = SensorFault.OTHER_DEVICE

    def __init__(self, role: Role, expected: str | None) -> None:
        self.role = role
        self._expected = expected
        self._other = False
        self._named = False

    @property
    def level(self) -> Level:
        """How sure it is now."""
        return Level.NAMED if self._other else Level.NONE

    def learn(self, seen: Seen) -> None:
        """Take the next FrameSet."""
        frame = seen.frame_set.frames.get(self.role)
        if frame is None:
            return
        # A device that never said its name says nothing; one that no longer does is another.
        self._named = self._named or frame.device is not None
        self._expected = self._expected or frame.device
        self._other = self._named and frame.device != self._expected
