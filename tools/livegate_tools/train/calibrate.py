"""From the network's liveness logit to a calibrated log-likelihood ratio, and the operating point on it.

Platt, Probabilistic Outputs for Support Vector Machines, 1999: a straight line through the logits, here fitted with
both classes and all sources weighing the same, so that its output is a log-likelihood ratio and no prior is in it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livegate.config import DecisionPolicy
from livegate.decide.calibration import Calibration
from livegate.decide.evidence import bounded
from livegate.decide.fitting import choose
from livegate.decide.rates import Rates, measured_rates
from livegate.errors import ConfigError
from livegate_tools.train.figures import balanced_weights
from livegate_tools.train.judge import Judged
from livegate_tools.train.samples import Presentation

PENALTY = 1e-3
LEAST_SLOPE = 0.01
REACH = 0.98
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """The calibration with its threshold, and the source-balanced error rates it has on the results it came from.

    ``rates`` says what other thresholds come to.
    """

    calibration: Calibration
    apcer: float
    bpcer: float
    rates: Rates


def fit_line(logits: Floats, bona_fide: NDArray[np.bool_], weights: Floats) -> tuple[float, float]:
    """Return slope and offset of the weighted logistic regression, by Newton's method; all (N,), weights sum to 1.

    A small penalty keeps the slope finite where the classes separate; the slope is never negative.
    """
    design = np.stack([logits, np.ones_like(logits)], axis=1)
    line = np.array([0.5, 0.0])
    for _ in range(100):
        p = 1 / (1 + np.exp(-np.clip(design @ line, -30, 30)))
        gradient = design.T @ (weights * (p - bona_fide)) + PENALTY * line * (1, 0)
        hessian = (design * (weights * p * (1 - p))[:, None]).T @ design + np.diag([PENALTY, 1e-9])
        move = np.linalg.solve(hessian, gradient)
        line = line - np.clip(move, -1, 1)
        if np.abs(move).max() < 1e-8:
            break
    return max(float(line[0]), LEAST_SLOPE), float(line[1])


def operating_point(results: Sequence[Judged], policy: DecisionPolicy) -> OperatingPoint:
    """Fit and choose on dev results, by :func:`choose` on the source-balanced error rates.

    The bound on the llr is the logarithm of the number of subjects of the rarer class plus one: no single picture may
    claim more than that many people can support. ConfigError where a class is missing.
    """
    found = [r for r in results if r.logit is not None and r.sample.presentation in _CLASSES]
    bona_fide = np.array([r.sample.presentation is Presentation.BONA_FIDE for r in found], dtype=np.bool_)
    if bona_fide.all() or not bona_fide.any():
        raise ConfigError(
            f"calibration: expected found faces of both classes on dev, found {int(bona_fide.sum())} bona fide and "
            f"{int((~bona_fide).sum())} attack; train longer, or give --simulated sets with a dev split"
        )
    logits = np.array([r.logit for r in found], dtype=np.float64)
    weights = balanced_weights(found)
    slope, offset = fit_line(logits, bona_fide, weights)
    bound = math.log(1 + min(len({r.sample.subject for r in found if r.sample.presentation is k}) for k in _CLASSES))
    llr = np.array([bounded(value, bound) for value in slope * logits + offset])
    attack, living = weights * ~bona_fide, weights * bona_fide
    # Scores squeezed against the bound differ by less than a manifest can say, so no threshold lies there.
    candidates = np.unique(np.clip(llr, -REACH * bound, REACH * bound))
    apcer = np.array([(attack * (llr >= t)).sum() for t in candidates]) / attack.sum()
    bpcer = np.array([(living * (llr < t)).sum() for t in candidates]) / living.sum()
    lowest = choose(apcer, bpcer, policy)
    # Half way to the last score that is refused, not on top of the first one that is accepted.
    threshold = float(candidates[max(lowest - 1, 0) : lowest + 1].mean())
    return OperatingPoint(
        Calibration(slope, offset, threshold, bound),
        apcer=float((attack * (llr >= threshold)).sum() / attack.sum()),
        bpcer=float((living * (llr < threshold)).sum() / living.sum()),
        rates=measured_rates(candidates, apcer, bpcer, attacks=effective(attack), bona_fide=effective(living)),
    )


def effective(weights: Floats) -> float:
    """Return how many samples of one weight tell as much as those of (N,) ``weights`` (Kish, 1965)."""
    return float(weights.sum() ** 2 / (weights**2).sum())


_CLASSES = (Presentation.BONA_FIDE, Presentation.ATTACK)
