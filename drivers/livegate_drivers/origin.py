"""One beginning for everything in this process that plays the same recording."""

from __future__ import annotations

import threading
from pathlib import Path
from weakref import WeakValueDictionary


class Origin:
    """The monotonic time at which a recording began to play."""

    def __init__(self, at_ns: int) -> None:
        self.at_ns = at_ns


_lock = threading.Lock()
# Kept alive by those who play; when the last of them is gone the recording may begin anew.
_origins: WeakValueDictionary[Path, Origin] = WeakValueDictionary()


def shared_origin(recording: Path, entered_ns: int) -> Origin:
    """Return when ``recording`` began: ``entered_ns`` for whoever comes first, and the same for all who join.

    Cameras are opened by threads of their own; with an origin each they would play apart by what those threads were
    apart, and their frames would never be of one moment.
    """
    with _lock:
        return _origins.setdefault(recording.resolve(), Origin(entered_ns))
