"""Does the near-infrared lamp light what stands before it?

With pictures taken lit and unlit it shows in their difference: of a near face, its clothes, even of a black screen,
which reflects some percent and shows the lamp itself. Without them only a face no brighter than what lies behind it is
left, which is just what a screen looks like: then the fault is named, and the sensor stays to be judged by.
"""

from __future__ import annotations

import numpy as np

from livegate.sensing.rhythm import OFTEN_NS, Rhythm
from livegate.sensing.seen import Level, Seen
from livegate.sensing.suspicion import Pace, Suspicion
from livegate.types import NS_PER_MS, Role, SensorFault

# Block means of a dark pair differ by noise / 8; light adds whole levels somewhere within a metre.
_BLOCK_PX = 8
_LIT_LEVELS = 2.5
# log(face / picture) in near infrared (docs/sensors.md): 1 % of 261 simulated people below 0.15, the median 0.89.
_DARK_FACE, _LIT_FACE = 0.1, 0.35


class LampDark:
    """Tells a dead lamp: with pairs named after three people in a row, sure after five and ten dark minutes.

    Without pairs it is named only then, and never sure.
    """

    role = Role.NIR
    fault = SensorFault.ILLUMINATOR_DARK

    def __init__(self, names: int = 3) -> None:
        """``names``: after so many bad presentations in a row the fault is named."""
        self._suspicion = Suspicion(Pace(names=names, sure=5, sure_ns=600_000 * NS_PER_MS))
        self._rhythm = Rhythm(OFTEN_NS)
        self._in_pairs = False

    @property
    def level(self) -> Level:
        """How sure it is now."""
        level = self._suspicion.level
        if self._in_pairs:
            return level
        return Level.NAMED if level is Level.SURE else Level.NONE

    def learn(self, seen: Seen) -> None:
        """Take the next FrameSet."""
        dark = self._is_dark(seen) if self._rhythm.due(seen.at_ns) else None
        if dark is not None:
            self._suspicion.vote(against=dark, presentation=seen.presentation, at_ns=seen.at_ns)

    def _is_dark(self, seen: Seen) -> bool | None:
        nir, frame = seen.picture(Role.NIR), seen.frame_set.frames.get(Role.NIR)
        patch = seen.patch(Role.NIR, 0.6)
        if nir is None or frame is None or patch is None:
            return None
        self._in_pairs = frame.unlit is not None
        if frame.unlit is not None:
            if frame.unlit.shape != nir.shape or frame.unlit.dtype != nir.dtype:
                return None
            return _most_light(nir, frame.unlit) < _LIT_LEVELS
        ratio = float(np.log((np.median(patch[::3, ::3]) + 2.0) / (np.median(nir[::8, ::8]) + 2.0)))
        return None if _DARK_FACE < ratio < _LIT_FACE else ratio <= _DARK_FACE


def _most_light(lit: np.ndarray, unlit: np.ndarray) -> float:
    """Return by how many grey levels the lamp lights the most lit hundredth of the picture."""
    height, width = (side // _BLOCK_PX * _BLOCK_PX for side in lit.shape)
    rows = slice(0, height, 2)
    difference = lit[rows, :width:2].astype(np.int16) - unlit[rows, :width:2]
    half = _BLOCK_PX // 2
    blocks = difference.reshape(height // _BLOCK_PX, half, width // _BLOCK_PX, half).mean(axis=(1, 3))
    return float(np.percentile(blocks, 99))
