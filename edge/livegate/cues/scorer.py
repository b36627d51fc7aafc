"""A cue's trained scorer: its numbers to a calibrated log-likelihood ratio by logistic regression."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Beyond this many standard deviations a training set says nothing, so a straight line must not go on growing there.
MAX_DEVIATION = 4.0


@dataclass(frozen=True, slots=True)
class Scorer:
    """Logistic regression on standardised features, calibrated on a balanced dev split.

    ``max_llr`` bounds what one attempt's evidence from this cue may weigh; ``frame_correlation`` (0..1) is how alike
    the scores of neighbouring frames were on the dev split, where 1 means that further frames add nothing.
    """

    features: tuple[str, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    weight: tuple[float, ...]
    bias: float
    max_llr: float
    frame_correlation: float

    def llr(self, values: NDArray[np.float64]) -> float:
        """Return the unbounded log-likelihood ratio of bona fide to attack for (len(features),) finite numbers."""
        z = (values - np.asarray(self.mean)) / np.asarray(self.deviation)
        return float(np.clip(z, -MAX_DEVIATION, MAX_DEVIATION) @ np.asarray(self.weight)) + self.bias


def bounded(llr: float, limit: float) -> float:
    """Squeeze ``llr`` into ±limit without ties: tanh keeps the order that a clip would lose."""
    return limit * math.tanh(llr / limit)


def pooled_llr(frame_llrs: list[float], scorer_correlation: float, limit: float) -> float:
    """Return the evidence of one appearance from its frames' log-likelihood ratios.

    Frames of one appearance are not independent. With correlation r between neighbours, n frames are worth
    n / (1 + (n - 1) r) independent ones (the design effect of cluster sampling, Kish 1965, section 5.4): their mean is
    multiplied by that, then bounded.
    """
    n = len(frame_llrs)
    worth = n / (1.0 + (n - 1) * scorer_correlation)
    return bounded(worth * sum(frame_llrs) / n, limit)
