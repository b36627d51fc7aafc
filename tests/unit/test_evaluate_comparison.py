"""Fewer sensors and disturbed ones: each presentation judged as every terminal would, in one run."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from livegate.config import DecisionPolicy, Detector
from livegate.judge import Judge
from livegate.samples.frames import Terminal
from livegate.samples.manifest import Sample, read_manifest
from livegate.types import Box, CueScore, Face, FrameSet, PadDecision, PadResult, Reason, Role, Step
from livegate_tools.evaluate import verb
from livegate_tools.evaluate.variants import VariantEvaluator, disturbed, subsets
from support.models import write_tiny

MODEL = {"name": "brightness"}
ATTACK = {"label": "attack", "pai_species": "print_flat"}
EVERY = frozenset({Role.RGB, Role.NIR, Role.DEPTH})


class BrightnessJudge:
    """Takes bright colour pictures for living people; its cues are the sensors it has."""

    second = frozenset[str]()

    def __init__(self, roles: frozenset[Role]) -> None:
        self.roles = roles

    def unasked(self, pad: PadResult) -> tuple[CueScore, ...]:
        return ()

    def still(self, frame_set: FrameSet) -> tuple[PadResult, Face | None]:
        return self.clip([frame_set])

    def clip(self, frame_sets: Iterable[FrameSet]) -> tuple[PadResult, Face | None]:
        (seen,) = frame_sets
        assert seen.states.keys() == self.roles
        score = float(seen.frames[Role.RGB].image.mean()) / 255
        decision = PadDecision.BONA_FIDE if score > 0.5 else PadDecision.ATTACK
        reason = Reason.BONA_FIDE if score > 0.5 else Reason.PRESENTATION_ATTACK
        cues = tuple(CueScore(role, score, 0.0) for role in seen.frames)
        face = Face(Box(0, 0, 64, 48), score, 1 - score)
        return PadResult(decision, reason, score, None, None, 1, Step.RGB, cues), face


def arguments(manifest: Path, *more: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    verb.add_arguments(parser)
    out = manifest.parent / "p.jsonl"
    return parser.parse_args(["--manifest", str(manifest), "--predictions-out", str(out), *more])


def write(folder: Path, *lines: dict[str, Any]) -> Path:
    path = folder / "m.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


def sensed(folder: Path, name: str, level: int, **more: Any) -> dict[str, Any]:
    cv2.imwrite(str(folder / f"{level}.png"), np.full((48, 64, 3), level, np.uint8))
    cv2.imwrite(str(folder / "nir.png"), np.full((48, 64), 90, np.uint8))
    cv2.imwrite(str(folder / "depth.png"), np.full((48, 64), 600, np.uint16))
    pictures = {"rgb": f"{level}.png", "nir": "nir.png", "depth": "depth.png"}
    return {"id": name, "label": "bona_fide", "subject": name} | pictures | more


def evaluate(manifest: Path, *more: str) -> dict[str, Any]:
    report = manifest.parent / "r.json"
    assert verb.evaluate(arguments(manifest, "--report", str(report), *more), BrightnessJudge, MODEL) == 0
    told: dict[str, Any] = json.loads(report.read_text())
    return told


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    return write(tmp_path, sensed(tmp_path, "a", 200), sensed(tmp_path, "b", 90), sensed(tmp_path, "x", 20, **ATTACK),
                 sensed(tmp_path, "y", 180, **ATTACK))  # fmt: skip


def test_every_set_of_sensors_gets_its_figures_and_predictions_stay_the_terminals(manifest: Path) -> None:
    told = evaluate(manifest, "--subsets")
    assert list(told["subsets"]) == ["rgb", "rgb+depth", "rgb+nir", "rgb+nir+depth"]
    assert told["disturbances"] == {}
    for one in told["subsets"].values():
        assert (one["bpcer"], one["apcer"], one["apcer_worst_species"]) == (0.5, {"print_flat": 0.5}, "print_flat")
        assert (one["n_bona_fide"], one["n_attack"]) == (2, {"print_flat": 2})
    lines = [json.loads(line) for line in (manifest.parent / "p.jsonl").read_text().splitlines()]
    assert [line["id"] for line in lines] == ["a", "b", "x", "y"]
    assert set(lines[0]["cues"]) == {"rgb", "nir", "depth"}


def test_a_terminal_with_fewer_sensors_has_fewer_subsets(manifest: Path) -> None:
    assert list(evaluate(manifest, "--subsets", "--modalities", "rgb,nir")["subsets"]) == ["rgb", "rgb+nir"]


def test_curves_begin_undisturbed_and_leave_out_what_the_terminal_has_not(manifest: Path) -> None:
    told = evaluate(manifest, "--disturb", "all")
    assert set(told["disturbances"]) == {"noise", "depth_noise", "misregistration", "skew", "sunlight", "holes"}
    skew = told["disturbances"]["skew"]
    assert (skew["unit"], skew["sensors"]) == ("ms", "rgb+nir+depth")
    assert [point["strength"] for point in skew["curve"]] == [0, 20, 40, 60]
    assert {point["bpcer_plus_bpnrr"] for point in skew["curve"]} == {0.5}
    assert told["subsets"] == {}


def test_the_page_shows_both_and_the_pictures_lie_beside_it(manifest: Path, tmp_path: Path) -> None:
    evaluate(manifest, "--subsets", "--disturb", "skew,holes", "--html", str(tmp_path / "page"))
    page = (tmp_path / "page" / "report.html").read_text()
    assert "By sensors" in page
    assert "near infrared and depth late" in page
    for name in ("subsets", "disturbed_skew", "disturbed_holes"):
        drawn = cv2.imread(str(tmp_path / "page" / f"{name}.png"))
        assert drawn is not None
        assert drawn.min() < 100


def test_an_unknown_disturbance_is_named(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        arguments(manifest, "--disturb", "earthquake")
    assert "'earthquake' is no disturbance" in capsys.readouterr().err


def test_what_cannot_be_read_is_a_non_response_everywhere(tmp_path: Path) -> None:
    told = evaluate(write(tmp_path, sensed(tmp_path, "a", 200) | {"depth": "gone.png"}, sensed(tmp_path, "b", 200)),
                    "--subsets")  # fmt: skip
    assert {one["bpnrr"] for one in told["subsets"].values()} == {0.5}


def test_bounds_are_by_people_and_unanswered_attacks_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one_person = [sensed(tmp_path, name, 200, subject="p") for name in "abcd"]
    silent = sensed(tmp_path, "x", 20, subject="q", **ATTACK) | {"depth": "gone.png"}
    evaluate(write(tmp_path, *one_person, silent), "--subsets")
    told = capsys.readouterr().out
    assert "0 (<= 95 %)" in told, "four pictures of one person prove as much as one"
    assert "APNRR print_flat" in told
    assert "100.0 %" in told


def test_what_disturbs_nothing_and_what_no_line_says_is_told(
    manifest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate(manifest, "--modalities", "rgb", "--disturb", "sunlight,noise", "--by", "nosuch,subject")
    said = capsys.readouterr().err
    assert "--disturb sunlight: touches no sensor" in said
    assert "--disturb noise" not in said
    assert "--by nosuch: no line of" in said
    assert "--by subject" not in said


class Counting:
    """A detector that counts how often it is asked."""

    def __init__(self, judge: Judge, asked: list[int]) -> None:
        self._detector = judge.detector
        self._asked = asked

    def detect(self, image: np.ndarray) -> Any:
        self._asked.append(1)
        assert self._detector is not None
        return self._detector.detect(image)


def test_the_network_looks_at_a_picture_once_however_many_terminals_it_is_shown_to(tmp_path: Path) -> None:
    model = write_tiny(tmp_path / "model")
    asked: list[int] = []

    def opened(roles: frozenset[Role]) -> Judge:
        judge = Judge.open(Detector(str(model)), DecisionPolicy(), frozenset({Role.RGB}))
        judge.detector = Counting(judge, asked)
        return judge

    entries = read_manifest(write(tmp_path, sensed(tmp_path, "a", 200)))
    (entry,) = [entry for entry in entries if isinstance(entry, Sample)]
    variants = (*subsets(EVERY), *disturbed(EVERY, ("skew", "noise")))
    told = VariantEvaluator(opened, Terminal(EVERY), variants).predict(entry)
    assert len(told) == 1 + 4 + 3 + 4
    assert len(asked) == 1 + 4, "only noise makes another colour picture"
    assert len({prediction.decision for prediction in told[:8]}) == 1
