"""What judges where the network cannot: textures, and where they cannot either nothing; each time it is said why."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from livegate import assets
from livegate.config import Config, Precision, Runtime
from livegate.configfile import load
from livegate.detect.detector import Detector
from livegate.errors import AssetError, ConfigError, RuntimeMissing
from livegate.installed.shelf import SHIPPED, Shelf
from livegate.judging import open_judge, serving, without_folders
from livegate.scorers import COLOUR_TEXTURE, FINDER, texture_points, trained_cues
from livegate.types import Frame, FrameSet, PadDecision, Reason, Role, SensorState, Step
from support.terminals import write_config

NO_NETWORK = frozenset({"detector", "crop"})


def configured(folder: Path, runtime: Runtime = Runtime.NONE) -> Config:
    return load(write_config(folder, runtime=runtime))


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def damaged(folder: Path, name: str) -> Shelf:
    """Return what ships with one bit of the weights of ``name`` flipped."""
    copy = folder / name
    shutil.copytree(assets.model(name), copy)
    flip_a_bit(copy / "weights.npz")
    return Shelf({name: copy})


def empty_picture() -> FrameSet:
    picture = np.zeros((480, 640, 3), np.uint8)
    return FrameSet({Role.RGB: Frame(Role.RGB, picture, 0)}, {Role.RGB: SensorState.OK}, 0)


def test_a_network_judges_where_it_runs(tmp_path: Path) -> None:
    judging = open_judge(configured(tmp_path, Runtime.AUTO), SHIPPED)
    assert isinstance(judging.judge.detector, Detector)
    assert (judging.judge.best, judging.faults) == (Step.ALL, {})
    assert judging.model is not None
    assert judging.model.name == "tiny"


def test_without_one_the_finder_finds_and_textures_judge(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    judging = open_judge(configured(tmp_path), SHIPPED)
    assert (judging.judge.best, judging.faults) == (Step.TEXTURE, {})
    names = {cue.name for cue in judging.judge.bank.cues}
    assert COLOUR_TEXTURE in names
    assert not names & NO_NETWORK
    assert judging.model is not None
    assert (judging.model.name, judging.model.threshold) == (COLOUR_TEXTURE, judging.judge.boundaries.accept_llr)
    assert judging.model.sha256 in (assets.model(COLOUR_TEXTURE) / "manifest.toml").read_text()
    (said,) = [record for record in caplog.records if record.name == "livegate.judging"]
    assert "no network judges, as configured" in said.message
    assert "the door stays shut, for [decision] least_step = 'rgb'" in vars(said)["serves"]


def test_nobody_is_before_an_empty_picture_and_the_step_is_said(tmp_path: Path) -> None:
    judge = open_judge(configured(tmp_path), SHIPPED).judge
    pad, face = judge.still(empty_picture())
    assert (pad.decision, pad.reason, pad.step, face) == (PadDecision.NON_RESPONSE, Reason.NO_FACE, Step.TEXTURE, None)


def test_a_flipped_bit_of_the_network_leaves_textures(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = configured(tmp_path, Runtime.ONNXRUNTIME)
    flip_a_bit(tmp_path / "model" / "tiny.onnx")
    judging = open_judge(config, SHIPPED)
    assert judging.judge.best is Step.TEXTURE
    (name,) = judging.faults
    assert name == "model"
    assert "is not the model" in judging.faults[name]
    said = without_folders(judging.faults[name], config)
    assert said.startswith("model/tiny.onnx")
    assert str(tmp_path) not in said
    assert [record.message for record in caplog.records if record.name == "livegate.judging"] == ["model not usable"]


@pytest.mark.parametrize("name", [FINDER, COLOUR_TEXTURE])
def test_without_a_network_and_with_damaged_textures_nothing_judges(name: str, tmp_path: Path) -> None:
    judging = open_judge(configured(tmp_path), damaged(tmp_path, name))
    assert (judging.judge.best, judging.judge.detector, judging.model) == (Step.NONE, None, None)
    assert name in judging.faults[FINDER]
    pad, face = judging.judge.still(empty_picture())
    assert (pad.decision, pad.step, face) == (PadDecision.NON_RESPONSE, Step.NONE, None)


def test_a_damaged_finder_is_no_matter_to_a_network(tmp_path: Path) -> None:
    judging = open_judge(configured(tmp_path, Runtime.ONNXRUNTIME), damaged(tmp_path, FINDER))
    assert (judging.judge.best, judging.faults) == (Step.ALL, {})


def test_a_damaged_second_opinion_is_done_without(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    judging = open_judge(configured(tmp_path, Runtime.ONNXRUNTIME), damaged(tmp_path, COLOUR_TEXTURE))
    assert judging.judge.best is Step.ALL
    assert isinstance(judging.judge.detector, Detector)
    assert COLOUR_TEXTURE not in judging.judge.models
    assert list(judging.faults) == [COLOUR_TEXTURE]
    (said,) = [record for record in caplog.records if record.message == "model not usable"]
    assert vars(said)["serves"] == "the network judges without it"


def test_a_choice_that_no_terminal_could_run_still_ends_the_start(tmp_path: Path) -> None:
    config = configured(tmp_path, Runtime.OPENCV_DNN)
    config = replace(config, detector=replace(config.detector, precision=Precision.INT8))
    with pytest.raises(ConfigError, match="runs fp32 only") as caught:
        open_judge(config, SHIPPED)
    assert not isinstance(caught.value, RuntimeMissing)


def test_what_was_fixed_without_a_network_never_serves_beside_one(tmp_path: Path) -> None:
    judge = open_judge(configured(tmp_path, Runtime.ONNXRUNTIME), SHIPPED).judge
    # No point was fixed for this detector, so it judges alone.
    said = dict.fromkeys((cue.name for cue in judge.bank.cues), 5.0)
    assert judge.fused(said).llr == pytest.approx(judge.fused({"detector": 5.0}).llr)


def test_without_a_point_for_them_textures_do_not_judge(tmp_path: Path) -> None:
    cues = trained_cues(frozenset({Role.RGB}), configured(tmp_path).detector)
    assert texture_points(cues).points
    with pytest.raises(AssetError, match="without a network"):
        texture_points(tuple(replace(cue, fingerprint="0" * 64) for cue in cues))


@pytest.mark.parametrize(
    ("best", "least", "words"),
    [
        (Step.TEXTURE, Step.TEXTURE, "the door may open"),
        (Step.TEXTURE, Step.NONE, "the door may open"),
        (Step.TEXTURE, Step.RGB, "the door stays shut"),
        (Step.NONE, Step.TEXTURE, "the door never opens"),
    ],
)
def test_what_becomes_of_the_door_is_said(best: Step, least: Step, words: str) -> None:
    assert words in serving(best, least)
