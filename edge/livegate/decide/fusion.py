"""How the evidence of several cues becomes one log-likelihood ratio, and the threshold fixed for it.

Cues are not independent: two that look at the same picture err together. So what they say is not added up as it is but
weighed, for every set of cues that may speak together, by a logistic regression on a dev split (Brummer et al., Fusion
of Heterogeneous Speaker Recognition Systems, IEEE TASLP 15(7), 2007).

Weights, offset and threshold belong together: a threshold that was fixed for one sum says nothing about another one. So
no verdict ever comes from anything but one point, whole.

Some cues are a second opinion (the decision cascade of Song et al., Pattern Recognition 85, 2019): they are asked only
where the others leave a case undecided, inside the band of their point, and can move it no farther than the band's
ends. So one scale of scores, one threshold and one table of rates hold for both kinds of cases.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from livegate.decide.rates import FARTHEST_LLR, Rates


@dataclass(frozen=True, slots=True)
class Band:
    """Where the cues ``first`` leave a case undecided: their fused llr lies between ``low_llr`` and ``high_llr``."""

    first: frozenset[str]
    low_llr: float
    high_llr: float

    def undecided(self, llr: float) -> bool:
        """Return whether a second opinion is asked for; a NaN is undecided."""
        return not (llr <= self.low_llr or llr >= self.high_llr)


@dataclass(frozen=True, slots=True)
class Point:
    """One set of cues: fused llr = offset + sum of weight * llr; weights are never below 0.

    ``threshold_llr`` is the least fused llr called bona fide at the default error rates; ``rates`` says what other
    thresholds come to, None where that was not measured. With a ``band`` the cues beyond its first ones are a second
    opinion.
    """

    weights: Mapping[str, float]
    offset: float
    threshold_llr: float
    rates: Rates | None = None
    band: Band | None = None

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
    """One log-likelihood ratio for all cues, the accepting threshold at default error rates, and its error rates.

    ``cues`` are those it stands for: who spoke, and whose second opinion was not needed.
    """

    llr: float
    threshold_llr: float
    rates: Rates
    cues: frozenset[str] = field(default=frozenset(), compare=False)
    weighed: frozenset[str] = field(default=frozenset(), compare=False)
    """Those of our cues that what they said counts of."""


@dataclass(frozen=True, slots=True)
class OperatingPoints:
    """The points of a terminal: ours for each set of cues, and those of a user's own cues by their name.

    Where none was fixed for the cues that spoke (or not with these models) the point of the largest set among them
    serves, of several as large the one with the highest threshold; what the other cues said does not count then.
    Without any point nothing is ever bona fide.
    """

    points: Mapping[frozenset[str], Point]
    own: Mapping[str, OwnPoint] = field(default_factory=dict)
    available: frozenset[str] = frozenset()
    """The cues that the terminal can ask."""
    second: frozenset[str] = field(init=False)
    """Those of them that are only asked for a second opinion."""
    _cascades: Mapping[frozenset[str], tuple[frozenset[str], Band]] = field(init=False, repr=False)
    """By the first cues: of the cascades whose cues the terminal has the one of most cues, and its band."""

    _ranked: tuple[frozenset[str], ...] = field(init=False, repr=False)
    """The sets of cues with a point, those first that serve before others."""

    def __post_init__(self) -> None:
        rank = sorted(self.points, key=lambda cues: (len(cues), self.points[cues].threshold_llr, sorted(cues)))
        object.__setattr__(self, "_ranked", tuple(reversed(rank)))
        cascades: dict[frozenset[str], tuple[frozenset[str], Band]] = {}
        for cues, point in sorted(self.points.items(), key=lambda each: (len(each[0]), sorted(each[0]))):
            if point.band is not None and cues <= self.available and point.band.first in self.points:
                cascades[point.band.first] = (cues, point.band)
        object.__setattr__(self, "_cascades", cascades)
        object.__setattr__(self, "second", _NONE.union(*(cues - first for first, (cues, _) in cascades.items())))

    def serving(self, cues: frozenset[str]) -> frozenset[str]:
        """Return which of our ``cues`` are weighed when these spoke; empty where no point serves."""
        return next((known for known in self._ranked if known <= cues), _NONE)

    def together(self, cues: frozenset[str]) -> frozenset[str]:
        """Return which of our ``cues`` are weighed where all of them speak and a second opinion is needed.

        A user's own cue counts then only if its point was fixed beside exactly these.
        """
        ours = cues - self.own.keys()
        led, _ = self._cascade(dict.fromkeys(ours, 0.0)) or (_NONE, False)
        stands = ours - self.second | (led & ours)
        return led if led and led <= stands else self.serving(stands)

    def unweighed(self) -> frozenset[str]:
        """Return those of the terminal's cues that no point weighs: whatever they say, it does not count."""
        return self.available.difference(self.own, *(cues for cues in self.points if cues <= self.available))

    def wanted(self, llrs: Mapping[str, float]) -> frozenset[str]:
        """Return the cues whose second opinion is needed on what others said, by name; empty where it is clear."""
        found = self._cascade(llrs)
        return found[0] - llrs.keys() if found is not None and found[1] else _NONE

    def fused(self, llrs: Mapping[str, float]) -> Fused:
        """Return what cues say together that said ``llrs``, by name.

        A user's own cue counts only beside exactly the cues its point was fixed beside; of several, the one with the
        most doubt.
        """
        led, undecided = self._cascade(llrs) or (_NONE, False)
        spoken = frozenset(llrs)
        # A second opinion that nobody needed does not count, whoever has it: the door never hears it.
        stands = spoken - self.second | (led & spoken if undecided else led)
        beside = led if led and led <= stands else self.serving(stands - self.own.keys())
        ours = self._ours(beside, llrs, stands)
        fitting = [name for name in sorted(llrs.keys() & self.own.keys()) if self.own[name].cues == beside]
        own = [_on_top(ours, self.own[name], llrs[name]) for name in fitting]
        return min(own, key=lambda fused: fused.llr - fused.threshold_llr, default=ours)

    def fingerprint(self) -> str:
        """Return a SHA-256 that is another one whenever a fused llr, a threshold or its error rates may be."""
        points = sorted(
            json.dumps([sorted(cues), asdict(point)], default=sorted) for cues, point in self.points.items()
        )
        own = {name: asdict(point) for name, point in self.own.items()}
        told = json.dumps([points, own, sorted(self.second)], sort_keys=True, default=sorted)
        return hashlib.sha256(told.encode()).hexdigest()

    def _cascade(self, llrs: Mapping[str, float]) -> tuple[frozenset[str], bool] | None:
        """Return the cues of the cascade that what the first ones said leads to, and whether it is undecided.

        None where there is none for them.
        """
        first = self.serving(frozenset(llrs) - self.own.keys() - self.second)
        if first not in self._cascades:
            return None
        cues, band = self._cascades[first]
        return cues, band.undecided(self.points[first].llr(llrs))

    def _ours(self, serving: frozenset[str], llrs: Mapping[str, float], stands: frozenset[str]) -> Fused:
        point = self.points.get(serving, _NEVER)
        return Fused(
            self._llr(point, llrs),
            point.threshold_llr,
            point.rates or Rates.at_threshold(point.threshold_llr),
            stands,
            serving,
        )

    def _llr(self, point: Point, llrs: Mapping[str, float]) -> float:
        band = point.band
        if band is None:
            return point.llr(llrs)
        first = self.points[band.first].llr(llrs)
        return min(max(point.llr(llrs), band.low_llr), band.high_llr) if band.undecided(first) else first


_NONE: frozenset[str] = frozenset()
_NEVER = Point({}, 0.0, FARTHEST_LLR)


def _on_top(ours: Fused, point: OwnPoint, own_llr: float) -> Fused:
    llr = point.offset + point.weight * ours.llr + point.own_weight * own_llr
    return Fused(
        llr, point.threshold_llr, point.rates or Rates.at_threshold(point.threshold_llr), ours.cues, ours.weighed
    )
