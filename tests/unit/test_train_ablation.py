"""The ablation: which sets are compared, on the same presentations held out, and what table, JSON and chart say."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from livegate.config import DecisionPolicy
from livegate.errors import ConfigError
from livegate.types import Role
from livegate_tools.train.ablation.arms import Arm, fallback_groups, network_groups
from livegate_tools.train.ablation.chart import ablation_chart
from livegate_tools.train.ablation.cost import Costs, costs
from livegate_tools.train.ablation.page import as_json, tables
from livegate_tools.train.ablation.session import ablate
from livegate_tools.train.ablation.standing import Compared, compare
from livegate_tools.train.dev_evidence import samples_of
from livegate_tools.train.dev_measurers import open_equipment
from livegate_tools.train.fusion_evidence import Evidence
from livegate_tools.train.fusion_points import Needs

POLICY = DecisionPolicy()
NAMES = ("detector", "crop", "near_infrared", "texture", "distortion")
NEEDS = Needs(
    {"near_infrared": frozenset({Role.RGB, Role.NIR})},
    second=frozenset({"texture", "distortion"}),
    of_sensors=frozenset({"near_infrared"}),
)
COSTS = Costs(3.0, {"detector": 0.0, "crop": 1.0, "near_infrared": 0.5, "texture": 2.0, "distortion": 4.0})


def evidence(n: int = 120) -> list[Evidence]:
    rng = np.random.default_rng(3)
    found = []
    for i in range(n):
        for species, sign in ((None, 1), ("print_flat", -1), ("replay_phone", -1), ("mask_3d", 0)):
            llr = {name: sign + rng.normal(0, 1 + place) for place, name in enumerate(NAMES)}
            found.append(Evidence(llr, species, ("lab", "yard")[i % 2], f"p{i % 30}"))
    return found


def test_every_cue_is_shown_alone_beside_the_others_and_taken_from_them() -> None:
    colour, sensors = network_groups(NAMES, NEEDS)
    assert colour.base == Arm(("detector",))
    titles = [arm.title for arm in colour.arms]
    for title in ("crop", "detector + crop", "texture", "detector, then texture", "detector + crop, then distortion",
                  "detector + crop, then distortion + texture", "detector + crop + distortion + texture"):  # fmt: skip
        assert title in titles
    assert len(set(titles)) == len(titles)
    assert [arm.title for arm in sensors.arms] == [
        "detector + crop", "detector + crop + near_infrared", "all", "all but crop", "all but near_infrared",
        "all, then distortion + texture",
    ]  # fmt: skip
    assert [[arm.title for arm in group.arms] for group in fallback_groups(NAMES[2:], NEEDS)] == [
        ["distortion + texture", "distortion", "texture"],
        ["distortion + texture", "distortion + texture + near_infrared"],
    ]


def test_what_is_off_is_shown_and_in_no_sum() -> None:
    off = Needs(NEEDS.roles, NEEDS.second, frozenset({"distortion"}), NEEDS.of_sensors)
    titles = [arm.title for arm in network_groups(NAMES, off)[0].arms]
    assert "distortion" in titles
    assert "detector + crop, then distortion" in titles
    assert not any("distortion + texture" in title for title in titles)
    assert fallback_groups(("near_infrared",), Needs(of_sensors=NEEDS.of_sensors)) == []


@pytest.fixture(scope="module")
def compared() -> Compared:
    group = network_groups(NAMES, NEEDS)[0]
    found = compare(group, evidence(), POLICY)
    assert found is not None
    return found


def test_arms_are_judged_on_the_same_presentations_that_no_fit_has_seen(compared: Compared) -> None:
    assert compared.bona_fide == 120
    assert compared.subjects == 30
    for standings in (compared.people, compared.sources):
        assert [one.arm for one in standings] == list(compared.group.arms)
        assert all(one.bpcer.count == 120 for one in standings)
        assert all(one.worst != "mask_3d" for one in standings), "it sets no threshold"
        by_title = {one.arm.title: one for one in standings}
        assert standings[0].gain is None
        pair = by_title["detector + crop"]
        assert pair.gain is not None
        assert pair.gain.low <= pair.gain.value <= pair.gain.high
        assert pair.gain.value == pytest.approx(pair.auc - standings[0].auc)
        cascade = by_title["detector, then texture"]
        assert cascade.asked is not None
        assert 0 < cascade.asked <= 1


def test_a_second_opinion_costs_what_it_is_asked() -> None:
    assert COSTS.of(Arm(("detector", "crop")), None) == pytest.approx(4.0)
    assert COSTS.of(Arm(("detector",), ("texture",)), 0.25) == pytest.approx(3.5)


def test_table_json_and_chart_say_it(compared: Compared) -> None:
    measured = [(compared, COSTS)]
    text = tables(measured, POLICY)
    for words in ("## colour alone", "sources held out", "| detector, then texture |", "print_flat", "120 bona fide"):
        assert words in text
    (group,) = json.loads(json.dumps(as_json(measured), allow_nan=False))
    assert group["people_held_out"][0]["first"] == ["detector"]
    assert group["cost_ms"]["texture"] == 2.0
    png = ablation_chart(measured)
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 20


def test_people_alone_are_nothing_to_compare() -> None:
    living = [seen for seen in evidence(20) if seen.species is None]
    assert compare(network_groups(NAMES, NEEDS)[0], living, POLICY) is None


def test_costs_are_taken_on_pictures(tmp_path: Path) -> None:
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((240, 320, 3), 90, np.uint8))
    lines = [json.dumps({"id": f"s{n}", "rgb": f"{n}.png", "label": "bona_fide"}) for n in range(3)]
    (tmp_path / "manifest.jsonl").write_text("\n".join(lines) + "\n")
    taken = costs(open_equipment(), samples_of(tmp_path), faces=2)
    assert np.isnan(taken.finding), "no face, nothing to time"
    with pytest.raises(ConfigError, match=r"manifest\.jsonl"):
        ablate([tmp_path / "missing"], tmp_path / "out")
