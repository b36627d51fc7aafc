"""The verdict on an attempt: Wald's sequential test with the detector's operating point as its accepting boundary."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from livegate.config import DecisionPolicy
from livegate.types import PadDecision, Role, SensorState, Step


@dataclass(frozen=True, slots=True)
class Boundaries:
    """Fused log-likelihood ratios at or above which a face is bona fide, and at or below which it is an attack."""

    accept_llr: float
    reject_llr: float


@dataclass(frozen=True, slots=True)
class OperatingPoints:
    """The accepting thresholds fixed on a dev split, one for each set of cues that may speak together.

    Each was chosen for the default ``max_apcer``. More cues spread people and attacks further apart, so each set has a
    threshold of its own; a set that none was fixed for takes the strictest there is.
    """

    threshold_llr: Mapping[frozenset[str], float]

    def threshold(self, cues: frozenset[str]) -> float:
        """Return the least fused log-likelihood ratio called bona fide when ``cues`` spoke; infinite without one."""
        exact = self.threshold_llr.get(cues)
        return max(self.threshold_llr.values(), default=math.inf) if exact is None else exact


def boundaries(policy: DecisionPolicy, threshold_llr: float) -> Boundaries:
    """Return the boundaries for the error rates the installer asked for, from the operating point of the default ones.

    Asking for another ``max_apcer`` moves the point by the logarithm of their ratio, as in Wald, Sequential Analysis,
    1947, section 3.2, whose lower boundary ln(beta / (1 - alpha)) is taken as it is. Asking for more attacks accepted
    never moves it below 0, where attack and bona fide are equally likely.
    """
    moved = threshold_llr + math.log(DecisionPolicy().max_apcer / policy.max_apcer)
    accept = max(moved, min(threshold_llr, 0.0))
    return Boundaries(accept, min(math.log(policy.max_bpcer / (1.0 - policy.max_apcer)), accept))


def verdict(llr: float, limits: Boundaries) -> PadDecision:
    """Return what a fused log-likelihood ratio says now; NaN is inconclusive, which never opens a door."""
    if llr >= limits.accept_llr:
        return PadDecision.BONA_FIDE
    return PadDecision.ATTACK if llr <= limits.reject_llr else PadDecision.INCONCLUSIVE


def step_of(states: Mapping[Role, SensorState], network: bool) -> Step:
    """Return how much evidence the terminal has, from the state of every configured role and whether a network runs."""
    working = {role for role, state in states.items() if state is SensorState.OK}
    if Role.RGB not in working or not network:
        return Step.NONE
    if len(working) == 1:
        return Step.RGB
    return Step.ALL if len(working) == len(states) else Step.FEWER
