from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegate.config import DecisionPolicy
from livegate.decide.fusion import Band, OperatingPoints, OwnPoint, Point
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


def test_cues_that_no_point_was_fixed_for_do_not_count() -> None:
    points = OperatingPoints(OURS)
    for said in ({"detector": 1.0}, {"detector": 1.0, "crop": 2.0}):
        fused = points.fused(said | {"depth_shape": 9.0})
        assert fused == points.fused(said)
        assert fused.cues == {*said, "depth_shape"}
    assert points.fused({"depth_shape": 9.0}).threshold_llr == FARTHEST_LLR


def test_of_sets_as_large_the_one_with_the_highest_threshold_serves() -> None:
    other = Point({"detector": 1.0, "nir": 1.0}, 0.0, 2.5)
    points = OperatingPoints(OURS | {frozenset({"detector", "nir"}): other})
    assert points.serving(frozenset({"detector", "crop", "nir"})) == {"detector", "nir"}
    assert points.fused({"detector": 1.0, "crop": 9.0, "nir": 1.0}).threshold_llr == 2.5


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


def test_beside_other_cues_than_its_own_a_users_cue_does_not_count() -> None:
    points = OperatingPoints(
        OURS | {frozenset({"detector", "nir"}): Point({"detector": 1, "nir": 1}, 0, 4.0)}, {"mine": OWN}
    )
    for said in ({"detector": 2.0, "nir": 1.0}, {"detector": 2.0}):
        assert points.fused(said | {"mine": 9.0}) == points.fused(said)


def test_of_two_of_a_users_own_cues_the_one_with_more_doubt_counts() -> None:
    said = {"detector": 2.0, "crop": 1.0, "mine": 3.0, "yours": -3.0}
    points = OperatingPoints(OURS, {"mine": OWN, "yours": OWN})
    assert points.fused(said) == points.fused({name: llr for name, llr in said.items() if name != "mine"})


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


CUES = ("detector", "crop", "nir", "depth", "mine", "yours")
NUMBER = st.floats(0, 3)
SETS = st.sets(st.sampled_from(CUES[1:4]))


@st.composite
def terminals(draw: st.DrawFn) -> OperatingPoints:
    """Terminals with points for the detector and for some sets of cues, and with cues of a user's own."""
    points = {}
    for more in (set[str](), *draw(st.lists(SETS, max_size=6))):
        cues = frozenset({"detector", *more})
        points[cues] = Point({name: draw(NUMBER) for name in sorted(cues)}, draw(LLR), draw(st.floats(-9, 9)))
    own = {}
    for name in draw(st.sets(st.sampled_from(CUES[4:]))):
        beside = frozenset({"detector", *draw(SETS)})
        own[name] = OwnPoint(draw(NUMBER), draw(NUMBER), draw(LLR), draw(NUMBER), beside)
    return OperatingPoints(points, own)


@given(terminals(), st.dictionaries(st.sampled_from(CUES), LLR).map(lambda said: said | {"detector": 1.0}))
def test_whoever_falls_silent_a_verdict_comes_from_what_was_fixed_together(
    points: OperatingPoints, said: dict[str, float]
) -> None:
    for silent in (None, *(name for name in said if name != "detector")):
        spoke = {name: llr for name, llr in said.items() if name != silent}
        fused = points.fused(spoke)
        whole = [(point.llr(spoke), point.threshold_llr) for cues, point in points.points.items() if cues <= set(spoke)]
        for name in spoke.keys() & points.own.keys():
            own = points.own[name]
            if own.cues <= spoke.keys() and own.cues in points.points:
                ours = points.points[own.cues].llr(spoke)
                llr = own.offset + own.weight * ours + own.own_weight * spoke[name]
                whole.append((llr, own.threshold_llr))
        assert (fused.llr, fused.threshold_llr) in whole


@given(terminals(), st.dictionaries(st.sampled_from(CUES), LLR).map(lambda said: said | {"detector": 1.0}))
def test_silencing_what_did_not_count_changes_nothing(points: OperatingPoints, said: dict[str, float]) -> None:
    counted = points.serving(frozenset(said) - points.own.keys())
    idle = said.keys() - counted - points.own.keys()
    assert points.fused({name: llr for name, llr in said.items() if name not in idle}) == points.fused(said)


TEXTURE = frozenset({"detector", "crop", "texture"})
CASCADE = OURS | {
    TEXTURE: Point(
        {"detector": 0.5, "crop": 0.5, "texture": 1.0},
        0.0,
        0.4,
        Rates((0.0, 1.0), (0.3, 0.1), (0.05, 0.2)),
        Band(frozenset({"detector", "crop"}), -2.0, 2.5),
    )
}


def first(detector: float, crop: float) -> float:
    return BOTH.llr({"detector": detector, "crop": crop})


def test_a_second_opinion_is_asked_for_only_where_the_first_cues_are_undecided() -> None:
    points = OperatingPoints(CASCADE, available=TEXTURE)
    assert points.second == {"texture"}
    assert points.wanted({"detector": 1.0, "crop": 0.0}) == {"texture"}
    assert points.wanted({"detector": 5.0, "crop": 5.0}) == frozenset()
    assert points.wanted({"detector": -5.0, "crop": -5.0}) == frozenset()
    assert points.wanted({"detector": 0.0, "crop": float("nan")}) == {"texture"}
    # Beside sets without a cascade nobody needs one.
    assert points.wanted({"detector": 1.0}) == frozenset()


