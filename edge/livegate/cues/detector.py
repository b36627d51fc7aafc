"""The detector's own class confidences, as a cue: most attacks die at detection, by their context.

Song et al. 2019: in an SSD whose classes are background, bona fide and attack, bezels, hands and paper edges around
the face already speak. The one number is the log-odds of bona fide to attack.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livegate.cues.scorer import MAX_DEVIATIONS, Scorer
from livegate.decide.calibration import Calibration, log_odds
from livegate.types import Observation, Role

NEEDS = frozenset({Role.RGB})
FEATURES: tuple[str, ...] = ("log_odds",)


def measure(observation: Observation) -> NDArray[np.float64] | None:
    """Return the log-odds of bona fide to attack, (1,) float64, finite for every probability."""
    return np.array([log_odds(observation.face.p_bona_fide, observation.face.p_attack)])


def scorer(calibration: Calibration, frame_correlation: float) -> Scorer:
    """Return the scorer that the detector's manifest gives: its calibration line, never clipped within reach."""
    widest = log_odds(1.0, 0.0) / MAX_DEVIATIONS
    return Scorer(
        features=FEATURES,
        mean=(0.0,),
        deviation=(widest,),
        weight=(calibration.slope * widest,),
        bias=calibration.offset,
        max_llr=calibration.max_llr,
        frame_correlation=frame_correlation,
    )
