"""A RealSense device that streams, read for all cameras that use it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from livegate.errors import DeviceLost, DeviceTimeout, DriverError
from livegate_drivers.device_clock import DeviceClock
from livegate_drivers.realsense.pairs import Arrival, EmitterPairs
from livegate_drivers.realsense.pictures import lit
from livegate_drivers.realsense.sdk import gone, load_sdk, refused
from livegate_drivers.realsense.settings import agreed, full_power, prepare_exposure, prepare_projector
from livegate_drivers.realsense.sources import Source
from livegate_drivers.realsense.streams import COLOUR, Chosen, Emitter, Want, choose, shared_settings, stream_of

# Each stream has a few; a reader that is later than this misses the oldest.
QUEUE = 16


class RealsenseDevice:
    """Sensors with their streams started into one queue."""

    def __init__(self, source: Source, wants: frozenset[Want]) -> None:
        """Open and start; raise DriverError naming device and remedy."""
        self.sdk = load_sdk()
        self.live = source.live
        self._name = source.name
        self._source = source
        self._device = source.open(self.sdk)
        self._queue = self.sdk.frame_queue(QUEUE)
        self._clocks: dict[str, DeviceClock] = {}
        self._latest_ns: dict[tuple[str, int], int] = {}
        self._pairs = EmitterPairs()
        self._open: list[Any] = []
        with refused(self._name):
            self.serial = self._told(self.sdk.camera_info.serial_number)
            self.chosen: dict[Want, Chosen] = {want: choose(self._device, want, self._name) for want in wants}
            settings = agreed(self._name, [shared_settings(want.settings) for want in wants])
            self._alternates = settings.emitter is Emitter.ALTERNATING
            try:
                if self.live:
                    prepare_projector(self.sdk, self._name, self._device.query_sensors(), settings)
                self.full_power = full_power(self.sdk, self._device.query_sensors())
                self._start()
            except (DriverError, RuntimeError):
                self.close()
                raise

    def read(self, timeout_s: float) -> Mapping[Want, Arrival]:
        """Return the newest frame of each stream that had one within ``timeout_s``; errors as Camera.read."""
        with gone(self._name):
            came, frame = self._queue.try_wait_for_frame(max(0, round(timeout_s * 1000)))
            if not came:
                why = self._source.over(self._device)
                if why:
                    raise DeviceLost(f"{self._name}: {why}")
                raise DeviceTimeout(f"{self._name}: no frame within {timeout_s:g} s")
            arrivals: dict[Want, Arrival] = {}
            while frame:
                self._sort(frame, arrivals)
                frame = self._queue.poll_for_frame()
        return arrivals

    def close(self) -> None:
        """Stop all streams and let go of the device; closing twice is harmless."""
        sensors, self._open = self._open, []
        for sensor in sensors:
            for step in (sensor.stop, sensor.close):
                try:
                    step()
                except RuntimeError:
                    # What is gone, or was never started, cannot be stopped and need not be.
                    continue

    def _start(self) -> None:
        """Open each sensor with all its wanted modes at once, for it takes no more while it streams, and start all."""
        groups: dict[str, dict[Want, Chosen]] = {}
        for want, chosen in self.chosen.items():
            groups.setdefault(chosen.sensor.get_info(self.sdk.camera_info.name), {})[want] = chosen
        for group in groups.values():
            sensor = next(iter(group.values())).sensor
            if self.live:
                settings = agreed(self._name, [want.settings for want in group])
                prepare_exposure(self.sdk, self._name, sensor, settings)
            sensor.open([chosen.profile for chosen in group.values()])
            self._open.append(sensor)
        for sensor in self._open:
            sensor.start(self._queue)

    def _sort(self, frame: Any, arrivals: dict[Want, Arrival]) -> None:
        """Put a frame to those who want its stream."""
        stream = stream_of(frame.profile)
        arrived_ns = time.monotonic_ns()
        # A sensor without metadata dates by another clock than one with it.
        clock = self._clocks.setdefault(frame.get_frame_timestamp_domain().name, DeviceClock())
        captured_ns = clock.captured_ns(stream, round(frame.get_timestamp() * 1e6), arrived_ns)
        # Where a stream changes its clock, its dates must not go back either.
        captured_ns = self._latest_ns[stream] = min(arrived_ns, max(captured_ns, self._latest_ns.get(stream, -1) + 1))
        arrival: Arrival | None = Arrival(frame, frame.get_frame_number(), captured_ns)
        if self._alternates and arrival is not None and stream[0] != COLOUR:
            arrival = self._pairs.take(stream, arrival, self._lit(frame))
        if arrival is not None:
            arrivals.update({want: arrival for want in self.chosen if want.stream == stream})

    def _lit(self, frame: Any) -> bool:
        told = lit(self.sdk, frame)
        if told is None:
            raise DeviceLost(
                f"{self._name}: its frames do not say whether the emitter was lit, which 'alternating' needs; use the"
                " SDK's RSUSB build or its kernel patches, or set emitter = 'on'"
            )
        return told

    def _told(self, info: Any) -> str | None:
        return self._device.get_info(info) if self._device.supports(info) else None
