"""Is something soft before the lens: breath, grease, tape, a hand too near to be sharp?

What is all dark or of one value capture tells at once. This is what lets light through and no detail: with nobody in
view the room's contrast over a few pixels falls to a small part of what it was. Somebody's own face, print or screen is
never judged by it, so nobody can rid the terminal of a sensor by what they hold up.
"""

from __future__ import annotations

import statistics
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.sensing.rhythm import Rhythm
from livegate.sensing.seen import Level, Seen
from livegate.types import NS_PER_MS, Role, SensorFault

_PERIOD_NS = 200 * NS_PER_MS
_FRAMES = 15
_COVERED, _CLEAR = 0.25, 0.5
# The reference is the median of the first looks. From there it follows the room: it forgets half of itself in some
# hours, and takes half an hour for four times as much. Whoever holds up a chequered paper for a moment must not make a
# whole room look covered afterwards.
_FIRST, _LEAST = 5, 0.01
_FORGET, _LEARN = 1.0 - 1e-5, 1.0 + 1.5e-4
_APART_PX = 8
_DARK_LEVEL = 25.0
_FLOOR = 8.0


class SoftlyCovered:
    """Tells a picture that lost its detail while nobody was in view; the first detailed one clears it."""

    fault = SensorFault.COVERED

    def __init__(self, role: Role) -> None:
        self.role = role
        self._rhythm = Rhythm(_PERIOD_NS)
        self._first: list[float] = []
        self._reference = 0.0
        self._row = 0

    @property
    def level(self) -> Level:
        """How sure it is now."""
        return Level.SURE if self._row >= _FRAMES else Level.NONE

    def learn(self, seen: Seen) -> None:
        """Take the next FrameSet."""
        image = seen.picture(self.role)
        if image is None or not seen.nobody or not self._rhythm.due(seen.at_ns):
            return
        found = detail(image)
        if found is None:
            return
        if len(self._first) < _FIRST:
            self._first.append(found)
            self._reference = max(statistics.median(self._first), _LEAST)
            return
        self._reference = min(max(found, self._reference * _FORGET), self._reference * _LEARN)
        # A room that never had detail has none to lose.
        if self._reference > _LEAST and found < _COVERED * self._reference:
            self._row = min(self._row + 1, _FRAMES)
        elif found > _CLEAR * self._reference or self._row < _FRAMES:
            self._row = 0


def detail(image: NDArray[Any]) -> float | None:
    """Return the contrast over eight pixels of a uint8 picture, relative to its brightness; None where it is dark.

    The largest tenth of the differences on one row in sixteen, so that a bare wall with one edge has some.
    """
    rows = (image if image.ndim == 2 else image[:, :, 1])[8::16, ::2].astype(np.float32)
    level = float(rows.mean())
    if level < _DARK_LEVEL:
        return None
    apart = _APART_PX // 2
    return float(np.percentile(np.abs(rows[:, apart:] - rows[:, :-apart]), 90)) / (level + _FLOOR)
