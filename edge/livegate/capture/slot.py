"""The place where a camera's thread leaves its newest frame."""

from __future__ import annotations

import threading
import time
from collections import deque

from livegate.errors import DeviceTimeout
from livegate.types import Frame

# The nearest of a moment is looked for a while after it: when rgb's picture has come and was decoded, and this thread
# had its turn. A quick camera has given some more by then, which must not have displaced it.
HISTORY = 8


class Slot:
    """Holds the newest frame and a short history; a newer frame replaces one nobody took, and that drop is counted.

    Safe between threads; every wait is bounded.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._frames: deque[Frame] = deque(maxlen=HISTORY)
        self._taken_ns = -1
        self._drops = 0

    @property
    def drops(self) -> int:
        """How many frames were replaced before anyone took or looked at them."""
        return self._drops

    def put(self, frame: Frame) -> None:
        """Make ``frame`` the newest; its ``captured_ns`` must be later than that of the one before."""
        with self._changed:
            self._drops += self._has_new()
            self._frames.append(frame)
            self._changed.notify_all()

    def clear(self) -> None:
        """Forget all frames: their camera is gone."""
        with self._changed:
            self._drops += self._has_new()
            self._frames.clear()

    def take(self, timeout_s: float) -> Frame:
        """Return the newest frame, each at most once; raise DeviceTimeout when none came within ``timeout_s``."""
        with self._changed:
            if not self._changed.wait_for(self._has_new, timeout_s):
                raise DeviceTimeout(f"no picture within {timeout_s:g} s")
            self._taken_ns = self._frames[-1].captured_ns
            return self._frames[-1]

    def recent(self, since_ns: int, deadline_ns: int) -> tuple[Frame, ...]:
        """Return the history, oldest first, once it holds a frame of ``since_ns`` or later, or at the deadline.

        ``deadline_ns`` is on the monotonic clock; one in the past means no wait.
        """
        with self._changed:
            left_s = (deadline_ns - time.monotonic_ns()) / 1e9
            self._changed.wait_for(lambda: self._newest_ns() >= since_ns, max(0.0, left_s))
            self._taken_ns = max(self._taken_ns, self._newest_ns())
            return tuple(self._frames)

    def _newest_ns(self) -> int:
        return self._frames[-1].captured_ns if self._frames else -1

    def _has_new(self) -> bool:
        return self._newest_ns() > self._taken_ns
