from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

from livegate import assets
from livegate.config import DecisionPolicy
from livegate.decide.fitting import Labels, balanced, choose, fit_line, fix_threshold
from livegate.installed.shelf import SHIPPED
from livegate.scorers import FINDER, fingerprint, read_fusion
from livegate.types import Role
from livegate_tools.train.dev_measurers import Way
from livegate_tools.train.fusion import fingerprints
from livegate_tools.train.fusion_card import Dev, card_text, manifest_text
from livegate_tools.train.fusion_evidence import Evidence
from livegate_tools.train.fusion_points import Needs, Point, network_points

POLICY = DecisionPolicy(max_apcer=0.05, max_bpcer=0.1)
RNG = np.random.default_rng(0)
ALL = Needs()


def points(seen: list[Evidence], policy: DecisionPolicy, needs: Needs = ALL) -> list[Point]:
    return network_points(seen, policy, needs)


def labels(*parts: tuple[str | None, int], source: str = "lab") -> Labels:
    species = tuple(kind for kind, n in parts for _ in range(n))
    return Labels(species, (source,) * len(species), tuple(map(str, range(len(species)))))


def test_of_overlapping_kinds_the_worst_species_and_people_are_missed_by_one_factor() -> None:
    people, prints, masks = np.linspace(1, 8, 100), np.linspace(-9, -1, 100), np.linspace(-2, 1.5, 100)
    fixed = fix_threshold(np.concatenate([people, prints, masks]), labels((None, 100), ("p", 100), ("m", 100)), POLICY)
    assert np.mean(masks >= fixed.llr) / 0.05 == pytest.approx(np.mean(people < fixed.llr) / 0.1, abs=0.3)
    assert 0 < np.mean(people < fixed.llr) < 0.1
    assert fixed.apcer == pytest.approx(np.mean(masks >= fixed.llr))
    assert fixed.bpcer == pytest.approx(np.mean(people < fixed.llr))


def test_where_both_rates_cannot_be_had_both_are_missed_by_one_factor() -> None:
    people, masks = np.linspace(0, 4, 401), np.linspace(1, 5, 401)
    least = fix_threshold(np.concatenate([people, masks]), labels((None, 401), ("m", 401)), POLICY).llr
    missed_apcer, missed_bpcer = np.mean(masks >= least) / POLICY.max_apcer, np.mean(people < least) / POLICY.max_bpcer
    assert missed_apcer > 1
    assert missed_apcer == pytest.approx(missed_bpcer, rel=0.05)


def test_classes_far_apart_are_parted_between_them_and_never_below_even_odds() -> None:
    people, prints = np.linspace(4, 8, 100), np.linspace(-9, -3, 100)
    fixed = fix_threshold(np.concatenate([people, prints]), labels((None, 100), ("p", 100)), POLICY)
    assert 0 < fixed.llr < 4.1
    assert fixed.apcer == 0.0
    assert fixed.bpcer <= 0.011
    low = fix_threshold(np.concatenate([people - 4, prints - 9]), labels((None, 100), ("p", 100)), POLICY)
    assert low.llr >= 0


def test_a_species_of_a_handful_is_not_measured_alone() -> None:
    people, prints, rare = np.linspace(1, 8, 100), np.linspace(-9, -1, 100), np.array([7.0, 6.0, -5.0])
    all_llr = np.concatenate([people, prints, rare, np.linspace(-9, 0, 60)])
    kinds = labels((None, 100), ("p", 100), ("rare", 3), ("other", 10), ("more", 15), ("most", 35))
    assert fix_threshold(all_llr, kinds, POLICY).llr < 6.0


def test_classes_and_sources_weigh_the_same() -> None:
    species = (None,) * 30 + ("p",) * 6
    weights = balanced(Labels(species, ("a",) * 10 + ("b",) * 20 + ("a",) * 6, ("",) * 36))
    assert weights[:10].sum() == pytest.approx(weights[10:30].sum()) == pytest.approx(0.25)
    assert weights[30:].sum() == pytest.approx(0.5)


def test_the_line_gives_back_a_log_likelihood_ratio() -> None:
    people, attacks = RNG.normal(2, 1, 4000), RNG.normal(-1, 1, 1000)
    kinds = labels((None, 4000), ("p", 1000))
    line = fit_line(np.concatenate([people, attacks])[:, None], kinds.bona_fide, balanced(kinds))
    # Two normals of deviation 1 with means 2 and -1: ln of their ratio is 3 x - 1.5, whatever the shares.
    assert line.weights[0] == pytest.approx(3.0, rel=0.1)
    assert line.offset == pytest.approx(-1.5, rel=0.15)


def test_a_cue_that_ranks_the_wrong_way_gets_no_weight() -> None:
    truth = np.concatenate([RNG.normal(2, 1, 300), RNG.normal(-2, 1, 300)])
    kinds = labels((None, 300), ("p", 300))
    line = fit_line(np.column_stack([truth, -0.5 * truth]), kinds.bona_fide, balanced(kinds))
    assert line.weights[0] > 0
    assert line.weights[1] == 0.0


def test_choosing_undercuts_both_rates_as_far_as_can_be() -> None:
    assert choose(np.array([0.04, 0.01, 0.0]), np.array([0.0, 0.05, 0.09]), POLICY) == 1
    assert choose(np.array([0.04, 0.0, 0.0]), np.array([0.0, 0.0, 0.02]), POLICY) == 1


