"""Do red and blue stand in each other's place? Skin is red, or at least not blue, under every lamp people live by."""

from __future__ import annotations

import numpy as np

from livegate.sensing.rhythm import OFTEN_NS, Rhythm
from livegate.sensing.seen import Level, Seen
from livegate.sensing.suspicion import Pace, Suspicion
from livegate.types import NS_PER_MS, Role, SensorFault

# log(red / blue) of 261 simulated people (docs/sensors.md): 1 % below 0.006, the least -0.03; of attacks -0.13.
_BLUE, _RED = -0.08, 0.08
# After so long an rgb camera is tried again: without it no face is found that could clear it.
_FIRST_PROBATION_NS = 60_000 * NS_PER_MS
_LONGEST_PROBATION_NS = 3_600_000 * NS_PER_MS
_FLOOR = 4.0


class ChannelsSwapped:
    """Tells blue faces, over several people, from red ones."""

    role = Role.RGB
    fault = SensorFault.CHANNELS_SWAPPED

    def __init__(self, names: int = 2) -> None:
        """``names``: after so many bad presentations in a row the fault is named."""
        self._pace = Pace(names=names, sure=3, sure_ns=10_000 * NS_PER_MS, proves=3)
        self._suspicion = Suspicion(self._pace)
        self._rhythm = Rhythm(OFTEN_NS)
        self._sure_ns: int | None = None
        self._probation_ns = _FIRST_PROBATION_NS

    @property
    def level(self) -> Level:
        """How sure it is now."""
        return self._suspicion.level

    def learn(self, seen: Seen) -> None:
        """Take the next FrameSet."""
        self._end_sentence(seen.at_ns)
        patch = None if self._suspicion.proven else seen.patch(Role.RGB, 0.5)
        if patch is None or not self._rhythm.due(seen.at_ns):
            return
        blue, _, red = (float(np.median(patch[::3, ::3, channel])) for channel in range(3))
        hue = float(np.log((red + _FLOOR) / (blue + _FLOOR)))
        if not _BLUE < hue < _RED:
            self._suspicion.vote(against=hue <= _BLUE, presentation=seen.presentation, at_ns=seen.at_ns)

    def _end_sentence(self, at_ns: int) -> None:
        """Give a camera another chance that could not clear itself, each time after longer."""
        if self.level is not Level.SURE:
            self._sure_ns = None
            return
        self._sure_ns = at_ns if self._sure_ns is None else self._sure_ns
        if at_ns - self._sure_ns > self._probation_ns:
            self._suspicion, self._sure_ns = Suspicion(self._pace), None
            self._probation_ns = min(2 * self._probation_ns, _LONGEST_PROBATION_NS)
