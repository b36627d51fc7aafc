"""Fit one set of cues that speak together: all at once, or some of them first and the others where those are undecided.

A cascade (Song et al., Pattern Recognition 85, 2019) has one scale of scores: outside of a band the first cues' fused
llr stands; inside, that of all of them, which cannot leave the band. So its threshold and its table of rates are
measured over the whole of it, as those of any other set.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livegate.config import DecisionPolicy
from livegate.decide.fitting import Labels, Line, Threshold, balanced, fit_line, fix_threshold
from livegate_tools.train.fusion_evidence import Said

# A second opinion is fitted to the undecided presentations alone where at least so many of each class are; a line has
# one number a cue and one more, and each wants some ten presentations (Peduzzi et al., J Clin Epidemiol 49, 1996).
LEAST_UNDECIDED = 60
# A band reaches from where one error of the first cues is this many times less than asked for to where the other is.
MARGINS = (3.0, 10.0)
_DECIMALS = 6

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cascade:
    """What asks for the second opinion: the fit of the first cues, and between which of its llr."""

    first: Fit
    low_llr: float
    high_llr: float
    margin: float

    def undecided(self, said: Said) -> NDArray[np.bool_]:
        """Return which of the presentations (N,) are asked about further."""
        llr = self.first.llr(said)
        return np.asarray((llr > self.low_llr) & (llr < self.high_llr))


@dataclass(frozen=True, slots=True)
class Fit:
    """The weights of a set of cues, and the threshold on their fused llr; ``cascade`` None: all are asked at once."""

    cues: tuple[str, ...]
    line: Line
    threshold: Threshold
    cascade: Cascade | None = None

    def llr(self, said: Said) -> Floats:
        """Return the fused llr (N,) of presentations of which each of the cues spoke."""
        return _fused(self.cues, self.line, self.cascade, said)

    @property
    def second(self) -> tuple[str, ...]:
        """The cues that give a second opinion."""
        return () if self.cascade is None else self.cues[len(self.cascade.first.cues) :]


def fit_together(said: Said, policy: DecisionPolicy) -> Fit | None:
    """Return the fit of cues that are all asked; None where people or attacks are missing."""
    return _fitted(said, policy, None)


def fit_cascade(first: Fit, said: Said, policy: DecisionPolicy, margin: float) -> Fit | None:
    """Return the fit of the cues of ``said``, those of ``first`` asked first; None where these leave nothing undecided.

    The band reaches from where BPCER, by the first cues alone, is ``margin`` times less than ``policy`` asks for to
    where APCER is.
    """
    rates = first.threshold.rates
    low, high = rates.reject_llr(policy.max_bpcer / margin), rates.accept_llr(policy.max_apcer / margin)
    cascade = Cascade(first, round(low, _DECIMALS), round(high, _DECIMALS), margin)
    if cascade.low_llr >= cascade.high_llr or said.cues[: len(first.cues)] != first.cues:
        return None
    return _fitted(said, policy, cascade)


def missed(fixed: Threshold, policy: DecisionPolicy) -> float:
    """By what factor a threshold misses the rates of ``policy`` on what it was fixed on, the worse of the two."""
    return max(fixed.apcer / policy.max_apcer, fixed.bpcer / policy.max_bpcer)


def _fitted(said: Said, policy: DecisionPolicy, cascade: Cascade | None) -> Fit | None:
    """Return the better of two fits: to all that the cues can tell, and to what may set a threshold alone."""
    if not said.both_classes:
        return None
    told, counted = said.told, said.counted
    kept = said.take(counted)
    fits = []
    for weighed in [told, counted] if (told != counted).any() else [counted]:
        line = _line(said.take(weighed), cascade)
        fixed = fix_threshold(_fused(said.cues, line, cascade, kept), kept.labels, policy)
        fits.append(Fit(said.cues, line, fixed, cascade))
    return min(fits, key=lambda fit: missed(fit.threshold, policy))


def _line(said: Said, cascade: Cascade | None) -> Line:
    labels, those = said.labels, np.ones(len(said.those), dtype=np.bool_)
    if cascade is not None and _enough(labels, undecided := cascade.undecided(said)):
        those = undecided
    # Weighed as the whole is: what tells classes apart inside the band is then a likelihood ratio there, too.
    weights = balanced(labels)[those]
    line = fit_line(said.rows[those], labels.bona_fide[those], weights / weights.sum())
    return Line(tuple(round(weight, _DECIMALS) for weight in line.weights), round(line.offset, _DECIMALS))


def _enough(labels: Labels, those: NDArray[np.bool_]) -> bool:
    living = int((labels.bona_fide & those).sum())
    return min(living, int(those.sum()) - living) >= LEAST_UNDECIDED


def _fused(cues: tuple[str, ...], line: Line, cascade: Cascade | None, said: Said) -> Floats:
    whole = line.llr(said.of(cues))
    if cascade is None:
        return whole
    inside = np.clip(whole, cascade.low_llr, cascade.high_llr)
    return np.asarray(np.where(cascade.undecided(said), inside, cascade.first.llr(said)))
