"""Wait for a moment on the monotonic clock."""

from __future__ import annotations

import time


def sleep_until(moment_ns: int) -> None:
    """Return at ``moment_ns`` (time.monotonic_ns()), or at once when it has passed."""
    time.sleep(max(0, moment_ns - time.monotonic_ns()) / 1e9)
