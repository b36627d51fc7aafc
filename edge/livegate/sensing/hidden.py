"""Sensors that went blind before somebody: no reason to do without them while that somebody stands there.

A screen that returns no depth, or a card held before the near-infrared lens, blinds a sensor for one attempt. A sensor
that is still blind with nobody in view is covered or broken, and then the configured least step decides. Where the
terminal looks into the open, or into the dark, depth and near infrared see nothing whenever nobody is there: then only
being blind before several people in a row says that it is the sensor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from livegate.sensing.seen import Seen
from livegate.types import NS_PER_MS, Role, SensorState

# Blind for so long with nobody in view, where it never saw anything or usually sees the room.
_ALONE_NS = 3_000 * NS_PER_MS
_USUALLY_NS = 10_000 * NS_PER_MS
# Blind before so many people in a row, over so long.
_PEOPLE, _PEOPLE_NS = 3, 120_000 * NS_PER_MS
# Frames further apart say nothing of what was in between.
_LONGEST_STEP_NS = 500 * NS_PER_MS


@dataclass
class _Record:
    """One role: since when it is blind and before how many people, and what it saw before."""

    saw_room_ns: int = 0
    worked: bool = False
    blind_since_ns: int | None = None
    blind_alone_ns: int = 0
    people: int = 0
    last_presentation: int = -1

    def take(self, seen: Seen, *, blind: bool, step_ns: int) -> None:
        if not blind:
            self.worked = True
            self.blind_since_ns, self.blind_alone_ns, self.people = None, 0, 0
            self.saw_room_ns += step_ns if seen.nobody else 0
            return
        self.blind_since_ns = seen.at_ns if self.blind_since_ns is None else self.blind_since_ns
        self.blind_alone_ns += step_ns if seen.nobody else 0
        if seen.faces and seen.presentation != self.last_presentation:
            self.last_presentation = seen.presentation
            self.people += 1

    def is_hidden(self, at_ns: int) -> bool:
        if self.blind_since_ns is None:
            return False
        telling = not self.worked or self.saw_room_ns >= _USUALLY_NS
        alone = telling and self.blind_alone_ns >= _ALONE_NS
        return not alone and not (self.people > _PEOPLE and at_ns - self.blind_since_ns >= _PEOPLE_NS)


class Hidden:
    """Follows which roles are blind."""

    def __init__(self) -> None:
        self._records: dict[Role, _Record] = {}
        self._last_ns: int | None = None
        self.roles: frozenset[Role] = frozenset()
        """The roles that are blind now, perhaps only before who stands there."""

    def learn(self, seen: Seen, states: Mapping[Role, SensorState]) -> None:
        """Take the next FrameSet, and the states of its roles as they were judged."""
        step_ns = 0 if self._last_ns is None else min(max(seen.at_ns - self._last_ns, 0), _LONGEST_STEP_NS)
        self._last_ns = seen.at_ns
        for role, state in states.items():
            if role is not Role.RGB and state in (SensorState.OK, SensorState.BLINDED):
                record = self._records.setdefault(role, _Record())
                record.take(seen, blind=state is SensorState.BLINDED, step_ns=step_ns)
        blind = {role for role, state in states.items() if state is SensorState.BLINDED}
        self.roles = frozenset(
            role for role in blind & self._records.keys() if self._records[role].is_hidden(seen.at_ns)
        )