def test_each_set_of_cues_gets_a_point_from_those_it_measured(tmp_path: Path) -> None:
    seen = [Evidence({"detector": 2.0, "depth_shape": 1.0}, None)] * 25
    seen += [Evidence({"detector": -1.0, "depth_shape": -3.0}, "print_flat")] * 25
    seen += [Evidence({"detector": 1.0}, "replay_phone")] * 25
    found = {point.cues: point for point in points(seen, POLICY)}
    assert found.keys() == {("detector",), ("detector", "depth_shape")}
    both = found["detector", "depth_shape"]
    assert both.bpcer.count == 25
    assert {name: rate.value for name, rate in both.apcer.items()} == {"print_flat": 0.0}
    assert both.auc == pytest.approx(1.0)
    assert set(found["detector",].apcer) == {"print_flat", "replay_phone"}
    path = tmp_path / "manifest.toml"
    dev = Dev(("lab",), len(seen), len(seen), 0)
    path.write_text(manifest_text(list(found.values()), {"detector": "aa", "depth_shape": "bb"}, dev))
    assert [point.cues for point in read_fusion(path).point] == list(found)
    assert tomllib.loads(path.read_text())["training"]["dev"] == ["lab"]
    card = card_text(list(found.values()), [], {}, POLICY, dev)
    assert "## detector + depth_shape" in card
    assert "No second opinion helped" in card


def test_points_without_a_network_name_the_finder_on_whose_faces_they_were_fixed() -> None:
    found = fingerprints(["detector", "crop"], (Way.NETWORK, Way.FALLBACK), SHIPPED)
    assert list(found) == ["detector", "crop", FINDER]
    assert found[FINDER] == fingerprint(assets.model(FINDER))
    assert FINDER not in fingerprints(["detector", "crop"], (Way.NETWORK,), SHIPPED)


def test_a_mask_counts_only_where_infrared_speaks() -> None:
    seen = [Evidence({"detector": 2.0 + i / 50, "near_infrared": 2.0}, None) for i in range(50)]
    seen += [Evidence({"detector": -2.0 - i / 50, "near_infrared": -2.0}, "print_flat") for i in range(50)]
    seen += [Evidence({"detector": 5.0, "near_infrared": -2.0}, "mask_3d") for _ in range(50)]
    found = {point.cues: point for point in points(seen, POLICY)}
    assert found["detector",].bpcer.value == 0.0
    assert found["detector",].apcer["mask_3d"].value == 1.0
    both = found["detector", "near_infrared"]
    assert (both.apcer["mask_3d"].value, both.bpcer.value) == (0.0, 0.0)


def test_one_class_alone_makes_no_point() -> None:
    assert points([Evidence({"detector": 2.0, "depth_shape": 1.0}, None)], POLICY) == []


def test_a_mask_of_assumed_rubber_sets_no_threshold_and_has_weight_only_where_that_costs_nothing() -> None:
    people = [Evidence({"detector": 2.0 + i / 50, "near_infrared": 1.0 + i / 50}, None) for i in range(50)]
    prints = [Evidence({"detector": -2.0 - i / 50, "near_infrared": -1.0 - i / 50}, "print_flat") for i in range(50)]
    alike = [Evidence({"detector": 3.0, "near_infrared": -0.5 + 3 * i / 50}, "mask_3d") for i in range(50)]
    both = next(point for point in points(people + prints + alike, POLICY) if len(point.cues) == 2)
    assert both.bpcer.value <= 0.02
    assert both.apcer["mask_3d"].value > 0.1, "and the card says so"
    told = [Evidence({"detector": 3.0, "near_infrared": -1.0 - i / 50}, "mask_3d") for i in range(50)]
    both = next(point for point in points(people + prints + told, POLICY) if len(point.cues) == 2)
    assert (both.apcer["mask_3d"].value, both.bpcer.value) == (0.0, 0.0)


def test_cues_are_fitted_to_what_they_say_without_the_other_sensors() -> None:
    needs = Needs({"near_infrared": frozenset({Role.RGB, Role.NIR}), "sensor_agreement": frozenset({Role.RGB})})

    def seen(sign: float, kind: str | None, i: int) -> Evidence:
        # With depth besides the cue is sure, without it hardly; alone it is silent.
        llr = {"detector": sign * (1 + i / 25), "near_infrared": sign, "sensor_agreement": 9 * sign}
        fewer: dict[str, dict[str, float | None]] = {
            "rgb+nir": {"sensor_agreement": 0.1 * sign},
            "rgb": {"sensor_agreement": None},
        }
        return Evidence(llr, kind, narrower=fewer)

    found = {
        point.cues: point
        for point in points(
            [seen(1, None, i) for i in range(25)] + [seen(-1, "print_flat", i) for i in range(25)], POLICY, needs
        )
    }
    pair, alone = found["detector", "near_infrared", "sensor_agreement"], found["detector", "sensor_agreement"]
    assert pair.fit.line.weights[2] < alone.fit.line.weights[1], "what hardly differs is hardly heard"
    assert alone.bpcer.count == 25, "never alone with rgb: as with all sensors"
