"""How evidence adds up: over the frames of one appearance, and over cues."""

from __future__ import annotations

import math
from collections.abc import Sequence


def bounded(llr: float, limit: float) -> float:
    """Squeeze a log-likelihood ratio into ±limit; tanh keeps the order of scores that a clip would make equal."""
    return limit * math.tanh(llr / limit)


def pooled(frame_llrs: Sequence[float], frame_correlation: float, limit: float) -> float:
    """Return the log-likelihood ratio of one appearance from those of its frames (one or more), within ±limit.

    Frames of one appearance are not independent. With correlation r (0..1) between them n frames are worth
    n / (1 + (n - 1) r) independent ones, the design effect of cluster sampling (Kish, Survey Sampling, 1965, 5.4):
    their mean is multiplied by that.
    """
    n = len(frame_llrs)
    worth = n / (1.0 + (n - 1) * frame_correlation)
    return bounded(worth * math.fsum(frame_llrs) / n, limit)


def probability(llr: float) -> float:
    """Return the probability of bona fide for a log-likelihood ratio at even prior odds, 0..1."""
    return 1.0 / (1.0 + math.exp(-llr)) if llr >= 0 else math.exp(llr) / (1.0 + math.exp(llr))
