"""How the evidence of several cues becomes one log-likelihood ratio, and the threshold fixed for it.

Cues are not independent: two that look at the same picture err together. So what they say is not added up as it is but
weighed, for every set of cues that may speak together, by a logistic regression on a dev split (Brummer et al., Fusion
of Heterogeneous Speaker Recognition Systems, IEEE TASLP 15(7), 2007).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from livegate.decide.rates import FARTHEST_LLR, Rates


@dataclass(frozen=True, slots=True)
class Point:
    """One set of cues: fused llr = offset + sum of weight * llr; weights are never below 0.

    ``threshold_llr`` is the least fused llr called bona fide at the default error rates; ``rates`` says what other
    thresholds come to, None where that was not measured.
    """

    weights: Mapping[str, float]
    offset: float
    threshold_llr: float
    rates: Rates | None = None

    def llr(self, llrs: Mapping[str, float]) -> float:
        """Return the fused llr of what exactly this point's cues said."""
        return self.offset + math.fsum(weight * llrs[name] for name, weight in self.weights.items())


@dataclass(frozen=True, slots=True)
class OwnPoint:
    """A user's own cue on top of ours: fused = offset + weight * ours + own_weight * own.

    It was fixed on samples on which exactly ``cues`` spoke besides.
    """

    own_weight: float
    weight: float
    offset: float
    threshold_llr: float
    cues: frozenset[str]
    rates: Rates | None = None


@dataclass(frozen=True, slots=True)
class Fused:
    """One log-likelihood ratio for all cues, the accepting threshold at default error rates, and its error rates."""

    llr: float
    threshold_llr: float
    rates: Rates


@dataclass(frozen=True, slots=True)
class OperatingPoints:
    """The points of a terminal: ours for each set of cues, and those of a user's own cues by their name.

    A set that none was fixed for (or not with these models) is added up and takes ``strictest_llr``, the highest
    threshold there is. Without any point nothing is ever bona fide.
    """

    points: Mapping[frozenset[str], Point]
    own: Mapping[str, OwnPoint] = field(default_factory=dict)
    strictest_llr: float = -FARTHEST_LLR

    def fused(self, llrs: Mapping[str, float]) -> Fused:
        """Return what cues say together that said ``llrs``, by name.

        A user's own cues come last, by name; where other cues speak than those its threshold was fixed beside, the
        stricter of both thresholds holds.
        """
        ours = {name: llr for name, llr in llrs.items() if name not in self.own}
        fused, beside = self._ours(ours), frozenset(ours)
        for name in sorted(llrs.keys() & self.own.keys()):
            fused = _on_top(fused, self.own[name], llrs[name], beside)
            beside |= {name}
        return fused

    def fingerprint(self) -> str:
        """Return a SHA-256 that is another one whenever a fused llr, a threshold or its error rates may be."""
        points = sorted(json.dumps([sorted(cues), asdict(point)]) for cues, point in self.points.items())
        own = {name: asdict(point) for name, point in self.own.items()}
        told = json.dumps([points, own, self.strictest_llr], sort_keys=True, default=sorted)
        return hashlib.sha256(told.encode()).hexdigest()

    def _ours(self, llrs: Mapping[str, float]) -> Fused:
        point = self.points.get(frozenset(llrs))
        if point is not None:
            return Fused(point.llr(llrs), point.threshold_llr, point.rates or Rates.at_threshold(point.threshold_llr))
        known = [each.threshold_llr for each in self.points.values()]
        threshold = max([*known, self.strictest_llr]) if known else FARTHEST_LLR
        return Fused(math.fsum(llrs.values()), threshold, Rates.at_threshold(threshold))


def _on_top(ours: Fused, point: OwnPoint, own_llr: float, beside: frozenset[str]) -> Fused:
    llr = point.offset + point.weight * ours.llr + point.own_weight * own_llr
    if beside != point.cues and ours.threshold_llr > point.threshold_llr:
        return Fused(llr, ours.threshold_llr, ours.rates)
    return Fused(llr, point.threshold_llr, point.rates or Rates.at_threshold(point.threshold_llr))
