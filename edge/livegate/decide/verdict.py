"""The verdict on an attempt: accepted and rejected where measured error rates allow it, between them inconclusive."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from livegate.config import DecisionPolicy
from livegate.decide.rates import Rates
from livegate.types import PadDecision, Role, SensorState, Step


@dataclass(frozen=True, slots=True)
class Boundaries:
    """Fused log-likelihood ratios at or above which a face is bona fide, and at or below which it is an attack.

    ``early_reject_llr``: at or below it even while more evidence may come.
    """

    accept_llr: float
    reject_llr: float
    early_reject_llr: float


def boundaries(policy: DecisionPolicy, rates: Rates) -> Boundaries:
    """Return the boundaries for the error rates the installer asked for, from those that thresholds had on dev.

    No threshold below the least with an APCER of at most ``max_apcer`` accepts, none above the largest with a BPCER of
    at most ``max_bpcer`` rejects. Where the second lies no lower both can be had: one threshold parts all, the one
    between them that undercuts both rates by one factor, so that neither gets what the evidence has to spare alone.
    Where they cannot, what lies between them is inconclusive, which is as narrow as the two rates allow. However many
    attacks may be accepted, the accepting one never lies below 0, where attack and bona fide are equally likely. While
    more evidence may come, an attempt is given up only at Wald's lower boundary ln(beta / (1 - alpha)) (Sequential
    Analysis, 1947, section 3.2).
    """
    accept, reject = rates.accept_llr(policy.max_apcer), rates.reject_llr(policy.max_bpcer)
    if accept <= reject:
        accept = rates.balanced_llr(policy.max_apcer, policy.max_bpcer)
    accept = max(accept, 0.0)
    reject = min(reject, accept)
    return Boundaries(accept, reject, min(math.log(policy.max_bpcer / (1.0 - policy.max_apcer)), reject))


def verdict(llr: float, limits: Boundaries, *, final: bool = True) -> PadDecision:
    """Return what a fused log-likelihood ratio says; NaN is inconclusive, which never opens a door.

    Unless it is ``final``, more evidence may come, and rejecting waits for the early boundary.
    """
    if llr >= limits.accept_llr:
        return PadDecision.BONA_FIDE
    reject = limits.reject_llr if final else limits.early_reject_llr
    return PadDecision.ATTACK if llr <= reject else PadDecision.INCONCLUSIVE


def step_of(states: Mapping[Role, SensorState], best: Step) -> Step:
    """Return how much evidence the terminal has, from the state of every configured role.

    ``best`` is the best step that what judges allows: ALL a network, TEXTURE what is there without one, NONE nothing.
    """
    working = {role for role, state in states.items() if state is SensorState.OK}
    if Role.RGB not in working:
        return Step.NONE
    several = Step.ALL if len(working) == len(states) else Step.FEWER
    seen = several if len(working) > 1 else Step.RGB
    return best if seen.at_least(best) else seen
