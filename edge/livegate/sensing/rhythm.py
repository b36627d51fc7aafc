"""Now and then: what costs time and changes slowly is not looked at in every FrameSet."""

from __future__ import annotations

from livegate.types import NS_PER_MS

OFTEN_NS = 90 * NS_PER_MS
"""For what is told by a few frames of a face in view: some ten a second, however fast the cameras are."""


class Rhythm:
    """Says when a period has passed, by the times of the frames; times that run backwards begin it anew."""

    def __init__(self, period_ns: int) -> None:
        self._period_ns = period_ns
        self._last_ns: int | None = None

    def due(self, at_ns: int) -> bool:
        """Return whether the period has passed since this last said so."""
        if self._last_ns is not None and 0 <= at_ns - self._last_ns < self._period_ns:
            return False
        self._last_ns = at_ns
        return True
