"""The error rates on cases small enough to count by hand, and against brute force."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livegate_tools.evaluate.metrics import (
    Scores,
    apcer,
    auc,
    bpcer,
    bpcer_at_apcer,
    eer,
    error_curve,
    non_response_rate,
    ranked,
    zero_error_bound,
)

# Few distinct values, so that ties are common, and the infinities that stand for missing scores.
scores = st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 1.0]) | st.floats(0, 1), min_size=1, max_size=40).map(
    np.array
)


def array(*values: float) -> Scores:
    return np.array(values, dtype=np.float64)


def test_rates_count_all_presentations() -> None:
    accepted = np.array([True, False, False, False])
    assert apcer(accepted) == 0.25
    assert bpcer(~accepted) == 0.75
    assert non_response_rate(np.zeros(4, dtype=bool)) == 0.0


def test_a_rate_of_nothing_is_nan() -> None:
    nothing = np.array([], dtype=np.float64)
    assert math.isnan(apcer(nothing.astype(bool)))
    assert math.isnan(auc(nothing, array(0.5)))
    assert math.isnan(eer(array(0.5), nothing))
    assert math.isnan(bpcer_at_apcer(array(0.5), [], 0.05))


def test_missing_scores_rank_as_errors() -> None:
    found = ranked(array(np.nan, np.nan, 0.5), np.array([True, False, True]))
    assert found.tolist() == [math.inf, -math.inf, 0.5]


def test_perfect_and_reversed_order() -> None:
    low, high = array(0.1, 0.2), array(0.8, 0.9)
    assert (auc(high, low), eer(high, low)) == (1.0, 0.0)
    assert (auc(low, high), eer(low, high)) == (0.0, 1.0)
    assert auc(low, low) == 0.5


def test_eer_by_hand() -> None:
    # Accepting at 0.6 lets one of four attacks in and turns one of four people away.
    assert eer(array(0.3, 0.6, 0.7, 0.9), array(0.1, 0.2, 0.4, 0.8)) == pytest.approx(0.25)
    # All alike: the line from (1, 0) to (0, 1) is crossed in its middle.
    assert eer(array(0.5, 0.5), array(0.5)) == pytest.approx(0.5)


def test_bpcer_at_apcer_is_of_the_worst_species() -> None:
    people = np.linspace(0.05, 1.0, 20)
    easy, hard = np.zeros(100), np.append(np.zeros(90), np.full(10, 0.5))
    assert bpcer_at_apcer(people, [easy], 0.05) == 0.0
    # Ten per cent of the hard species score 0.5: only a threshold above that keeps five per cent out.
    assert bpcer_at_apcer(people, [easy, hard], 0.05) == 0.5
    assert bpcer_at_apcer(people, [easy, hard], 0.1) == 0.0


def test_bpcer_at_apcer_allows_exactly_the_target() -> None:
    # 0.05 * 60 is 3.0000000000000004 or 2.9999999999999996 to a binary machine; three are allowed, not two.
    attacks = np.append(np.zeros(57), np.full(3, 0.9))
    assert bpcer_at_apcer(array(0.5, 0.95), [attacks], 0.05) == 0.0
    assert bpcer_at_apcer(array(0.5, 0.95), [attacks], 0.01) == 0.5


def test_bpcer_at_apcer_without_scores() -> None:
    # An attack that got no answer opened no door; a person who got none was turned away.
    attacks = ranked(np.array([np.nan] * 10 + [0.1] * 90), np.ones(100, dtype=bool))
    people = ranked(array(np.nan, 0.05, 0.9, 0.99), np.zeros(4, dtype=bool))
    assert bpcer_at_apcer(people, [attacks], 0.05) == 0.5
    assert bpcer_at_apcer(people, [ranked(np.full(9, np.nan), np.ones(9, dtype=bool))], 0.05) == 0.25


@pytest.mark.parametrize(("n", "bound"), [(150, 0.0198), (300, 0.00994), (1000, 0.00299), (1, 0.95), (0, 1.0)])
def test_zero_error_bound(n: int, bound: float) -> None:
    assert zero_error_bound(n) == pytest.approx(bound, rel=5e-3)


@settings(deadline=None)
@given(scores, scores)
def test_auc_counts_pairs(people: Scores, attacks: Scores) -> None:
    pairs = [1.0 if p > a else 0.5 if p == a else 0.0 for p, a in product(people, attacks)]
    assert auc(people, attacks) == pytest.approx(sum(pairs) / len(pairs))


@settings(deadline=None)
@given(scores, scores)
def test_figures_see_only_the_order(people: Scores, attacks: Scores) -> None:
    ranks = np.unique(np.concatenate([people, attacks]), return_inverse=True)[1].reshape(-1) * 3.0 - 7.0
    moved_people, moved_attacks = ranks[: people.size], ranks[people.size :]
    assert auc(moved_people, moved_attacks) == pytest.approx(auc(people, attacks))
    assert eer(moved_people, moved_attacks) == pytest.approx(eer(people, attacks))
    assert bpcer_at_apcer(moved_people, [moved_attacks], 0.1) == bpcer_at_apcer(people, [attacks], 0.1)


@settings(deadline=None)
@given(scores, scores)
def test_exchanging_the_classes_mirrors_the_figures(people: Scores, attacks: Scores) -> None:
    assert auc(-attacks, -people) == pytest.approx(auc(people, attacks))
    assert eer(-attacks, -people) == pytest.approx(eer(people, attacks))


@settings(deadline=None)
@given(scores, scores)
def test_error_curve_is_monotonic_and_holds_the_eer(people: Scores, attacks: Scores) -> None:
    accepted, refused = error_curve(people, attacks)
    assert (accepted[0], refused[0], accepted[-1], refused[-1]) == (1.0, 0.0, 0.0, 1.0)
    assert (np.diff(accepted) <= 0).all()
    assert (np.diff(refused) >= 0).all()
    assert 0.0 <= eer(people, attacks) <= 1.0


@settings(deadline=None)
@given(scores, st.lists(scores, min_size=1, max_size=3), st.floats(0, 0.5))
def test_bpcer_at_apcer_against_trying_every_threshold(people: Scores, species: list[Scores], target: float) -> None:
    thresholds = [*np.unique(np.concatenate([people, *species])), math.inf]
    possible = [
        float((people < t).mean())
        for t in thresholds
        if all((attacks >= t).sum() <= math.floor(target * attacks.size + 1e-9) for attacks in species)
    ]
    assert bpcer_at_apcer(people, species, target) == min(possible)


@settings(deadline=None)
@given(scores, scores, st.floats(0, 0.5), st.floats(0, 0.5))
def test_a_laxer_target_never_turns_more_people_away(people: Scores, attacks: Scores, a: float, b: float) -> None:
    assert bpcer_at_apcer(people, [attacks], max(a, b)) <= bpcer_at_apcer(people, [attacks], min(a, b))


@settings(deadline=None)
@given(scores, scores, st.integers(1, 5))
def test_a_missing_score_never_improves_a_figure(people: Scores, attacks: Scores, missing: int) -> None:
    fewer = ranked(np.append(people[missing:], np.full(min(missing, people.size), np.nan)), np.zeros(people.size) > 0)
    assert auc(fewer, attacks) <= auc(people, attacks) + 1e-12
    assert eer(fewer, attacks) >= eer(people, attacks) - 1e-12


@pytest.mark.training
@settings(deadline=None)
@given(scores, scores)
def test_figures_agree_with_scikit_learn(people: Scores, attacks: Scores) -> None:
    from sklearn.metrics import roc_auc_score, roc_curve

    labels = np.append(np.ones(people.size), np.zeros(attacks.size))
    together = np.concatenate([people, attacks])
    assert auc(people, attacks) == pytest.approx(roc_auc_score(labels, together))
    accepted, granted, _ = roc_curve(labels, together, drop_intermediate=False)
    crossing = np.interp(0.0, accepted - (1 - granted), accepted)
    assert eer(people, attacks) == pytest.approx(crossing)
    assert bpcer_at_apcer(people, [attacks], 0.1) == pytest.approx(min((1 - granted)[accepted <= 0.1 + 1e-12]))


@pytest.mark.training
@settings(deadline=None)
@given(scores, scores)
def test_the_det_curve_agrees_with_scikit_learn(people: Scores, attacks: Scores) -> None:
    from sklearn.metrics import det_curve

    labels = np.append(np.ones(people.size), np.zeros(attacks.size))
    false_positives, false_negatives, thresholds = det_curve(labels, np.concatenate([people, attacks]))
    accepted, refused = error_curve(people, attacks)
    ours = dict(zip(np.unique(np.concatenate([people, attacks])), zip(accepted, refused, strict=False), strict=False))
    # Its curve leaves out where nothing can be gained any more; where it goes, ours goes through the same points.
    for fpr, fnr, threshold in zip(false_positives, false_negatives, thresholds, strict=True):
        if np.isfinite(threshold):
            assert ours[threshold] == pytest.approx((fpr, fnr))
