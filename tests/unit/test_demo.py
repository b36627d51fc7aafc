from __future__ import annotations

import argparse
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegate.errors import AssetError, ConfigError
from livegate_drivers.timeline import Layout
from livegate_tools.demo import verb
from livegate_tools.demo.playlist import PATTERN, Visit, arrange, read_visits
from livegate_tools.demo.scoreboard import Programme, Scoreboard

CARD = ("card", "04")
LIVE = [Visit(f"l{n}", "somebody", None, authorised=True, card=CARD) for n in range(9)]
STRANGER = Visit("l9", "a stranger", None, authorised=False, card=("card", "05"))
ATTACKS = [
    Visit(f"a{n}", "an attack", species, authorised=False, card=CARD)
    for n, species in enumerate(("print_flat", "print_bent", "replay_phone", "replay_tablet", "cutout_mask", "mask_3d"))
]
VISITS = [*LIVE, STRANGER, *ATTACKS]


@given(st.integers(0, 2**32), st.integers(8, 80))
def test_every_eight_consecutive_visits_hold_two_attacks_and_two_authorised_people(seed: int, count: int) -> None:
    shown = arrange(VISITS, count, seed)
    assert len(shown) == count
    for start in range(count - 7):
        window = shown[start : start + 8]
        assert sum(visit.is_attack for visit in window) >= 2
        assert sum(visit.authorised and not visit.is_attack for visit in window) >= 2


def test_a_round_shows_every_visit_once_in_an_order_of_the_seed() -> None:
    first, again, other = (arrange(VISITS, len(PATTERN), seed) for seed in (1, 1, 2))
    assert first == again != other
    assert Counter(visit.id for visit in first) == Counter(visit.id for visit in VISITS)


def event(at_ms: float, outcome: str, reason: str = "x") -> dict[str, object]:
    what = {"outcome": outcome, "reason": reason, "latency_ms": at_ms / 100}
    data = {"when": {"monotonic_ns": round(at_ms * 1e6)}, "what": what}
    return {"type": "io.livegate.access.attempt.v1", "data": data}


def board(*visits: Visit, loop: bool = False) -> Scoreboard:
    layout = Layout(tuple(1000.0 * n for n in range(len(visits))), 1000.0 * len(visits))
    return Scoreboard(Programme(visits, layout, 0, 1.0, loop))


def test_counts_go_to_the_right_kind_of_visit() -> None:
    scores = board(LIVE[0], STRANGER, ATTACKS[0], ATTACKS[1], LIVE[1], LIVE[2])
    outcomes = ("granted", "denied", "denied", "granted", "inconclusive")
    for at_ms, outcome in zip(range(500, 5000, 1000), outcomes, strict=True):
        assert scores.record(event(at_ms, outcome)) is not None
    summary = scores.summary(6)
    assert summary["bona_fide"] == {"granted": 1, "denied": 2}
    assert summary["attack"] == {"granted": 1, "denied": 1}
    assert summary["by_pai_species"] == {
        "print_flat": {"granted": 0, "denied": 1},
        "print_bent": {"granted": 1, "denied": 0},
    }
    assert summary["unauthorised"] == 1
    assert summary["unauthorised_granted"] == 0
    assert summary["latency_ms"] == {"p50": 25.0, "p95": 43.0}


def test_a_second_try_within_a_visit_counts_and_a_later_denial_takes_nothing_back() -> None:
    scores = board(LIVE[0])
    for at_ms, outcome in ((200, "inconclusive"), (500, "granted"), (900, "denied")):
        scores.record(event(at_ms, outcome))
    assert scores.summary(1)["bona_fide"] == {"granted": 1, "denied": 0}


def test_events_outside_the_programme_or_of_other_kinds_count_nothing() -> None:
    scores = board(LIVE[0])
    assert scores.record(event(-5, "granted")) is None
    assert scores.record(event(1500, "granted")) is None
    assert scores.record({"type": "io.livegate.door.state.v1"}) is None
    assert scores.summary(1)["bona_fide"] == {"granted": 0, "denied": 1}
    assert scores.summary(1)["latency_ms"] == {"p50": None, "p95": None}


def test_rounds_are_counted_on() -> None:
    scores = board(LIVE[0], ATTACKS[0], loop=True)
    result = scores.record(event(3500, "denied"))
    assert result is not None
    assert (result.number, result.visit) == (3, ATTACKS[0])


def test_a_damaged_manifest_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "visits.jsonl").write_text('{"id": "x"}\n')
    with pytest.raises(AssetError, match="line 1"):
        read_visits(tmp_path / "visits.jsonl")


@pytest.mark.parametrize(
    "arguments",
    [["--visits", "0"], ["--speed", "0"], ["--speed", "nan"], ["--speed", "100"], ["--summary", "/nowhere/x.json"]],
)
def test_arguments_out_of_bounds_are_refused_before_anything_starts(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser()
    verb.add_arguments(parser)
    with pytest.raises(ConfigError):
        verb.run(parser.parse_args(arguments))


def test_what_judges_in_a_damaged_models_place_is_ready_before_the_visits(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom dataclasses import replace\n"
        "from livegate import assets\nfrom livegate.config import Detector, Runtime\n"
        "from livegate.configfile import load\nfrom livegate_tools.demo.stage import judged_in\n"
        f"config = replace(load(assets.config('demo')), detector=Detector(model={str(tmp_path / 'damaged')!r}))\n"
        "judged_in(Runtime.AUTO, config)\n"
        "print('livegate.kernels.pixel_trees' in sys.modules, 'livegate.kernels.lbp' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True"]
