"""What the detector's probabilities weigh: its log-odds, calibrated on the dev split, as a log-likelihood ratio."""

from __future__ import annotations

import math
from dataclasses import dataclass

from livegate.decide.evidence import bounded
from livegate.errors import PadError

# A float32 probability next to 1 leaves its complement no finer: below it the odds are rounding, not evidence.
SMALLEST_PROBABILITY = 1e-7


@dataclass(frozen=True, slots=True)
class Calibration:
    """A straight line from log-odds to log-likelihood ratio (Platt, 1999), its bound, and the operating point.

    ``threshold_llr`` is the least llr called bona fide; ``max_llr`` bounds how much one picture may claim.
    """

    slope: float
    offset: float
    threshold_llr: float
    max_llr: float


def log_odds(p_bona_fide: float, p_attack: float) -> float:
    """Return ln(p_bona_fide / p_attack), finite for every pair in 0..1; raise PadError when either is not a number."""
    if math.isnan(p_bona_fide) or math.isnan(p_attack):
        raise PadError(f"detector: probabilities {p_bona_fide} and {p_attack}, expected two numbers in 0..1")
    return math.log(max(p_bona_fide, SMALLEST_PROBABILITY)) - math.log(max(p_attack, SMALLEST_PROBABILITY))


def detector_llr(p_bona_fide: float, p_attack: float, calibration: Calibration) -> float:
    """Return the natural log of the likelihood ratio of bona fide to attack for one detected face, within ±max_llr.

    The probabilities need not sum to 1 (the rest is background); two equal ones say nothing and give the offset.
    """
    llr = calibration.slope * log_odds(p_bona_fide, p_attack) + calibration.offset
    return bounded(llr, calibration.max_llr)
