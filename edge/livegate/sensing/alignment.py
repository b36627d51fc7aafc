"""Do near infrared and depth lie where the calibration puts them? Their edges against those of rgb, over time.

Phase correlation of edge maps (Kuglin, Hines, *The phase correlation image alignment method*, 1975, here without
whitening): where both sensors see the same outlines its peak is high, and lies at the shift between them. Prints and
screens look otherwise in other light, so one presentation counts once and a fitting one clears it.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.sensing.rhythm import Rhythm
from livegate.sensing.seen import Level, Seen
from livegate.sensing.suspicion import Pace, Suspicion
from livegate.types import NS_PER_MS, Role, SensorFault

_PERIOD_NS = 500 * NS_PER_MS
# With nobody in view the room stands for a presentation, one a minute.
_ROOM_NS = 60_000 * NS_PER_MS
_WIDTH, _HEIGHT = 160, 120
# Shifts of up to a tenth of the picture, in pixels of the small one; beyond, nothing fits anyway.
_REACH = 16
# Of 126 simulated people (docs/sensors.md) near infrared had such a peak in 97 %, none of them off by more than this.
_CLEAR_PEAK = 0.3
_OFF_SHARE, _FITS_SHARE = 0.025, 0.0125


class Misaligned:
    """Tells a role whose edges keep lying elsewhere than rgb's."""

    fault = SensorFault.OTHER_CALIBRATION

    def __init__(self, role: Role, names: int = 4) -> None:
        """``names``: after so many bad presentations in a row the fault is named."""
        self.role = role
        self._rhythm = Rhythm(_PERIOD_NS)
        self._suspicion = Suspicion(Pace(names=names, sure=8, sure_ns=600_000 * NS_PER_MS, bad_votes=2, good_votes=1))

    @property
    def level(self) -> Level:
        """How sure it is now."""
        return self._suspicion.level

    def learn(self, seen: Seen) -> None:
        """Take the next FrameSet."""
        image, rgb = seen.picture(self.role), seen.picture(Role.RGB)
        if image is None or rgb is None or image.shape != rgb.shape[:2] or not self._rhythm.due(seen.at_ns):
            return
        if seen.faces is None:
            return
        found = shift_of(image, rgb)
        if found is None:
            return
        share = found / image.shape[1]
        if _FITS_SHARE < share < _OFF_SHARE:
            return
        who = seen.presentation if seen.faces else -1 - seen.at_ns // _ROOM_NS
        self._suspicion.vote(against=share >= _OFF_SHARE, presentation=who, at_ns=seen.at_ns)


def shift_of(image: NDArray[Any], rgb: NDArray[np.uint8]) -> float | None:
    """Return by how many pixels ``image`` (H, W), uint8 or depth uint16, lies off ``rgb`` (H, W, 3).

    None where their edges have too little in common to say so.
    """
    one = _depth_edges(image) if image.dtype == np.uint16 else _edges(image)
    other = _edges(cv2.cvtColor(_small(rgb), cv2.COLOR_BGR2GRAY))
    size = float(np.linalg.norm(one)) * float(np.linalg.norm(other))
    if not size > 0:
        return None
    spectrum = np.fft.rfft2(one) * np.conj(np.fft.rfft2(other))
    surface = np.roll(np.fft.irfft2(spectrum, s=one.shape) / size, (_REACH, _REACH), (0, 1))
    near = surface[: 2 * _REACH + 1, : 2 * _REACH + 1]
    peak = int(near.argmax())
    if near.flat[peak] < _CLEAR_PEAK:
        return None
    row, column = divmod(peak, 2 * _REACH + 1)
    return float(np.hypot((row - _REACH) * rgb.shape[0] / _HEIGHT, (column - _REACH) * rgb.shape[1] / _WIDTH))


def _small(image: NDArray[Any]) -> NDArray[Any]:
    return cv2.resize(image, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA)


def _edges(image: NDArray[Any]) -> NDArray[np.float32]:
    """Return local-contrast-normalised edge strength, faded out at the rim."""
    small = _small(image).astype(np.float32)
    strength = cv2.magnitude(cv2.Sobel(small, cv2.CV_32F, 1, 0), cv2.Sobel(small, cv2.CV_32F, 0, 1))
    strength = strength / (cv2.blur(strength, (21, 21)) + 2.0)
    return np.asarray((strength - strength.mean()) * _WINDOW, np.float32)


def _depth_edges(image: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Return the edges of inverse depth: a step counts by how much it shifts, holes as far away."""
    small = cv2.resize(image, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_NEAREST).astype(np.float32)
    near = np.where(small > 0, 1000.0 / np.maximum(small, 100.0), 0.0).astype(np.float32)
    strength = cv2.magnitude(cv2.Sobel(near, cv2.CV_32F, 1, 0), cv2.Sobel(near, cv2.CV_32F, 0, 1))
    strength = np.minimum(strength, 2.0)
    return np.asarray((strength - strength.mean()) * _WINDOW, np.float32)


_WINDOW = cv2.createHanningWindow((_WIDTH, _HEIGHT), cv2.CV_32F)
