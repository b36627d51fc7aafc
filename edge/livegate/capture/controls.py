"""What a camera may be able to do besides giving pictures; a driver that can has the methods, and nothing else to say.

All are called from the thread that reads the camera, between two reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class ExposureRange:
    """What a camera can be set to: exposure time in microseconds, gain in steps of its own (gain_most 0: none)."""

    least_us: float
    most_us: float
    gain_least: float = 0.0
    gain_most: float = 0.0


@runtime_checkable
class Adjustable(Protocol):
    """A camera whose exposure can be set while it streams."""

    def exposure_range(self) -> ExposureRange | None:
        """Return what can be set, None where this device cannot after all; only while entered."""

    def expose(self, exposure_us: float, gain: float) -> None:
        """Expose the frames to come like this, automatic exposure off; values are bounded to the range.

        Raise DeviceLost when the device is gone.
        """

    def automatic(self) -> None:
        """Hand exposure and gain back to the camera's own control. Raise DeviceLost when the device is gone."""


@runtime_checkable
class Resettable(Protocol):
    """A camera that can be taken off its bus and put on again without a hand on the plug."""

    def reset(self) -> None:
        """Reset the device; only while not entered. Raise DriverError naming device and remedy when that fails.

        Returns within two seconds; the device may take some more to come back.
        """


@runtime_checkable
class Emitting(Protocol):
    """A near-infrared camera with a lamp of its own."""

    def shine(self, level: float) -> None:
        """Set its light to a share of its full level, 0..1, for the frames to come; as for an Illuminator."""
