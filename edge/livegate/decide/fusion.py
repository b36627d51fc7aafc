"""How the evidence of several cues becomes one log-likelihood ratio, and the threshold fixed for it.

Cues are not independent: two that look at the same picture err together. So what they say is not added up as it is but
weighed, for every set of cues that may speak together, by a logistic regression on a dev split (Brummer et al., Fusion
of Heterogeneous Speaker Recognition Systems, IEEE TASLP 15(7), 2007).

Weights, offset and threshold belong together: a threshold that was fixed for one sum says nothing about another one. So
no verdict ever comes from anything but one point, whole.
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

    Where none was fixed for the cues that spoke (or not with these models) the point of the largest set among them
    serves, of several as large the one with the highest threshold; what the other cues said does not count then.
    Without any point nothing is ever bona fide.
    """

    points: Mapping[frozenset[str], Point]
    own: Mapping[str, OwnPoint] = field(default_factory=dict)

    def serving(self, cues: frozenset[str]) -> frozenset[str]:
        """Return which of our ``cues`` are weighed when these spoke; empty where no point serves."""
        fixed = [known for known in self.points if known <= cues]
        return max(
            fixed, key=lambda known: (len(known), self.points[known].threshold_llr, sorted(known)), default=_NONE
        )

    def fused(self, llrs: Mapping[str, float]) -> Fused:
        """Return what cues say together that said ``llrs``, by name.

        A user's own cue counts only beside exactly the cues its point was fixed beside; of several, the one with the
        most doubt.
        """
        beside = self.serving(frozenset(llrs) - self.own.keys())
        ours = self._ours(beside, llrs)
        fitting = [name for name in sorted(llrs.keys() & self.own.keys()) if self.own[name].cues == beside]
        own = [_on_top(ours, self.own[name], llrs[name]) for name in fitting]
        return min(own, key=lambda fused: fused.llr - fused.threshold_llr, default=ours)

    def fingerprint(self) -> str:
        """Return a SHA-256 that is another one whenever a fused llr, a threshold or its error rates may be."""
        points = sorted(json.dumps([sorted(cues), asdict(point)]) for cues, point in self.points.items())
        own = {name: asdict(point) for name, point in self.own.items()}
        told = json.dumps([points, own], sort_keys=True, default=sorted)
        return hashlib.sha256(told.encode()).hexdigest()

    def _ours(self, serving: frozenset[str], llrs: Mapping[str, float]) -> Fused:
        point = self.points.get(serving, _NEVER)
        return Fused(point.llr(llrs), point.threshold_llr, point.rates or Rates.at_threshold(point.threshold_llr))


_NONE: frozenset[str] = frozenset()
_NEVER = Point({}, 0.0, FARTHEST_LLR)


def _on_top(ours: Fused, point: OwnPoint, own_llr: float) -> Fused:
    llr = point.offset + point.weight * ours.llr + point.own_weight * own_llr
    return Fused(llr, point.threshold_llr, point.rates or Rates.at_threshold(point.threshold_llr))
