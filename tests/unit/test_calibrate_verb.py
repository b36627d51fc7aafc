"""``livegate calibrate decision``, whole: pictures and labels in, a file in the state folder out, and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from livegate.acceptance.file import FILE, ensemble_sha256, load
from livegate.building import open_shelf
from livegate.cli import main
from livegate.configfile import load as load_config
from livegate.events import kinds
from livegate.events.environment import Environment, ModelInUse
from livegate.gate.policy import decide
from livegate.judging import open_judge
from livegate.store.labels import Label, Verdict, keep_label
from livegate.types import CredentialRead, CueScore, PadResult
from support.stores import ATTACK, BONA_FIDE, IDENTITY, StillClock, admit, opened, policy
from support.terminals import write_config

# The tiny network's evidence is (green - red) / 127.5; people lie about 1.5 on its dev split, attacks about -0.5.
RATES = """
[decision.rates]
llr = [-1.5, -0.5, 0.0, 0.5, 1.0, 1.5, 2.5]
apcer = [0.95, 0.5, 0.2, 0.05, 0.01, 0.004, 0.001]
bpcer = [0.001, 0.004, 0.01, 0.05, 0.2, 0.5, 0.95]
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = write_config(tmp_path, "[quality]\nenabled = false\n[decision]\nmax_apcer = 0.05\nmax_bpcer = 0.05\n")
    manifest = tmp_path / "model" / "manifest.toml"
    manifest.write_text(manifest.read_text() + RATES)
    return path


def line(folder: Path, name: str, llr: float, **more: Any) -> dict[str, Any]:
    half = round(llr * 127.5 / 2)
    cv2.imwrite(str(folder / f"{name}.png"), np.full((64, 64, 3), (0, 128 + half, 128 - half), np.uint8))
    return {"id": name, "rgb": f"{name}.png", "label": "bona_fide", "subject": name} | more


def write(folder: Path, lines: Sequence[dict[str, Any] | str]) -> Path:
    path = folder / "acceptance.jsonl"
    path.write_text("\n".join(each if isinstance(each, str) else json.dumps(each) for each in lines))
    return path


def people(folder: Path, llr: float, n: int = 12) -> list[dict[str, Any]]:
    return [line(folder, f"person{i}", llr) for i in range(n)]


def calibrate(capsys: pytest.CaptureFixture[str], config: Path, *options: str) -> tuple[int, dict[str, Any], str]:
    capsys.readouterr()
    status = main(["calibrate", "decision", "--config", str(config), "--json", *options])
    told = capsys.readouterr()
    return status, json.loads(told.out) if told.out else {}, told.err


