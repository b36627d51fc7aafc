from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegate.config import DecisionPolicy
from livegate.decide.rates import Rates
from livegate.decide.verdict import Boundaries, boundaries, step_of, verdict
from livegate.types import PadDecision, Role, SensorState, Step

OK, MISSING, STALE = SensorState.OK, SensorState.MISSING, SensorState.STALE
POINT = Rates.at_threshold(1.2)
APART = Rates((0.0, 1.0, 2.0), (0.2, 0.05, 0.01), (0.02, 0.05, 0.2))


def test_without_measured_rates_the_threshold_stands_for_the_default_ones() -> None:
    limits = boundaries(DecisionPolicy(), POINT)
    assert limits.accept_llr == pytest.approx(1.2)
    assert limits.reject_llr == pytest.approx(1.2)
    assert limits.early_reject_llr == pytest.approx(math.log(0.1 / 0.85))


def test_asking_for_fewer_accepted_attacks_moves_the_point_up_and_never_below_even_odds() -> None:
    strict = boundaries(DecisionPolicy(max_apcer=0.005), POINT)
    assert strict.accept_llr == pytest.approx(1.2 + math.log(0.15 / 0.005))
    assert boundaries(DecisionPolicy(max_apcer=0.5, max_bpcer=0.001), Rates.at_threshold(0.3)).accept_llr == 0


def test_where_both_rates_can_be_had_one_threshold_parts_all() -> None:
    limits = boundaries(DecisionPolicy(max_apcer=0.05, max_bpcer=0.1), APART)
    assert limits.accept_llr == limits.reject_llr
    undercut = APART.apcer_at(limits.accept_llr) / 0.05
    assert undercut == pytest.approx(APART.bpcer_at(limits.accept_llr) / 0.1)
    assert undercut < 1


@given(st.floats(1e-4, 0.5), st.floats(1e-4, 0.5), st.floats(0.05, 1))
def test_who_asks_for_fewer_attacks_never_lowers_and_for_fewer_refusals_never_raises_what_is_accepted(
    max_apcer: float, max_bpcer: float, less: float
) -> None:
    def accept(apcer: float, bpcer: float) -> float:
        return boundaries(DecisionPolicy(max_apcer=apcer, max_bpcer=bpcer), APART).accept_llr

    assert accept(max_apcer * less, max_bpcer) >= accept(max_apcer, max_bpcer) - 1e-9
    assert accept(max_apcer, max_bpcer * less) <= accept(max_apcer, max_bpcer) + 1e-9


def test_where_both_cannot_be_had_what_lies_between_is_inconclusive() -> None:
    limits = boundaries(DecisionPolicy(max_apcer=0.01, max_bpcer=0.02), APART)
    assert limits.accept_llr == pytest.approx(2.0)
    assert limits.reject_llr == pytest.approx(0.0)
    assert verdict(1.0, limits) is PadDecision.INCONCLUSIVE


def test_an_attempt_that_may_still_bring_evidence_is_not_given_up_early() -> None:
    limits = boundaries(DecisionPolicy(max_apcer=0.05), APART)
    assert verdict(0.5, limits) is PadDecision.ATTACK
    assert verdict(0.5, limits, final=False) is PadDecision.INCONCLUSIVE
    assert verdict(-3.0, limits, final=False) is PadDecision.ATTACK


@pytest.mark.parametrize("threshold", [-3.0, 0.0, 4.0])
def test_reject_never_passes_accept(threshold: float) -> None:
    limits = boundaries(DecisionPolicy(max_bpcer=0.5), Rates.at_threshold(threshold))
    assert limits.reject_llr <= limits.accept_llr


@pytest.mark.parametrize(
    ("llr", "expected"),
    [
        (1.0, PadDecision.BONA_FIDE),
        (0.99, PadDecision.INCONCLUSIVE),
        (-2.0, PadDecision.ATTACK),
        (math.nan, PadDecision.INCONCLUSIVE),
        (math.inf, PadDecision.BONA_FIDE),
    ],
)
def test_verdict(llr: float, expected: PadDecision) -> None:
    assert verdict(llr, Boundaries(1.0, -2.0, -2.5)) is expected


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ({Role.RGB: OK, Role.NIR: OK, Role.DEPTH: OK}, Step.ALL),
        ({Role.RGB: OK, Role.NIR: MISSING, Role.DEPTH: OK}, Step.FEWER),
        ({Role.RGB: OK, Role.NIR: MISSING, Role.DEPTH: STALE}, Step.RGB),
        ({Role.RGB: OK}, Step.RGB),
        ({Role.RGB: STALE, Role.NIR: OK}, Step.NONE),
        ({}, Step.NONE),
    ],
)
def test_steps_of_degradation(states: dict[Role, SensorState], expected: Step) -> None:
    assert step_of(states, Step.ALL) is expected
    assert step_of(states, Step.NONE) is Step.NONE


@pytest.mark.parametrize("nir", [OK, MISSING])
def test_without_a_network_no_step_is_better_than_texture(nir: SensorState) -> None:
    assert step_of({Role.RGB: OK, Role.NIR: nir}, Step.TEXTURE) is Step.TEXTURE
    assert step_of({Role.RGB: OK}, Step.TEXTURE) is Step.TEXTURE
    assert step_of({Role.RGB: MISSING, Role.NIR: nir}, Step.TEXTURE) is Step.NONE


def test_steps_are_ordered() -> None:
    assert Step.ALL.at_least(Step.RGB)
    assert not Step.TEXTURE.at_least(Step.RGB)
    assert Step.RGB.at_least(Step.RGB)
