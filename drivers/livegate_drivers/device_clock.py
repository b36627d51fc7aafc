"""Date frames on this machine's monotonic clock when their device dates them on a clock of its own."""

from __future__ import annotations

from collections.abc import Hashable

# The smallest delay of so long is taken for the device's own: long enough to hold an undelayed frame, short enough that
# two clocks 50 parts in a million apart differ by less than a frame is exposed.
WINDOW_NS = 5 * 10**9
# A date further back than this is another clock's, or the clock was set back.
MAX_DELAY_NS = 2 * 10**9


class DeviceClock:
    """Maps one device's clock, whatever it counts from, to time.monotonic_ns(); not safe between threads.

    A frame arrives some delay after its date, and never before. The smallest difference between arrival and date in
    the last WINDOW_NS to twice that is therefore the best estimate of the clocks' offset: frames that were held up on
    the way do not move it. All streams of one device share it, so they stay as far apart as the device says. The delay
    that every frame has is not seen; a date is late by that much.
    """

    def __init__(self) -> None:
        self._last: dict[Hashable, tuple[int, int]] = {}
        self._forget()

    def captured_ns(self, stream: Hashable, device_ns: int, arrived_ns: int) -> int:
        """Return when a frame of ``stream`` was captured: never after ``arrived_ns``, never before the last one's.

        ``device_ns`` is its date on the device's clock. A clock that jumps is followed.
        """
        last_device_ns, last_ns = self._last.get(stream, (device_ns, -1))
        offset_ns = arrived_ns - device_ns
        if device_ns < last_device_ns or (self._known and offset_ns > self._least() + MAX_DELAY_NS):
            self._forget()
        self._learn(offset_ns, arrived_ns)
        captured_ns = min(arrived_ns, max(device_ns + self._least(), last_ns + 1))
        self._last[stream] = (device_ns, captured_ns)
        return captured_ns

    def _forget(self) -> None:
        self._known = False
        self._since_ns = self._now_least = self._before_least = 0

    def _learn(self, offset_ns: int, arrived_ns: int) -> None:
        if not self._known:
            self._known = True
            self._since_ns, self._now_least, self._before_least = arrived_ns, offset_ns, offset_ns
        elif arrived_ns - self._since_ns > WINDOW_NS:
            self._since_ns, self._now_least, self._before_least = arrived_ns, offset_ns, self._now_least
        self._now_least = min(self._now_least, offset_ns)

    def _least(self) -> int:
        return min(self._now_least, self._before_least)
