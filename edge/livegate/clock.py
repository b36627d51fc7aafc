"""Read this machine's clocks."""

from __future__ import annotations

import ctypes
import time
from pathlib import Path

from livegate.errors import StoreError
from livegate.gate.facts import Clock

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_TIME_ERROR = 5
# struct timex is 208 bytes on 64-bit Linux; the kernel writes no further.
_TIMEX_BYTES = 512
_TRIES = 3
_AT_ONCE_NS = 10_000_000


def read_clock() -> Clock:
    """Return this moment on the wall and the monotonic clock, which stands still while the machine sleeps."""
    for _ in range(_TRIES):
        before_ns = time.monotonic_ns()
        wall_s = time.time()
        asleep_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - before_ns
        # Where something came between the readings they would look like a clock that was set.
        if time.monotonic_ns() - before_ns < _AT_ONCE_NS:
            break
    return Clock(wall_s, before_ns, is_synchronised(), utc_offset_s(wall_s), asleep_ns=asleep_ns)


def utc_offset_s(wall_s: float) -> int:
    """Return by how many seconds local time was ahead of UTC at ``wall_s``, daylight saving time included."""
    try:
        return time.localtime(wall_s).tm_gmtoff
    except (OverflowError, OSError, ValueError):
        return 0


def is_synchronised() -> bool:
    """Return whether the kernel believes its wall clock follows a time server (adjtimex(2), asked only)."""
    state: int = _libc.adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    return 0 <= state < _TIME_ERROR


def boot_id() -> str:
    """Return the kernel's name for this boot: monotonic times compare only within one."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError as exc:
        raise StoreError(
            f"{_BOOT_ID}: cannot be read ({exc.strerror}); Livegate needs Linux with /proc mounted"
        ) from exc


_libc = ctypes.CDLL(None)
