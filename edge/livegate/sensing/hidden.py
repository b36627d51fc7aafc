"""Sensors that fell silent before somebody: no reason to do without them while that somebody stands there.

A screen that returns no depth, or a card held before the near-infrared lens, blinds a sensor for one attempt; a hot
pixel makes the covered one look frozen, and stale. A sensor that is still silent with nobody in view is covered or
broken, and then the configured least step decides. Where the terminal looks into the open, or into the dark, depth and
near infrared see nothing whenever nobody is there: then only being blind before several people in a row says that it is
the sensor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from livegate.sensing.seen import Seen
from livegate.types import NS_PER_MS, Role, SensorState

# Silent for so long with nobody in view; blind ones only where they never saw anything or usually see the room.
_ALONE_NS = 3_000 * NS_PER_MS
_USUALLY_NS = 10_000 * NS_PER_MS
# Silent before so many people in a row, over so long.
_PEOPLE, _PEOPLE_NS = 3, 120_000 * NS_PER_MS
# Frames further apart say nothing of what was in between.
_LONGEST_STEP_NS = 500 * NS_PER_MS


@dataclass
class _Record:
    """One role: since when it is silent and before how many people, and what it saw before."""

    saw_room_ns: int = 0
    worked: bool = False
    silent_since_ns: int | None = None
    blind: bool = False
    """It was blind at least once since it fell silent."""
    blind_alone_ns: int = 0
    away_alone_ns: int = 0
    people: int = 0
    last_presentation: int = -1

    def take(self, seen: Seen, state: SensorState, step_ns: int) -> None:
        alone_ns = step_ns if seen.nobody else 0
        if state is SensorState.OK:
            self.worked = True
            self.silent_since_ns, self.blind, self.people = None, False, 0
            self.blind_alone_ns = self.away_alone_ns = 0
            self.saw_room_ns += alone_ns
            return
        self.silent_since_ns = seen.at_ns if self.silent_since_ns is None else self.silent_since_ns
        if state is SensorState.BLINDED:
            self.blind, self.away_alone_ns = True, 0
            self.blind_alone_ns += alone_ns
        else:
            self.away_alone_ns += alone_ns
        if seen.faces and seen.presentation != self.last_presentation:
            self.last_presentation = seen.presentation
            self.people += 1

    def is_silent_by_itself(self, at_ns: int) -> bool:
        """Return whether it is the sensor, and not who stands there, that makes it say nothing."""
        if self.silent_since_ns is None:
            return False
        if not self.worked and not self.blind:
            # Nobody before the door makes a camera one that was never there.
            return True
        telling = not self.worked or self.saw_room_ns >= _USUALLY_NS
        alone = self.away_alone_ns >= _ALONE_NS or (telling and self.blind_alone_ns >= _ALONE_NS)
        return alone or (self.people > _PEOPLE and at_ns - self.silent_since_ns >= _PEOPLE_NS)


class Hidden:
    """Follows which roles are silent."""

    def __init__(self) -> None:
        self._records: dict[Role, _Record] = {}
        self._last_ns: int | None = None

    def learn(self, seen: Seen, states: Mapping[Role, SensorState]) -> None:
        """Take the next FrameSet, and the states of its roles as they were judged."""
        step_ns = 0 if self._last_ns is None else min(max(seen.at_ns - self._last_ns, 0), _LONGEST_STEP_NS)
        self._last_ns = seen.at_ns
        for role, state in states.items():
            if role is not Role.RGB:
                self._records.setdefault(role, _Record()).take(seen, state, step_ns)

    def awaited(self, states: Mapping[Role, SensorState], at_ns: int) -> frozenset[Role]:
        """Return the roles without which nobody is bona fide, being in these ``states`` at ``at_ns``.

        All but rgb that work, or that may be silent only before who stands there.
        """
        return frozenset(
            role for role, state in states.items() if role is not Role.RGB and self._is(role, state, at_ns)
        )

    def _is(self, role: Role, state: SensorState, at_ns: int) -> bool:
        record = self._records.get(role, _Record())
        if state is SensorState.OK:
            return True
        if record.silent_since_ns is None:
            return record.worked or state is SensorState.BLINDED
        return not record.is_silent_by_itself(at_ns)
