"""Error rates after several tries: counted exactly, by person and kind of instrument."""

from __future__ import annotations

import itertools
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegate.samples.manifest import Sample
from livegate.types import PadDecision
from livegate_tools.evaluate.outcomes import gather
from livegate_tools.evaluate.predictions import Prediction
from livegate_tools.evaluate.report import as_json, groups
from livegate_tools.evaluate.table import table
from livegate_tools.evaluate.tries import TRIES, Tries, at_least_once, every_time, tries_of

ACCEPT, REFUSE, NONE = PadDecision.BONA_FIDE, PadDecision.ATTACK, PadDecision.NON_RESPONSE
Judged = list[tuple[Sample, Prediction]]


def shown(person: str | None, species: str | None, *decisions: PadDecision, source: str = "lab") -> Judged:
    found = []
    for number, decision in enumerate(decisions):
        name = f"{person}-{species}-{number}"
        sample = Sample(1, name, (), False, None, species, person, source, None)
        found.append((sample, Prediction(name, decision, 0.5, None, f"{decision}", (), 3.0)))
    return found


def of(judged: Judged) -> Tries:
    return tries_of(gather(judged))


@given(st.lists(st.booleans(), min_size=5, max_size=8), st.sampled_from(TRIES))
def test_the_chances_are_those_of_every_choice(errors: list[bool], tries: int) -> None:
    n, k = len(errors), sum(errors)
    choices = list(itertools.combinations(errors, tries))
    assert at_least_once(n, k, tries) == pytest.approx(sum(map(any, choices)) / len(choices))
    assert every_time(n, k, tries) == pytest.approx(sum(map(all, choices)) / len(choices))


def test_one_try_is_apcer_and_bpcer_plus_bpnrr() -> None:
    judged = shown("a", "print_flat", ACCEPT, REFUSE, REFUSE) + shown("b", "print_flat", REFUSE)
    judged += shown("a", None, ACCEPT, REFUSE, NONE, ACCEPT) + shown(None, None, ACCEPT)
    (group, _) = groups(judged)
    assert group.tries.let_in["print_flat"][0].rate == group.figures["apcer/print_flat"] == 0.25
    assert group.tries.turned_away[0].rate == group.figures["bpcer_plus_bpnrr"] == 0.4


def test_an_attacker_needs_one_success_and_a_person_one_as_well() -> None:
    found = of(shown("a", "print_flat", ACCEPT, REFUSE, REFUSE) + shown("a", None, ACCEPT, REFUSE, NONE))
    assert found.let_in["print_flat"][1].rate == pytest.approx(1.0)
    assert found.turned_away[1].rate == pytest.approx(0.0)
    assert math.isnan(found.turned_away[2].rate), "nobody tried five times"


def test_tries_of_one_person_are_not_those_of_another_nor_of_another_instrument() -> None:
    lucky = shown("a", "print_flat", *[ACCEPT] * 5) + shown("b", "print_flat", *[REFUSE] * 5)
    after = of(lucky).let_in["print_flat"][2]
    assert (after.rate, after.one_try, after.cases, after.presentations) == (0.5, 0.5, 2, 10)
    mixed = shown("a", "print_flat", ACCEPT, REFUSE, REFUSE) + shown("a", "replay_phone", *[REFUSE] * 3)
    found = of(mixed)
    assert (found.let_in["print_flat"][1].rate, found.let_in["replay_phone"][1].rate) == (1.0, 0.0)
    assert found.worst(1) == "print_flat"
    assert found.worst(2) is None


def test_whom_nobody_named_tries_once() -> None:
    found = of(shown(None, "print_flat", *[ACCEPT] * 5)).let_in["print_flat"]
    assert [one.cases for one in found] == [5, 0, 0]
    assert found[0].interval.reason == "0 subjects, an interval needs 5"


def test_the_interval_draws_people() -> None:
    judged = [pair for n in range(6) for pair in shown(f"p{n}", "print_flat", *[ACCEPT if n < 3 else REFUSE] * 5)]
    after = of(judged).let_in["print_flat"][2]
    assert after.interval.low is not None
    assert after.interval.high is not None
    assert after.interval.low < 0.25
    assert after.interval.high > 0.75


def test_report_and_table_say_it() -> None:
    judged = shown("a", "print_flat", ACCEPT, *[REFUSE] * 5) + shown("b", None, *[ACCEPT] * 5)
    found = groups(judged)
    report = json.loads(json.dumps(as_json(found, {}), allow_nan=False))["all"]["tries"]
    assert report["apcer"]["print_flat"]["3"]["value"] == pytest.approx(0.5)
    assert report["apcer_worst"]["5"] == {"species": "print_flat", "value": pytest.approx(5 / 6)}
    assert report["bpcer_plus_bpnrr"]["5"]["value"] == 0.0
    text = table(found)
    assert "after 3 tries" in text
    assert "let in print_flat" in text
