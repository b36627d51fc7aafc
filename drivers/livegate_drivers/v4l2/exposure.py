"""Exposure and gain of a V4L2 camera, set while it streams and put back as they were."""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Collection
from contextlib import suppress

from livegate.capture.controls import ExposureRange
from livegate.errors import DeviceLost
from livegate_drivers.v4l2 import uapi
from livegate_drivers.v4l2.automatic import Automatic
from livegate_drivers.v4l2.controls import Control, controls, get_value, set_value
from livegate_drivers.v4l2.node import Node, explained

log = logging.getLogger(__name__)

# The unit of V4L2_CID_EXPOSURE_ABSOLUTE.
UNIT_US = 100.0


class Exposure:
    """The exposure of one open device; ``period_us`` is the time one frame has, which no exposure may exceed."""

    def __init__(self, node: Node, period_us: float) -> None:
        self._node = node
        self._period_us = period_us
        by_number = {control.number: control for control in controls(node).values()}
        self._time = by_number.get(uapi.CID_EXPOSURE_ABSOLUTE)
        self._gain = by_number.get(uapi.CID_GAIN)
        self._automatic = by_number.get(uapi.CID_EXPOSURE_AUTO)
        switches = ((self._automatic, uapi.EXPOSURE_MANUAL), (by_number.get(uapi.CID_AUTOGAIN), 0))
        self._switches = [(control, manual) for control, manual in switches if control is not None]
        self._before: list[tuple[Control, int]] = []
        self._metered = Automatic(node, self._time) if self._time is not None else None
        # (exposure in microseconds, since when), None while the camera sets it itself.
        self._known: tuple[float, int] | None = self._fixed()

    def begin(self, configured: Collection[str]) -> None:
        """Hand over to the camera's own control where the configuration says nothing of it.

        A program that died may have left it off, and cameras remember. Raise DriverError when that cannot be set.
        """
        if self._time is not None and self._time.name in configured:
            return
        for control, _ in self._switches:
            if control.name not in configured:
                with explained(self._node.path, f"setting control '{control.name}' to {control.default}"):
                    set_value(self._node, control, control.default)
        self._known = self._fixed()

    def range(self) -> ExposureRange | None:
        """Return what can be set, None for a device without an exposure time."""
        if self._time is None or self._time.flags & uapi.CTRL_FLAG_READ_ONLY:
            return None
        least_us = max(1, self._time.least) * UNIT_US
        most_us = max(least_us, min(self._time.most * UNIT_US, self._period_us))
        gain = (float(self._gain.least), float(self._gain.most)) if self._gain else (0.0, 0.0)
        return ExposureRange(least_us, most_us, *gain)

    def set(self, exposure_us: float, gain: float) -> None:
        """Set both, automatic exposure off; raise DeviceLost when the device is gone.

        A device that refuses has no range from then on.
        """
        bounds = self.range()
        if bounds is None or self._time is None:
            return
        exposure_us = min(max(exposure_us, bounds.least_us), bounds.most_us)
        value = max(self._time.least, round(exposure_us / UNIT_US))
        wanted = [*self._switches, (self._time, _stepped(self._time, value))]
        if self._gain is not None:
            kept = min(max(gain, bounds.gain_least), bounds.gain_most)
            wanted.append((self._gain, _stepped(self._gain, round(kept))))
        try:
            self._remember(wanted)
            for control, number in wanted:
                set_value(self._node, control, number)
        except OSError as exc:
            self._refused(exc)
            return
        self._known = (wanted[len(self._switches)][1] * UNIT_US, time.monotonic_ns())

    def of(self, captured_ns: int) -> float | None:
        """Return how long a frame of that time was exposed, in microseconds, where it is known."""
        if self._known is None:
            value = self._metered.value(time.monotonic_ns()) if self._metered is not None else None
            return None if value is None else value * UNIT_US
        exposure_us, since_ns = self._known
        # A frame that was under way when the setting came had the one before it.
        begun_after = captured_ns - since_ns >= (exposure_us + self._period_us) * 1000
        return exposure_us if since_ns == 0 or begun_after else None

    def restore(self) -> None:
        """Put everything back as it was before the first ``set``, the switches last; raise DeviceLost when gone."""
        before, self._before = self._before, []
        if not before:
            return
        try:
            for control, value in reversed(before):
                set_value(self._node, control, value)
        except OSError as exc:
            self._refused(exc)
            return
        fixed = self._fixed()
        self._known = (fixed[0], time.monotonic_ns()) if fixed else None

    def _remember(self, wanted: list[tuple[Control, int]]) -> None:
        if not self._before:
            self._before = [(control, get_value(self._node, control)) for control, _ in wanted]

    def _refused(self, exc: OSError) -> None:
        self._known = None
        if exc.errno in (errno.ENODEV, errno.ENXIO):
            raise DeviceLost(f"{self._node.path}: the camera was unplugged") from exc
        self._time = self._metered = None
        log.warning("camera does not take an exposure", extra={"device": str(self._node.path), "error": exc.strerror})

    def _fixed(self) -> tuple[float, int] | None:
        """Return the exposure a configuration or the device itself holds fixed."""
        if self._time is None:
            return None
        with suppress(OSError):
            if self._automatic is None or get_value(self._node, self._automatic) == uapi.EXPOSURE_MANUAL:
                return get_value(self._node, self._time) * UNIT_US, 0
        return None


def _stepped(control: Control, value: int) -> int:
    """Return the value nearest below that the control takes."""
    return control.least + (value - control.least) // max(1, control.step) * max(1, control.step)
