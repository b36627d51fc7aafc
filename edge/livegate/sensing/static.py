"""Is it nothing but noise? In every picture through a lens neighbouring pixels are alike."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.sensing.rhythm import OFTEN_NS, Rhythm
from livegate.sensing.seen import Level, Seen
from livegate.types import Role, SensorFault

# Of 500 simulated captures (docs/sensors.md) the least alike had 0.37, a telephone in a dark nir picture; noise has 0.
_ALIKE = 0.25
# Below this a picture is dark or flat, and what is left of it is noise in all honesty.
_LEAST_DEVIATION = {Role.DEPTH: 40.0}
_USUAL_DEVIATION = 8.0
_FRAMES = 3
_LEAST_PAIRS = 200


class PureNoise:
    """Tells a role whose pictures are noise, some frames in a row; as many good ones clear it."""

    fault = SensorFault.NOISE

    def __init__(self, role: Role) -> None:
        self.role = role
        self._row = 0
        self._rhythm = Rhythm(OFTEN_NS)
        self._sure = False

    @property
    def level(self) -> Level:
        """How sure it is now."""
        return Level.SURE if self._sure else Level.NONE

    def learn(self, seen: Seen) -> None:
        """Take the next FrameSet."""
        image = seen.picture(self.role)
        if image is None or not self._rhythm.due(seen.at_ns):
            return
        step = 1 if is_noise(image, _LEAST_DEVIATION.get(self.role, _USUAL_DEVIATION)) else -1
        self._row = min(max(self._row + step, 0), _FRAMES)
        self._sure = self._row == _FRAMES or (self._sure and self._row > 0)


def is_noise(image: NDArray[Any], least_deviation: float) -> bool:
    """Return whether neighbours in a legible picture are no more alike than any two pixels.

    The measure is 1 - E[(a - b)^2] / (2 var): the correlation of horizontal neighbours, on one row in sixteen.
    """
    rows = image[8::16] if image.ndim == 2 else image[8::16, :, 1]
    left, right = rows[:, :-1:2].astype(np.float32), rows[:, 1::2].astype(np.float32)
    pairs = (left > 0) & (right > 0) if image.dtype == np.uint16 else np.ones(left.shape, bool)
    left, right = left[pairs], right[pairs]
    if left.size < _LEAST_PAIRS:
        return False
    variance = float(left.var())
    if variance < least_deviation**2:
        return False
    return 1.0 - float(((left - right) ** 2).mean()) / (2.0 * variance) < _ALIKE
