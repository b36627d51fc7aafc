"""How far a head is turned, without landmarks: in what its left half differs from its right.

Histograms of oriented gradients (Dalal and Triggs, CVPR 2005) of the reduced face, less those of its mirror image, and
one learnt weight for each difference: a face seen from the front comes to nearly 0, and mirroring turns the sign. The
target is where the nose lies between the eyes, as a landmark detector saw it; docs/quality.md says how well it does.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE_PX = 32
CELLS = 8
ORIENTATIONS = 8
FEATURES = CELLS * (CELLS // 2) * ORIENTATIONS
# Gradients whose mean is below this many grey levels are noise: they do not turn a head.
_QUIET_LEVELS = 16.0


@dataclass(frozen=True, slots=True, eq=False)
class TurnModel:
    """``whole`` (2 * FEATURES,) float64 weighs the histograms; ``inter_eye_share`` is eyes' distance by box width."""

    whole: NDArray[np.float64]
    inter_eye_share: float

    @classmethod
    def of(cls, weight: NDArray[np.float64], inter_eye_share: float) -> TurnModel:
        """Return the model whose ``weight`` (FEATURES,) is that of the left half's differences from the mirror image.

        Weighing differences is weighing either half, with opposite signs: so no difference need be taken.
        """
        whole = np.zeros((CELLS, CELLS, ORIENTATIONS))
        whole[:, : CELLS // 2] = np.reshape(weight, (CELLS, CELLS // 2, ORIENTATIONS))
        return cls((whole - _mirror(whole)).ravel(), inter_eye_share)


def turn_of(grey: NDArray[np.uint8], model: TurnModel) -> float:
    """Return the turn of the face that fills ``grey`` (H, W) uint8, in distances between the eyes."""
    return float(histograms(grey).ravel() @ model.whole)


def features(grey: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return (FEATURES,) float64: the left half's histograms less those of the mirror image. To learn weights from."""
    whole = histograms(grey)
    return np.asarray((whole - _mirror(whole))[:, : CELLS // 2].ravel(), np.float64)


def _mirror(whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the histograms (CELLS, CELLS, ORIENTATIONS) of the mirror image.

    There a gradient along (x, y) points along (-x, y): an angle becomes half a turn less it, and so does its bin.
    """
    return whole[:, ::-1][:, :, _MIRRORED]


def histograms(grey: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return (CELLS, CELLS, ORIENTATIONS) float64 shares of the gradient's magnitude by cell and orientation."""
    small = cv2.resize(grey, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
    across, down = (cv2.Sobel(small, cv2.CV_32F, *order) for order in ((1, 0), (0, 1)))
    magnitude, angle = cv2.cartToPolar(across, down, angleInDegrees=True)
    bins = (np.asarray(angle) * (ORIENTATIONS / 360.0) + 0.5).astype(np.intp) % ORIENTATIONS
    sums = np.bincount((_CELL_OF + bins).ravel(), np.asarray(magnitude).ravel(), CELLS * CELLS * ORIENTATIONS)
    shares = sums / (sums.sum() + _QUIET_LEVELS * SIDE_PX * SIDE_PX)
    return np.asarray(shares.reshape(CELLS, CELLS, ORIENTATIONS), np.float64)


def _cells() -> NDArray[np.intp]:
    rows = np.arange(SIDE_PX, dtype=np.intp) // (SIDE_PX // CELLS)
    return (rows[:, None] * CELLS + rows[None, :]) * ORIENTATIONS


_CELL_OF = _cells()
_MIRRORED = [(ORIENTATIONS // 2 - k) % ORIENTATIONS for k in range(ORIENTATIONS)]
