"""Is its noise that of the sensor that was calibrated, or that stood here first?

Every sensor's pixels tremble, the more the fewer photons they get; a player, a screen grabber or a virtual camera gives
pictures that were compressed, averaged or painted, and tremble less. Only too little noise is suspicious: dusk makes
more of it in all honesty. Lukas, Fridrich, Goljan (*Digital camera identification from sensor pattern noise*, IEEE TIFS
2006) tell single sensors by the fixed part of their noise; that needs many flat pictures and is not attempted here.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.sensing.rhythm import Rhythm
from livegate.sensing.seen import Level, Seen
from livegate.types import NS_PER_MS, Role, SensorFault

# Real webcam frames of ten recordings kept within a factor of 1.7 of each other (docs/sensors.md), lamps included.
_UNLIKE, _ALIKE_AGAIN = 0.25, 0.4
# Compressed streams lose what little noise there was; below this no reference is worth anything.
_LEAST_REFERENCE = 0.5
_PERIOD_NS = 200 * NS_PER_MS
_LONGEST_PAIR_NS = 500 * NS_PER_MS
_PAIRS = 40
_BLOCK = 8
_LEVELS = (40, 215)
_LEAST_BLOCKS = 20
# Not one of the blocks that did not move trembled, and not one interval differed by this.
_NO_NOISE, _NO_JITTER_NS = 0.02, 1_000


class NoiseUnlike:
    """Tells pictures that are too quiet for their sensor, or quiet and punctual as no camera is."""

    fault = SensorFault.NOISE_UNLIKE

    def __init__(self, role: Role, calibrated: float | None = None) -> None:
        self.role = role
        self._reference = calibrated
        self._rhythm = Rhythm(_PERIOD_NS)
        self._before: tuple[NDArray[Any], int] | None = None
        self._sigmas: deque[float] = deque(maxlen=_PAIRS)
        self._times_ns: deque[int] = deque(maxlen=_PAIRS)
        self._unlike = False

    @property
    def level(self) -> Level:
        """How sure it is now."""
        return Level.NAMED if self._unlike else Level.NONE

    def learn(self, seen: Seen) -> None:
        """Take the next FrameSet."""
        frame, image = seen.frame_set.frames.get(self.role), seen.picture(self.role)
        if frame is None or image is None:
            return
        self._times_ns.append(frame.captured_ns)
        if not self._rhythm.due(frame.captured_ns):
            return
        before, self._before = self._before, (image, frame.captured_ns)
        if before is None or not 0 < frame.captured_ns - before[1] < _LONGEST_PAIR_NS or before[0] is image:
            return
        sigma = temporal_noise(before[0], image)
        if sigma is not None:
            self._sigmas.append(sigma)
            if len(self._sigmas) == _PAIRS:
                self._conclude()

    def _conclude(self) -> None:
        now = float(np.percentile(self._sigmas, 20))
        self._reference = now if self._reference is None else self._reference
        if self._reference >= _LEAST_REFERENCE:
            limit = _ALIKE_AGAIN if self._unlike else _UNLIKE
            self._unlike = now < limit * self._reference
        else:
            self._unlike = now < _NO_NOISE and self._is_punctual()

    def _is_punctual(self) -> bool:
        steps_ns = np.diff(np.array(self._times_ns, np.int64))
        shortest_ns = int(steps_ns.min())
        return shortest_ns > 0 and bool((np.abs(steps_ns - shortest_ns) < _NO_JITTER_NS).all())


def temporal_noise(before: NDArray[Any], after: NDArray[Any]) -> float | None:
    """Return by how much one pixel trembles: the standard deviation over time in grey levels.

    ``before`` and ``after`` are (H, W) or (H, W, 3) uint8 of one camera shortly after each other. Taken in the quietest
    fifth of the blocks of 8 x 8 pixels at ordinary brightness, where nothing moved. None where too few blocks are
    bright enough, the pictures differ in size, or they are the same picture.
    """
    if before.shape != after.shape:
        return None
    one, other = (_blocks(image) for image in (before, after))
    bright = one.mean(axis=(1, 3))
    usable = (bright > _LEVELS[0]) & (bright < _LEVELS[1])
    if np.count_nonzero(usable) < _LEAST_BLOCKS:
        return None
    differences = np.abs(one - other).mean(axis=(1, 3))
    if not differences.any():
        return None
    # The mean of |d| of normal d with variance 2 sigma^2 is 2 sigma / sqrt(pi).
    return float(np.percentile(differences[usable], 20) * np.sqrt(np.pi) / 2.0)


def _blocks(image: NDArray[Any]) -> NDArray[np.float32]:
    """Return one row of blocks in nine of the grey or green picture: (rows, 8, columns, 8)."""
    plane = image if image.ndim == 2 else image[:, :, 1]
    rows = np.arange(_BLOCK, plane.shape[0] - _BLOCK, 9 * _BLOCK)[:, None] + np.arange(_BLOCK)
    width = plane.shape[1] // _BLOCK * _BLOCK
    taken = plane[rows.ravel(), :width].astype(np.float32)
    return taken.reshape(-1, _BLOCK, width // _BLOCK, _BLOCK)
