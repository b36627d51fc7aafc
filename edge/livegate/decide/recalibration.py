"""How far a terminal's own scores lie from those its thresholds were fixed on, judged from a few labelled samples.

Another camera, lens or lamp moves scores more than it spreads them. So one number is learnt, a shift of the fused
evidence, as the posterior mean of a location with a prior (maximum-a-posteriori adaptation, as of speaker models to a
few utterances: Gauvain and Lee, IEEE Trans. Speech and Audio Processing 2(2), 1994). The prior is how far terminals
were seen to differ: few samples move little, and no number of them moves it beyond a bound.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from livegate.decide.rates import Rates
from livegate.decide.verdict import Boundaries
from livegate.errors import CalibrationError

# Deviation of a class's median between sources, as a share of the distance between the medians of the two classes;
# measured in docs/calibration.md.
TERMINAL_SPREAD = 0.15
# Correlation between samples of one subject at one terminal, measured there too: ten pictures of one person are worth
# little more than one.
SAME_SUBJECT = 0.8
# Operators err, and so do technicians: so many labels are taken to be wrong, and say nothing.
WRONG_LABELS = 0.05
MAX_SHIFT_LLR = 2.0
"""No shift is larger, whatever the labels say."""
_REACH = 4.0
_STEPS = 401
_MEDIAN = 0.5


@dataclass(frozen=True, slots=True)
class Labelled:
    """One sample: its fused evidence before any calibration, what it was, and what it is a picture of.

    Samples of one ``subject`` are alike: the same person, or the same instrument.
    """

    llr: float
    bona_fide: bool
    subject: str


@dataclass(frozen=True, slots=True)
class ClassShift:
    """What the samples of one class say: how far their scores lie below those of dev, and how sure that is.

    Of a class without samples only the prior is known. ``weight`` is how many independent samples they are worth.
    """

    samples: int
    weight: float
    shift_llr: float
    deviation_llr: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """The shift to be added to the fused llr, its deviation, what it came from, and the bounds it was held to.

    ``tightest_llr`` <= ``shift_llr`` <= ``loosest_llr``; above 0 more faces are accepted.
    """

    shift_llr: float
    deviation_llr: float
    loosest_llr: float
    tightest_llr: float
    bona_fide: ClassShift
    attack: ClassShift


@dataclass(frozen=True, slots=True)
class Recalibration:
    """A shift of the fused llr, for the attempts in which exactly ``cues`` spoke: for others nothing was measured."""

    cues: frozenset[str]
    shift_llr: float

    def shift(self, cues: frozenset[str]) -> float:
        """Return what is added to the fused llr of an attempt in which ``cues`` spoke."""
        return self.shift_llr if cues == self.cues else 0.0


def estimate(samples: Sequence[Labelled], rates: Rates) -> Estimate:
    """Return the shift that ``samples`` ask for, at a terminal whose thresholds have ``rates`` on dev.

    The threshold that parts two classes best moves by the mean of their shifts, so each class has half a say; without
    samples of one its shift is taken to be 0. Attacks never loosen: a set that looks easy may be an easy set.
    CalibrationError without samples, or where ``rates`` were not measured.
    """
    if not samples:
        raise CalibrationError("calibration: expected at least one sample in which every cue spoke, found none")
    bona_fide_llr, attack_llr = _medians(rates)
    spread = TERMINAL_SPREAD * (bona_fide_llr - attack_llr)
    refused = tuple(1 - rate for rate in rates.apcer)
    bona_fide = _posterior([s for s in samples if s.bona_fide], rates.llr, rates.bpcer, spread)
    attack = _posterior([s for s in samples if not s.bona_fide], rates.llr, refused, spread)
    loosest, tightest = min(spread, MAX_SHIFT_LLR), -min(2 * spread, MAX_SHIFT_LLR)
    shift = (bona_fide.shift_llr + min(attack.shift_llr, 0.0)) / 2
    return Estimate(
        shift_llr=min(max(shift, tightest), loosest),
        deviation_llr=math.hypot(bona_fide.deviation_llr, attack.deviation_llr) / 2,
        loosest_llr=loosest,
        tightest_llr=tightest,
        bona_fide=bona_fide,
        attack=attack,
    )


def shifted(limits: Boundaries, shift_llr: float) -> Boundaries:
    """Return the boundaries for evidence that ``shift_llr`` was added to.

    Evidence that spoke for an attack before stays refused: nothing below even odds is accepted that was not before.
    """
    return replace(limits, accept_llr=max(limits.accept_llr, min(limits.accept_llr, 0.0) + shift_llr))


def weights(samples: Sequence[Labelled]) -> NDArray[np.float64]:
    """Return what each of (N,) samples is worth, 0..1: n of one subject are together n / (1 + (n - 1) r).

    r is SAME_SUBJECT, the formula the design effect of cluster sampling (Kish, Survey Sampling, 1965, 5.4).
    """
    counts = Counter((s.subject, s.bona_fide) for s in samples)
    return np.array([1 / (1 + (counts[s.subject, s.bona_fide] - 1) * SAME_SUBJECT) for s in samples])


def _medians(rates: Rates) -> tuple[float, float]:
    """Return the median llr of bona fide and of attack on dev."""
    bona_fide, attack = rates.reject_llr(_MEDIAN), rates.accept_llr(_MEDIAN)
    if len(rates.llr) < 3 or bona_fide <= attack:
        raise CalibrationError(
            "calibration: the error rates of this set of cues were not measured, so nothing can be compared with them; "
            "expected a table 'rates' in the manifest of the model or of models/fusion, train it again"
        )
    return bona_fide, attack


def _posterior(
    samples: Sequence[Labelled],
    llr: tuple[float, ...],
    below: Sequence[float],
    spread: float,
) -> ClassShift:
    """Return mean and deviation of the posterior of one class's shift; ``below`` is that class's share below ``llr``.

    The prior is normal with deviation ``spread``.
    """
    shifts = np.linspace(-_REACH * spread, _REACH * spread, _STEPS)
    log_posterior = -0.5 * (shifts / spread) ** 2
    worth = weights(samples)
    if samples:
        scores = np.array([s.llr for s in samples])
        log_posterior += worth @ np.log(_density(scores[:, None] + shifts, np.array(llr), np.array(below)))
    posterior = np.exp(log_posterior - log_posterior.max())
    posterior /= posterior.sum()
    mean = float(posterior @ shifts)
    deviation = math.sqrt(float(posterior @ (shifts - mean) ** 2))
    return ClassShift(len(samples), float(worth.sum()), mean, deviation)


def _density(at: NDArray[np.float64], llr: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the density at ``at`` (any shape) of scores of which the share ``below`` (N,) lies below ``llr`` (N,).

    Even between two rows, falling by e for each unit of llr beyond the last; a share of WRONG_LABELS lies anywhere.
    """
    height = np.concatenate([[below[0]], np.diff(below) / np.diff(llr), [1 - below[-1]]])
    beyond = np.minimum(at - llr[0], 0.0) + np.minimum(llr[-1] - at, 0.0)
    density = height[np.searchsorted(llr, at)] * np.exp(beyond)
    anywhere = 1 / (llr[-1] - llr[0] + 2)
    return np.asarray((1 - WRONG_LABELS) * density + WRONG_LABELS * anywhere)