def test_faces_that_score_lower_here_are_let_in_after_it(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = write(tmp_path, [*people(tmp_path, 0.3), line(tmp_path, "odd", 0.7)])
    status, told, _ = calibrate(capsys, config, "--manifest", str(manifest))
    assert status == 0
    assert told["applied"]
    assert "detector" in told["cues"]
    assert 0.2 < told["estimate"]["shift_llr"] <= told["estimate"]["loosest_llr"] < 0.35
    assert (told["before"]["bona_fide_accepted"], told["after"]["bona_fide_accepted"]) == (1, 13)
    assert told["after"]["dev_apcer"] > told["before"]["dev_apcer"]
    kept = load(tmp_path / "state")
    assert kept is not None
    assert kept.sha256 == told["sha256"]


def test_faces_that_look_more_like_attacks_stay_out_however_many_they_are(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, told, _ = calibrate(capsys, config, "--manifest", str(write(tmp_path, people(tmp_path, -0.05, 40))))
    assert told["after"]["bona_fide_accepted"] == 0
    assert told["after"]["accept_llr"] >= 0


def test_attacks_that_pass_raise_the_threshold(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    attack = {"label": "attack", "pai_species": "print_flat"}
    lines = people(tmp_path, 1.5) + [line(tmp_path, f"print{i}", 0.55, **attack) for i in range(12)]
    _, told, _ = calibrate(capsys, config, "--manifest", str(write(tmp_path, lines)))
    assert told["estimate"]["shift_llr"] < -0.05
    assert (told["before"]["attacks_accepted"], told["after"]["attacks_accepted"]) == (12, 0)
    assert told["after"]["bona_fide_accepted"] == 12
    assert told["after"]["dev_apcer"] < told["before"]["dev_apcer"]


def test_a_dry_run_changes_nothing(tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = write(tmp_path, people(tmp_path, 0.2))
    status, told, _ = calibrate(capsys, config, "--manifest", str(manifest), "--dry-run")
    assert (status, told["applied"], told["sha256"]) == (0, False, None)
    assert not (tmp_path / "state").exists()


def test_undo_goes_back_a_step_and_then_to_none(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, first, _ = calibrate(capsys, config, "--manifest", str(write(tmp_path, people(tmp_path, 0.5))))
    _, second, _ = calibrate(capsys, config, "--manifest", str(write(tmp_path, people(tmp_path, 0.0))))
    assert first["sha256"] != second["sha256"]
    # What is learnt does not depend on what is in force.
    assert calibrate(capsys, config, "--undo")[1]["sha256"] == first["sha256"]
    assert calibrate(capsys, config, "--undo")[1]["sha256"] is None
    status, _, said = calibrate(capsys, config, "--undo")
    assert status == 1
    assert "nothing to take back" in said


def test_bad_lines_are_named_and_the_rest_is_done(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [*people(tmp_path, 0.5, 3), "{broken", line(tmp_path, "gone", 0.5) | {"rgb": "gone.jpg"}]
    status, told, said = calibrate(capsys, config, "--manifest", str(write(tmp_path, lines)))
    assert status == 0
    assert told["estimate"]["bona_fide"]["samples"] == 3
    assert [":4:" in told["problems"][0], ":5:" in told["problems"][1]] == [True, True]
    assert said.count("left out:") == 2


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        ([], 2, "--manifest"),
        (["--undo", "--labels"], 2, "stands alone"),
        (["--undo", "--dry-run"], 2, "stands alone"),
        (["--manifest", "none.jsonl"], 2, "none.jsonl"),
    ],
)
def test_usage(config: Path, capsys: pytest.CaptureFixture[str], options: list[str], status: int, words: str) -> None:
    assert main(["calibrate", "decision", "--config", str(config), *options]) == status
    assert words in capsys.readouterr().err


def test_a_manifest_without_a_usable_sample_is_said(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, said = calibrate(capsys, config, "--manifest", str(write(tmp_path, [])))
    assert status == 1
    assert "expected samples" in said
    assert not (tmp_path / "state" / FILE).exists()


def test_models_that_say_nothing_of_other_thresholds_cannot_be_calibrated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_config(tmp_path, "[quality]\nenabled = false\n")
    status, _, said = calibrate(capsys, config, "--manifest", str(write(tmp_path, people(tmp_path, 0.5))))
    assert status == 1
    assert "were not measured" in said


def test_check_says_what_is_in_force_and_what_is_not(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def found() -> tuple[bool | None, str]:
        main(["check", "--config", str(config), "--json"])
        findings = json.loads(capsys.readouterr().out)["findings"]
        (finding,) = [each for each in findings if each["check"] == "calibration"]
        return finding["ok"], finding["text"]

    assert found() == (True, "none: the thresholds of the models hold")
    calibrate(capsys, config, "--manifest", str(write(tmp_path, people(tmp_path, 0.2))))
    ok, text = found()
    assert ok
    assert "12 bona fide" in text
    manifest = tmp_path / "model" / "manifest.toml"
    manifest.write_text(manifest.read_text().replace("llr_offset = 0.0", "llr_offset = 0.5"))
    ok, text = found()
    assert ok is False
    assert "another 'detector'" in text


def attempt(folder: Path, number: int, pad: PadResult, model: ModelInUse | None, verdict: Verdict) -> None:
    """Record an attempt as the pipeline does, and an operator's verdict on it."""
    clock = StillClock()
    with opened(folder, clock) as store:
        card = CredentialRead("card", f"card {number}")
        admit(store, card, clock())
        with store.transaction() as t:
            facts = t.facts(card, policy(), clock())
            decision = decide(pad, facts, policy(), attempt_id=f"attempt{number}")
            t.enqueue(kinds.access_attempt(decision, clock(), Environment(IDENTITY, model=model)))
            keep_label(t, Label(f"attempt{number}", verdict, None, "0" * 16))


def test_operators_labels_are_used_with_the_evidence_their_events_keep(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    judging = open_judge(load_config(config), open_shelf(load_config(config)))
    judge, model = judging.judge, judging.model
    assert model is not None
    assert model.ensemble_sha256 == ensemble_sha256(judge.models)
    # What an earlier calibration added to the fused evidence is not in what the cues said.
    said = replace(BONA_FIDE, llr=9.0, cues=(CueScore("detector", 0.6, 0.4),))
    for number in range(4):
        attempt(tmp_path / "state", number, said, model, Verdict.BONA_FIDE)
    attempt(tmp_path / "state", 4, said, replace(model, ensemble_sha256="0" * 64), Verdict.BONA_FIDE)
    attempt(tmp_path / "state", 5, said, None, Verdict.BONA_FIDE)
    attempt(tmp_path / "state", 6, replace(ATTACK, cues=()), model, Verdict.ATTACK)
    attempt(tmp_path / "state", 7, replace(said, media_signature="ab" * 16), model, Verdict.ATTACK)
    with opened(tmp_path / "state") as store, store.transaction() as t:
        keep_label(t, Label("attempt of long ago", Verdict.BONA_FIDE, None, "0" * 16))
    status, told, _ = calibrate(capsys, config, "--labels")
    assert status == 0
    assert told["estimate"]["bona_fide"]["samples"] == 4
    assert told["estimate"]["bona_fide"]["weight"] == pytest.approx(4)
    assert told["estimate"]["attack"]["samples"] == 1
    assert told["left_out"] == {
        "judged by other models": 2,
        "no face judged": 1,
        "label of an attempt that is not kept": 1,
    }
    kept = load(tmp_path / "state")
    assert kept is not None
    assert kept.tables.source.labels == 5


def test_every_attack_called_bona_fide_moves_no_further_than_the_bound(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    liar = [line(tmp_path, f"print{i}", -1.0 + 0.01 * i) for i in range(40)]
    _, told, _ = calibrate(capsys, config, "--manifest", str(write(tmp_path, liar)))
    assert told["estimate"]["shift_llr"] <= told["estimate"]["loosest_llr"]
    assert told["after"]["bona_fide_accepted"] == 0
