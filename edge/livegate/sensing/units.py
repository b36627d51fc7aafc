"""Is depth in millimetres? A face is about 140 mm wide, and a room has people near and walls far.

One face proves nothing: telephones show faces a seventh as wide, posters ten times. So the nearest and the farthest
that this opening of the device ever saw must fit the other unit too, and that is the room's, not an attacker's, to say.
"""

from __future__ import annotations

import numpy as np

from livegate.optics import FACE_WIDTH_MM, camera_of
from livegate.sensing.rhythm import OFTEN_NS, Rhythm
from livegate.sensing.seen import Level, Seen
from livegate.sensing.suspicion import Pace, Suspicion
from livegate.types import NS_PER_MS, Role, SensorFault

# Of 261 simulated people (docs/sensors.md) the width was 0.69 to 1.22 of FACE_WIDTH_MM.
_GOOD = (0.6, 1.6)
# Units in use differ by a factor of 4 (a quarter of a millimetre) or more.
_TOO_WIDE, _TOO_NARROW = 3.2, 0.3
# People who come to a door stand nearer than this, and some of the room lies farther.
_NEAR_MM, _FAR_MM = 800, 1500
_STRIDE = 16
_LEAST_RETURNS = 50


class WrongUnit:
    """Tells depth in tenths of millimetres, centimetres or metres from millimetres."""

    role = Role.DEPTH
    fault = SensorFault.WRONG_UNIT

    def __init__(self, names: int = 2) -> None:
        """``names``: after so many bad presentations in a row the fault is named."""
        self._suspicion = Suspicion(Pace(names=names, sure=3, sure_ns=20_000 * NS_PER_MS, proves=3))
        self._nearest_mm, self._farthest_mm = np.inf, 0.0
        self._rhythm = Rhythm(OFTEN_NS)

    @property
    def level(self) -> Level:
        """How sure it is now."""
        return self._suspicion.level

    def learn(self, seen: Seen) -> None:
        """Take the next FrameSet."""
        image = seen.picture(Role.DEPTH)
        if image is None or self._suspicion.proven or not self._rhythm.due(seen.at_ns):
            return
        returns = image[::_STRIDE, ::_STRIDE]
        returns = returns[returns > 0]
        if returns.size >= _LEAST_RETURNS:
            near, far = np.percentile(returns, (5, 95))
            self._nearest_mm, self._farthest_mm = min(self._nearest_mm, near), max(self._farthest_mm, far)
        ratio = _width_ratio(seen)
        if ratio is None:
            return
        wide = ratio > _TOO_WIDE and self._nearest_mm > _NEAR_MM
        narrow = ratio < _TOO_NARROW and self._farthest_mm < _FAR_MM
        if wide or narrow or _GOOD[0] < ratio < _GOOD[1]:
            self._suspicion.vote(against=wide or narrow, presentation=seen.presentation, at_ns=seen.at_ns)


def _width_ratio(seen: Seen) -> float | None:
    """Return the width of the face in view, by its depth, as a share of a usual one; None where it has no depth."""
    patch, frame = seen.patch(Role.DEPTH, 0.5), seen.frame_set.frames.get(Role.DEPTH)
    if patch is None or frame is None or seen.face is None:
        return None
    returns = patch[::4, ::4]
    returns = returns[returns > 0]
    if returns.size < _LEAST_RETURNS // 5:
        return None
    fx = camera_of(frame).fx
    return float(seen.face.box.w * np.median(returns) / fx / FACE_WIDTH_MM) if fx > 0 else None
