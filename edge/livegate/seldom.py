"""Say what keeps failing at first and then once a minute, and how often it did: words, too, fill a disk."""

from __future__ import annotations

from livegate.types import NS_PER_MS

PERIOD_NS = 60_000 * NS_PER_MS


class Seldom:
    """Counts failures by kind; for one thread."""

    def __init__(self) -> None:
        self._said_ns: dict[str, int] = {}
        self._since: dict[str, int] = {}

    def due(self, kind: str, now_ns: int) -> int:
        """Count a failure of ``kind`` at ``now_ns`` (monotonic); return how many to speak of now, 0 for silence."""
        count = self._since.get(kind, 0) + 1
        said_ns = self._said_ns.get(kind)
        if said_ns is not None and now_ns - said_ns < PERIOD_NS:
            self._since[kind] = count
            return 0
        self._said_ns[kind], self._since[kind] = now_ns, 0
        return count