def test_a_cue_the_terminal_does_not_have_is_not_asked() -> None:
    points = OperatingPoints(CASCADE, available=TEXTURE - {"texture"})
    assert points.second == points.wanted({"detector": 1.0, "crop": 0.0}) == frozenset()
    assert points.fused({"detector": 5.0, "crop": 5.0}).threshold_llr == BOTH.threshold_llr


@given(LLR, LLR, LLR)
def test_the_cascade_has_one_scale_and_one_table(detector: float, crop: float, texture: float) -> None:
    points = OperatingPoints(CASCADE, available=TEXTURE)
    said = {"detector": detector, "crop": crop}
    alone = first(detector, crop)
    if points.wanted(said):
        fused = points.fused(said | {"texture": texture})
        assert -2.0 <= fused.llr <= 2.5
        assert fused.llr == pytest.approx(min(max(0.5 * detector + 0.5 * crop + texture, -2.0), 2.5))
    else:
        fused = points.fused(said)
        assert fused.llr == alone
        # What nobody asked for changes nothing, should it be said all the same.
        assert points.fused(said | {"texture": texture}) == fused
    assert fused.cues == TEXTURE
    assert (fused.threshold_llr, fused.rates) == (0.4, CASCADE[TEXTURE].rates)


def test_the_cascade_that_was_led_to_serves_and_no_other_whose_second_opinion_nobody_asked() -> None:
    both = {
        frozenset({"detector", name}): Point({"detector": 1.0, name: 1.0}, 0.0, 1.0 if name == "crop" else 0.0)
        for name in ("crop", "stereo")
    }
    cascades = {
        cues | {"texture"}: Point(
            dict.fromkeys(cues | {"texture"}, 1.0), 0.0, 0.2 if "crop" in cues else 0.9, None, Band(cues, -2.0, 2.0)
        )
        for cues in both
    }
    points = OperatingPoints(both | cascades, available=frozenset({"detector", "crop", "stereo", "texture"}))
    said = {"detector": 0.0, "crop": 5.0, "stereo": 0.0}
    assert points.wanted(said) == frozenset()
    assert (points.fused(said).llr, points.fused(said).threshold_llr) == (5.0, 0.2)


def test_a_second_opinion_does_not_count_beside_cues_that_have_no_cascade() -> None:
    sensor = frozenset({"detector", "crop", "depth_shape"})
    points = OperatingPoints(
        CASCADE | {sensor: Point(dict.fromkeys(sensor, 1.0), 0.0, 3.0)}, available=sensor | TEXTURE
    )
    said = dict.fromkeys(sensor, 0.0)
    assert points.wanted(said) == frozenset()
    # What is told of the terminal with every cue speaking is what its door goes by.
    assert points.fused(said | {"texture": 0.0}) == points.fused(said)
    assert points.fused(said | {"texture": 0.0}).cues == sensor


def test_who_cannot_give_a_second_opinion_leaves_the_first_point_to_judge() -> None:
    points = OperatingPoints(CASCADE, available=TEXTURE)
    fused = points.fused({"detector": 1.0, "crop": 0.0})
    assert (fused.llr, fused.threshold_llr, fused.cues) == (first(1.0, 0.0), 1.1, {"detector", "crop"})


def test_without_the_first_cues_the_second_ones_judge_themselves() -> None:
    alone = Point({"texture": 1.0}, 0.5, 0.2)
    points = OperatingPoints(CASCADE | {frozenset({"texture"}): alone}, available=frozenset({"texture"}))
    assert points.second == frozenset()
    assert points.fused({"texture": 1.0}).llr == 1.5


def test_a_users_own_cue_counts_beside_what_is_weighed_together_and_nothing_less() -> None:
    said = dict.fromkeys(TEXTURE, 0.0) | {"mine": 5.0}
    for beside, counts in ((frozenset({"detector", "crop"}), False), (TEXTURE, True)):
        points = OperatingPoints(CASCADE, {"mine": replace(OWN, cues=beside)}, TEXTURE | {"mine"})
        assert points.wanted(said | {"texture": 0.0}) == frozenset()
        assert points.together(points.available) == TEXTURE
        assert (points.fused(said) != points.fused(dict.fromkeys(TEXTURE, 0.0))) is counts
    without = OperatingPoints(OURS, {"mine": OWN}, frozenset({"detector", "crop", "mine"}))
    assert without.together(without.available) == OWN.cues
    assert without.together(frozenset({"detector", "mine"})) == {"detector"}


def test_what_no_point_weighs_is_named() -> None:
    points = OperatingPoints(CASCADE, {"mine": OWN}, frozenset({"detector", "crop", "depth_shape", "mine"}))
    assert points.unweighed() == {"depth_shape"}
    # A point whose other cues the terminal lacks never serves.
    more = CASCADE | {frozenset({"detector", "stereo", "depth_shape"}): BOTH}
    assert OperatingPoints(more, {}, points.available).unweighed() == {"depth_shape", "mine"}
