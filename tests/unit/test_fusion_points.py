from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegate.config import DecisionPolicy
from livegate.decide.fusion import OperatingPoints, OwnPoint, Point
from livegate.decide.rates import FARTHEST_LLR, Rates
from livegate.decide.verdict import boundaries, verdict
from livegate.types import PadDecision

ALONE = Point({"detector": 1.0}, 0.0, 0.8)
BOTH = Point({"detector": 0.7, "crop": 0.6}, -0.2, 1.1)
OURS = {frozenset({"detector"}): ALONE, frozenset({"detector", "crop"}): BOTH}
OWN = OwnPoint(own_weight=0.5, weight=0.9, offset=0.1, threshold_llr=0.6, cues=frozenset({"detector", "crop"}))
LLR = st.floats(-12, 12)


def test_each_set_of_cues_is_weighed_as_it_was_fixed() -> None:
    points = OperatingPoints(OURS)
    fused = points.fused({"crop": 1.0, "detector": 2.0})
    assert fused.llr == pytest.approx(0.7 * 2.0 + 0.6 * 1.0 - 0.2)
    assert fused.threshold_llr == 1.1
    assert points.fused({"detector": 2.0}).llr == 2.0


def test_cues_that_no_point_was_fixed_for_are_added_up_and_take_the_strictest() -> None:
    fused = OperatingPoints(OURS, strictest_llr=3.0).fused({"detector": 1.0, "depth_shape": 1.0})
    assert (fused.llr, fused.threshold_llr) == (2.0, 3.0)
    assert OperatingPoints(OURS).fused({"depth_shape": 1.0}).threshold_llr == 1.1


def test_without_any_point_nothing_is_bona_fide() -> None:
    fused = OperatingPoints({}).fused({"detector": 12.0, "crop": 12.0, "depth_shape": 12.0})
    assert fused.threshold_llr == FARTHEST_LLR
    assert verdict(fused.llr, boundaries(DecisionPolicy(), fused.rates)) is not PadDecision.BONA_FIDE


def test_a_users_own_cue_comes_on_top_of_ours() -> None:
    points = OperatingPoints(OURS, {"mine": OWN})
    ours = points.fused({"detector": 2.0, "crop": 1.0})
    fused = points.fused({"detector": 2.0, "crop": 1.0, "mine": 3.0})
    assert fused.llr == pytest.approx(0.1 + 0.9 * ours.llr + 0.5 * 3.0)
    assert fused.threshold_llr == 0.6


def test_beside_other_cues_than_its_own_the_stricter_threshold_holds() -> None:
    points = OperatingPoints(
        OURS | {frozenset({"detector", "nir"}): Point({"detector": 1, "nir": 1}, 0, 4.0)}, {"mine": OWN}
    )
    assert points.fused({"detector": 2.0, "nir": 1.0, "mine": 3.0}).threshold_llr == 4.0
    assert points.fused({"detector": 2.0, "mine": 3.0}).threshold_llr == 0.8


def test_the_rates_of_a_point_are_those_of_its_threshold_where_no_others_were_measured() -> None:
    rates = Rates((0.0, 2.0), (0.2, 0.01), (0.01, 0.2))
    points = OperatingPoints({frozenset({"detector"}): Point({"detector": 1.0}, 0.0, 0.8, rates)})
    assert points.fused({"detector": 1.0}).rates == rates
    assert OperatingPoints(OURS).fused({"detector": 1.0}).rates == Rates.at_threshold(0.8)


@given(LLR, LLR, LLR, st.floats(0, 5))
def test_more_evidence_of_a_living_face_never_lowers_the_fused_llr(a: float, b: float, own: float, more: float) -> None:
    points = OperatingPoints(OURS, {"mine": OWN})
    said = {"detector": a, "crop": b, "mine": own}
    for name, llr in said.items():
        assert points.fused(said | {name: llr + more}).llr >= points.fused(said).llr
