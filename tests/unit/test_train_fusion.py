from __future__ import annotations

import numpy as np
import pytest

from livegate.config import DecisionPolicy
from livegate_tools.train.fusion import Evidence, points, threshold

POLICY = DecisionPolicy(max_apcer=0.05, max_bpcer=0.1)


def test_separable_kinds_take_the_least_threshold_that_keeps_every_species_out() -> None:
    people, prints, masks = np.linspace(4, 8, 100), np.linspace(-9, -1, 100), np.linspace(-2, 2, 100)
    least = threshold(people, [prints, masks], POLICY)
    assert np.mean(masks >= least) <= POLICY.max_apcer < np.mean(masks >= least - 0.1)
    assert np.mean(people < least) == 0


def test_where_both_rates_cannot_be_had_both_are_missed_by_one_factor() -> None:
    people, masks = np.linspace(0, 4, 401), np.linspace(1, 5, 401)
    least = threshold(people, [masks], POLICY)
    missed_apcer, missed_bpcer = np.mean(masks >= least) / POLICY.max_apcer, np.mean(people < least) / POLICY.max_bpcer
    assert missed_apcer > 1
    assert missed_apcer == pytest.approx(missed_bpcer, rel=0.05)


def test_an_attack_right_at_the_threshold_is_kept_out() -> None:
    assert threshold(np.full(10, 5.0), [np.full(10, 2.0)], POLICY) > 2.0


def test_each_set_of_cues_gets_a_point_from_those_it_measured() -> None:
    seen = [Evidence({"detector": 2.0, "depth_shape": 1.0}, None)] * 5
    seen += [Evidence({"detector": -1.0, "depth_shape": -3.0}, "print_flat")] * 5
    seen += [Evidence({"detector": 1.0}, "replay_phone")] * 5
    (point,) = points(seen, POLICY)
    assert point.cues == ("detector", "depth_shape")
    assert point.bona_fide == 5
    assert point.apcer == {"print_flat": 0.0}
    assert -4.0 < point.threshold_llr <= 3.0
    assert point.auc == pytest.approx(1.0)


def test_one_class_alone_makes_no_point() -> None:
    assert points([Evidence({"detector": 2.0, "depth_shape": 1.0}, None)], POLICY) == []
