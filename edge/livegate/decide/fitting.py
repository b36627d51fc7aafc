"""Learn, from labelled presentations, what evidence is worth and which threshold to take. Pure functions.

The terminal calibrates a user's own classifier by it, and ``livegate train`` everything that ships.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livegate.config import DecisionPolicy
from livegate.decide.rates import Rates, measured_rates

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# Strength of the L2 penalty beside a loss whose weights sum to 1: it keeps weights finite where classes separate.
PENALTY = 1e-3
_MOST_ROUNDS = 500
_STILL = 1e-9


@dataclass(frozen=True, slots=True)
class Line:
    """Fused llr = offset + sum of weights * llrs, weights (K,) never below 0."""

    weights: tuple[float, ...]
    offset: float

    def llr(self, llrs: Floats) -> Floats:
        """Return the fused llr (N,) of (N, K) llrs."""
        return np.asarray(llrs @ np.asarray(self.weights) + self.offset)


@dataclass(frozen=True, slots=True)
class Labels:
    """Of N presentations: species (None is bona fide), source, and who was before the camera."""

    species: tuple[str | None, ...]
    sources: tuple[str, ...]
    subjects: tuple[str, ...]

    @property
    def bona_fide(self) -> Bools:
        """Which of them are bona fide, (N,)."""
        return np.array([species is None for species in self.species], dtype=np.bool_)

    def take(self, which: Bools) -> Labels:
        """Return the labels of the presentations at the mask ``which``, (N,)."""
        kept = np.flatnonzero(which)
        return Labels(
            tuple(self.species[row] for row in kept),
            tuple(self.sources[row] for row in kept),
            tuple(self.subjects[row] for row in kept),
        )

    def earned_llr(self) -> float:
        """Return the largest llr these may teach a cue to claim: where no error is seen in N, the rate may be 3/N."""
        alive = int(self.bona_fide.sum())
        return float(np.log(max(min(alive, len(self.species) - alive) / 3.0, np.e)))


@dataclass(frozen=True, slots=True)
class Threshold:
    """A threshold, what other ones would come to, and its error rates on what it was fixed on."""

    llr: float
    rates: Rates
    apcer: float
    bpcer: float


def balanced(labels: Labels) -> Floats:
    """Return weights (N,) that sum to 1: both classes weigh the same, and within a class every source does."""
    groups = [(kind is None, source) for kind, source in zip(labels.species, labels.sources, strict=True)]
    sizes, sources = Counter(groups), Counter(alive for alive, _ in set(groups))
    weights = np.array([1.0 / (sizes[group] * sources[group[0]]) for group in groups])
    return np.asarray(weights / weights.sum())


def fit_line(llrs: Floats, bona_fide: Bools, weights: Floats) -> Line:
    """Return the logistic regression of (N,) ``bona_fide`` on (N, K) ``llrs``, weighted, with weights never below 0.

    Cyclic coordinate descent by Newton steps, cut off at 0: the problem is convex, so this ends at its minimum. With
    :func:`balanced` weights the fused value is a log-likelihood ratio, no prior is in it (Brummer, du Preez,
    Application-independent evaluation of speaker detection, Computer Speech & Language 20, 2006).
    """
    design = np.column_stack([llrs, np.ones(len(llrs))])
    line = np.append(np.full(llrs.shape[1], 1.0 / llrs.shape[1]), 0.0)
    penalty = np.append(np.full(llrs.shape[1], PENALTY), 0.0)
    lowest = np.append(np.zeros(llrs.shape[1]), -np.inf)
    for _ in range(_MOST_ROUNDS):
        before = line.copy()
        for k in range(line.size):
            p = 1.0 / (1.0 + np.exp(-np.clip(design @ line, -30, 30)))
            gradient = design[:, k] @ (weights * (p - bona_fide)) + penalty[k] * line[k]
            curvature = (design[:, k] ** 2) @ (weights * p * (1 - p)) + penalty[k] + 1e-9
            line[k] = max(line[k] - float(np.clip(gradient / curvature, -1, 1)), lowest[k])
        if np.abs(line - before).max() < _STILL:
            break
    return Line(tuple(line[:-1].tolist()), float(line[-1]))


def choose(apcer: Floats, bpcer: Floats, policy: DecisionPolicy) -> int:
    """Return the index of the threshold to take; both rates are (N,), over rising thresholds.

    The least one at which the worse of the two undercuts what was asked by the largest factor, or misses it by the
    smallest where both cannot be had.
    """
    return int(np.maximum(apcer / policy.max_apcer, bpcer / policy.max_bpcer).argmin())


def fix_threshold(llr: Floats, labels: Labels, policy: DecisionPolicy) -> Threshold:
    """Return the threshold on fused ``llr`` (N,) that a terminal takes that asks for both rates of ``policy``.

    Both classes must be there. It undercuts both rates by one factor, or misses both by one where they cannot be had.
    Where it would fall below 0, it is 0 (attack and bona fide equally likely) as long as BPCER stays within
    ``max_bpcer`` there: attacks are not let in only because few enough of them are.

    APCER is that of the worst PAI species, BPCER that of all bona fide presentations, every source weighing the same in
    each. Species with too few presentations to measure ``max_apcer`` on are taken together.
    """
    bona_fide, fewest = labels.bona_fide, 1.0 / policy.max_apcer
    counts = Counter(species for species in labels.species if species is not None)
    kinds = [None if s is None else (s if counts[s] >= fewest else "") for s in labels.species]
    groups = {kind: _even(labels.sources, np.array([k == kind for k in kinds])) for kind in set(kinds) - {None}}
    living = _even(labels.sources, bona_fide)
    candidates = np.unique(llr)
    apcer = np.max([_at_least(llr, weights, candidates) for weights in groups.values()], axis=0)
    bpcer = np.clip(1.0 - _at_least(llr, living, candidates), 0.0, 1.0)
    least = min(_worth(weights) for weights in groups.values())
    rates = measured_rates(candidates, apcer, bpcer, attacks=least, bona_fide=_worth(living))
    threshold = rates.balanced_llr(policy.max_apcer, policy.max_bpcer)
    if threshold < 0 and float(living[llr < 0].sum()) <= policy.max_bpcer:
        threshold = 0.0
    accepted = max(float(weights[llr >= threshold].sum()) for weights in groups.values())
    return Threshold(threshold, rates, accepted, float(living[llr < threshold].sum()))


def _even(sources: Sequence[str], those: Bools) -> Floats:
    """Return weights (N,) that sum to 1 over ``those``, every source weighing the same."""
    sizes = Counter(source for source, is_one in zip(sources, those, strict=True) if is_one)
    weights = [
        1.0 / (sizes[source] * len(sizes)) if is_one else 0.0 for source, is_one in zip(sources, those, strict=True)
    ]
    return np.array(weights)


def _at_least(llr: Floats, weights: Floats, thresholds: Floats) -> Floats:
    """Return the weight of what lies at or above each of rising ``thresholds``."""
    order = np.argsort(llr)
    above = np.append(np.cumsum(weights[order][::-1])[::-1], 0.0)
    return np.asarray(above[np.searchsorted(llr[order], thresholds, side="left")])


def _worth(weights: Floats) -> float:
    """Return how many equally weighted samples these are worth (Kish, Survey Sampling, 1965, 11.7)."""
    return float(weights.sum() ** 2 / (weights**2).sum())
