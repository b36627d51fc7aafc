"""Second opinions: fitted where the first cues are undecided, kept where they help what no fit has seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from livegate.config import DecisionPolicy
from livegate.decide.fusion import Band, OperatingPoints, Point
from livegate.scorers import read_fusion
from livegate_tools.train.fusion_card import Dev, card_text, manifest_text
from livegate_tools.train.fusion_evidence import Evidence, said_by
from livegate_tools.train.fusion_fit import fit_cascade, fit_together
from livegate_tools.train.fusion_points import Needs, fallback_points, network_points
from livegate_tools.train.held_out import by_people, by_source, held_out

POLICY = DecisionPolicy()
NEEDS = Needs(second=frozenset({"texture"}))
BOTH = ("detector", "texture")


def evidence(texture: float, n: int = 200, seed: int = 0) -> list[Evidence]:
    """Return presentations that the detector tells badly, and the texture ``texture`` deviations apart."""
    rng = np.random.default_rng(seed)
    found = []
    for i in range(n):
        for species, sign in ((None, 1), ("print_flat", -1), ("replay_phone", -1)):
            llr = {"detector": sign + rng.normal(0, 1.5), "texture": sign * texture / 2 + rng.normal(0, 1)}
            found.append(Evidence(llr, species, ("lab", "yard")[i % 2], f"p{i % 40}"))
    return found


def test_outside_of_the_band_the_first_cues_stand_and_inside_nothing_leaves_it() -> None:
    seen = evidence(4.0)
    first, said = fit_together(said_by(("detector",), seen), POLICY), said_by(BOTH, seen)
    assert first is not None
    fit = fit_cascade(first, said, POLICY, 3.0)
    assert fit is not None
    assert fit.cascade is not None
    llr, alone, asked = fit.llr(said), first.llr(said), fit.cascade.undecided(said)
    assert 0.2 < asked.mean() < 0.95
    assert (llr[~asked] == alone[~asked]).all()
    assert llr[asked].min() >= fit.cascade.low_llr
    assert llr[asked].max() <= fit.cascade.high_llr
    assert fit.threshold.apcer < first.threshold.apcer


def test_the_terminal_reckons_a_cascade_as_it_was_fitted(tmp_path: Path) -> None:
    seen = evidence(4.0)
    found = network_points(seen, POLICY, NEEDS)
    assert [point.cues for point in found] == [("detector",), BOTH]
    path = tmp_path / "manifest.toml"
    dev = Dev(("lab", "yard"), len(seen), len(seen), 0)
    path.write_text(manifest_text(found, {"detector": "aa", "texture": "bb"}, dev))
    tables = {frozenset(table.cues): table for table in read_fusion(path).point}
    points = {
        cues: Point(
            dict(zip(table.cues, table.weights, strict=True)),
            table.offset,
            table.threshold_llr,
            table.rates,
            Band(frozenset(table.first), table.low_llr, table.high_llr) if table.first else None,
        )
        for cues, table in tables.items()
    }
    terminal = OperatingPoints(points, available=frozenset(BOTH))
    said, fit = said_by(BOTH, seen), found[1].fit
    for row, llr in zip(said.rows[:200], fit.llr(said)[:200], strict=True):
        both = dict(zip(BOTH, row.tolist(), strict=True))
        asked = terminal.wanted({"detector": both["detector"]})
        told = both if asked else {"detector": both["detector"]}
        assert terminal.fused(told).llr == pytest.approx(llr, abs=1e-4)
    card = card_text(found, [], {}, POLICY, dev)
    assert "## detector, then texture" in card
    assert "| detector | texture |" in card


def test_a_second_opinion_that_says_nothing_gets_no_point() -> None:
    assert [point.cues for point in network_points(evidence(0.0), POLICY, NEEDS)] == [("detector",)]


def test_one_that_helps_in_one_place_and_harms_in_another_gets_no_point() -> None:
    seen = [
        Evidence({**one.llr, "texture": one.llr["texture"] * (1 if one.source == "lab" else -1)}, one.species,
                 one.source, one.subject) for one in evidence(4.0)
    ]  # fmt: skip
    assert [point.cues for point in network_points(seen, POLICY, NEEDS)] == [("detector",)]


def test_one_that_is_off_has_points_beside_colour_for_who_turns_it_on() -> None:
    off = Needs(second=frozenset({"texture"}), off=frozenset({"texture"}))
    assert [point.cues for point in network_points(evidence(4.0), POLICY, off)] == [("detector",), BOTH]


def test_without_a_network_texture_judges_alone_and_beside_each_sensor() -> None:
    seen = [Evidence({"texture": one.llr["texture"], "distortion": one.llr["texture"] / 2, "depth_shape": 1.0},
                     one.species, one.source, one.subject) for one in evidence(4.0)]  # fmt: skip
    needs = Needs(second=frozenset({"texture", "distortion"}))
    found = fallback_points(seen, POLICY, needs)
    assert [point.cues for point in found] == [
        ("distortion", "texture"),
        ("distortion", "texture", "depth_shape"),
        ("distortion",),
        ("texture",),
    ]
    assert all(point.fit.cascade is None for point in found)
    assert fallback_points(seen, POLICY, Needs()) == []


def test_nobody_is_judged_by_a_fit_that_saw_them() -> None:
    said = said_by(BOTH, evidence(4.0))
    for folds in (by_people(said), by_source(said)):
        assert (np.sum(folds, axis=0) == 1).all()
        for fold in folds:
            inside = {(seen.source, seen.subject) for seen in said.take(fold).those}
            outside = {(seen.source, seen.subject) for seen in said.take(~fold).those}
            assert not inside & outside
    folds = by_people(said)
    found = held_out(said, folds, [fit_together(said.take(~fold), POLICY) for fold in folds])
    assert len(found.llr) == len(said.those)
    assert found.auc > 0.95
    assert found.loss() < 0.5
    assert found.errors.mean() < 0.15
