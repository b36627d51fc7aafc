from __future__ import annotations

import math

import pytest

from livegate.config import DecisionPolicy
from livegate.decide.verdict import Boundaries, OperatingPoints, boundaries, step_of, verdict
from livegate.types import PadDecision, Role, SensorState, Step

OK, MISSING, STALE = SensorState.OK, SensorState.MISSING, SensorState.STALE
POINT = 1.2


def test_default_policy_is_the_operating_point_of_the_manifest() -> None:
    limits = boundaries(DecisionPolicy(), POINT)
    assert limits.accept_llr == pytest.approx(1.2)
    assert limits.reject_llr == pytest.approx(math.log(0.1 / 0.95))


def test_asking_for_fewer_accepted_attacks_moves_the_point_up_and_never_below_even_odds() -> None:
    strict = boundaries(DecisionPolicy(max_apcer=0.005), POINT)
    assert strict.accept_llr == pytest.approx(1.2 + math.log(10))
    assert boundaries(DecisionPolicy(max_apcer=0.5), POINT).accept_llr == pytest.approx(0.0)


def test_cues_that_no_point_was_fixed_for_take_the_strictest() -> None:
    points = OperatingPoints({frozenset({"a"}): 1.0, frozenset({"a", "b"}): 3.0})
    assert points.threshold(frozenset({"a"})) == 1.0
    assert points.threshold(frozenset({"b"})) == 3.0
    assert OperatingPoints({}).threshold(frozenset({"a"})) == math.inf


@pytest.mark.parametrize("threshold", [-3.0, 0.0, 4.0])
def test_reject_never_passes_accept(threshold: float) -> None:
    limits = boundaries(DecisionPolicy(max_bpcer=0.5), threshold)
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
    assert verdict(llr, Boundaries(1.0, -2.0)) is expected


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
    assert step_of(states, network=True) is expected
    assert step_of(states, network=False) is Step.NONE


def test_steps_are_ordered() -> None:
    assert Step.ALL.at_least(Step.RGB)
    assert not Step.TEXTURE.at_least(Step.RGB)
    assert Step.RGB.at_least(Step.RGB)
