"""Sensors that went blind before somebody: no reason to do without them while that somebody stands there.

A screen that returns no depth, or a card held before the near-infrared lens, blinds a sensor for one attempt. A sensor
that is still blind with nobody in view is covered or broken, and then the configured least step decides.
"""

from __future__ import annotations

from livegate.sensing.seen import Seen
from livegate.types import NS_PER_MS, Role, SensorState

# Blind for so long with nobody in view, and it is the sensor's own matter.
_ALONE_NS = 3_000 * NS_PER_MS
# Frames further apart say nothing of what was in between.
_LONGEST_STEP_NS = 500 * NS_PER_MS


class Hidden:
    """Follows blinded roles."""

    def __init__(self) -> None:
        self._alone_ns: dict[Role, int] = {}
        self._last_ns: int | None = None

    @property
    def roles(self) -> frozenset[Role]:
        """The roles that are blinded now and were not yet so for long enough with nobody in view."""
        return frozenset(role for role, alone_ns in self._alone_ns.items() if alone_ns < _ALONE_NS)

    def learn(self, seen: Seen) -> None:
        """Take the next FrameSet."""
        step_ns = 0 if self._last_ns is None else min(max(seen.at_ns - self._last_ns, 0), _LONGEST_STEP_NS)
        self._last_ns = seen.at_ns
        self._alone_ns = {
            role: self._alone_ns.get(role, 0) + (step_ns if seen.nobody else 0)
            for role, state in seen.frame_set.states.items()
            if state is SensorState.BLINDED and role is not Role.RGB
        }
