from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegate import config
from livegate.cues.bank import CueBank, ScoredCue
from livegate.cues.crop import CropCue
from livegate.cues.scorer import Scorer
from livegate.decide.fusion import OperatingPoints, Point
from livegate.detect.classifier import CropClassifier, open_classifier
from livegate.detect.crop_manifest import Crop, CropRule, Resize, read_crop_manifest
from livegate.detect.crop_rule import crop, cut
from livegate.errors import AssetError, PadError
from livegate.judge import Judge
from livegate.types import Box, Observation, PadDecision, Role
from support.onnx_files import write_classifier
from support.sights import attempt, face, frame_set

GREEN, RED, BLUE = (np.full((480, 640, 3), colour, np.uint8) for colour in ((0, 255, 0), (0, 0, 255), (255, 0, 0)))
SCORER = Scorer(("log_odds",), (0.0,), (1.0,), (1.0,), 0.0, 3.0, 1.0)
SIDE = st.floats(-2000, 2000)


def opened(folder: Path) -> CropClassifier:
    classifier = open_classifier(folder, config.Detector())
    assert classifier is not None
    return classifier


def edited(folder: Path, old: str, new: str) -> Path:
    path = write_classifier(folder) / "manifest.toml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    return folder


class Scripted:
    """A network that gives what the test says, after a first honest answer."""

    def __init__(self, *outputs: list[float]) -> None:
        self.outputs = [np.array([output], np.float32) for output in outputs]

    def run(self, pictures: np.ndarray) -> tuple[np.ndarray, ...]:
        return (self.outputs.pop(0),)


def test_the_probabilities_are_those_of_the_colours_in_the_crop(tmp_path: Path) -> None:
    classifier = opened(write_classifier(tmp_path))
    for number, picture in ((0, BLUE), (1, GREEN), (2, RED)):
        found = classifier.probabilities(picture, Box(200, 100, 150, 200))
        expected = np.exp(np.eye(3)[number]) / np.exp(np.eye(3)[number]).sum()
        assert found == pytest.approx(expected, abs=1e-6)


def test_channel_order_is_that_of_the_manifest(tmp_path: Path) -> None:
    classifier = opened(edited(tmp_path, '"bgr"', '"rgb"'))
    assert classifier.probabilities(BLUE, Box(200, 100, 150, 200)).argmax() == 2


def test_shift_is_the_rule_of_silent_face() -> None:
    picture = np.arange(100 * 120, dtype=np.uint32).reshape(100, 120)
    picture = np.stack([picture % 251] * 3, axis=-1).astype(np.uint8)
    # By hand: 2.7 x 40 = 108 wide about x = 30, shifted right by 24; 2.7 x 30 = 81 high about y = 75, up by 16.5.
    shown = cut(picture, Box(10, 60, 40, 30), Crop(2.7, CropRule.SHIFT))
    assert np.array_equal(shown, picture[18:100, 0:109])
    # The picture is lower than 2.7 faces: (100 - 1) / 60 = 1.65 of both sides.
    assert cut(picture, Box(30, 20, 40, 60), Crop(2.7, CropRule.SHIFT)).shape == (100, 67, 3)


def test_pad_repeats_the_edge() -> None:
    picture = np.zeros((100, 100, 3), np.uint8)
    picture[:, 0] = 200
    shown = cut(picture, Box(-10, 40, 20, 20), Crop(2.0, CropRule.PAD))
    assert shown.shape == (40, 40, 3)
    assert (shown[:, :21] == 200).all()
    assert (shown[:, 21:] == 0).all()


@pytest.mark.parametrize("rule", CropRule)
@given(
    x=SIDE, y=SIDE, w=st.floats(-10, 1e5), h=st.floats(-10, 1e5), height=st.integers(1, 60), width=st.integers(1, 60)
)
def test_every_box_gives_a_crop(
    rule: CropRule, x: float, y: float, w: float, h: float, height: int, width: int
) -> None:
    picture = np.full((height, width, 3), 90, np.uint8)
    for resize in Resize:
        shown = crop(picture, Box(x, y, w, h), Crop(2.7, rule, resize), 16, 12)
        assert shown.shape == (12, 16, 3)
        assert (shown == 90).all()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"bona_fide"', '"real"', "expected one 'bona_fide'"),
        ('"attack", "bona_fide"', '"bona_fide", "bona_fide"', "stands there 2 times"),
        ('"print"', '"Print!"', "does not match"),
        ('"shift"', '"stretch"', "expected one of shift, pad"),
        ("mean = [0.0, 0.0, 0.0]", "mean = [0.0]", "expected 3 numbers"),
        ("scale = 1.5", "scale = nan", "'scale'"),
        ("weight = [1.0]", "weight = [-1.0]", "weight above 0"),
        ("weight = [1.0]", "weight = [inf]", "weight above 0"),
        ("[crop]", "[cropp]", "unknown key 'cropp'"),
        ('"crop_classifier"', '"ssd"', "expected 'crop_classifier'"),
        ('"attack", "bona_fide", "print"', '"attack", "bona_fide"', "(1, 2)"),
        ('"logits"', '"probabilities"', "sum to"),
        ('name = "output"', 'name = "scores"', "scores"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused_by_name(tmp_path: Path, old: str, new: str, told: str) -> None:
    folder = edited(tmp_path, old, new)
    with pytest.raises(AssetError) as caught:
        opened(folder)
    assert told in str(caught.value)
    assert str(folder) in str(caught.value)


def test_without_scorer_it_is_read_but_not_calibrated(tmp_path: Path) -> None:
    assert not read_crop_manifest(write_classifier(tmp_path, calibrated=False)).calibrated


@pytest.mark.parametrize("broken", [[float("nan")] * 3, [1.0, float("inf"), 0.0], [1.0, 2.0]])
def test_a_network_that_breaks_is_refused_at_opening_and_fails_the_attempt_later(
    tmp_path: Path, broken: list[float]
) -> None:
    manifest = read_crop_manifest(write_classifier(tmp_path))
    with pytest.raises(AssetError, match=str(tmp_path)):
        CropClassifier(manifest, Scripted(broken))
    classifier = CropClassifier(manifest, Scripted([0.0, 0.0, 0.0], broken))
    with pytest.raises(PadError, match="second"):
        classifier.probabilities(GREEN, Box(200, 100, 150, 200))


def test_the_cue_runs_once_for_number_and_species(tmp_path: Path) -> None:
    manifest = read_crop_manifest(write_classifier(tmp_path))
    runtime = Scripted([0.0, 0.0, 0.0], [0.5, 0.0, 2.0])
    cue = CropCue(CropClassifier(manifest, runtime))
    bank = CueBank((ScoredCue("second", cue, SCORER),))
    (score,) = bank.scores(attempt(Observation(frame_set(rgb=RED), face())))
    assert score.llr < 0
    assert bank.species() == "print"
    assert runtime.outputs == []


def test_an_attack_of_no_known_species_has_no_guess(tmp_path: Path) -> None:
    cue = CropCue(CropClassifier(read_crop_manifest(write_classifier(tmp_path)), Scripted([0.0] * 3, [3.0, 0.0, 1.0])))
    bank = CueBank((ScoredCue("second", cue, SCORER),))
    bank.scores(attempt(Observation(frame_set(rgb=BLUE), face())))
    assert bank.species() is None


class OneFace:
    def detect(self, image: np.ndarray) -> tuple[object, ...]:
        return (face(p_bona_fide=0.5, p_attack=0.45),)


def judged(folder: Path, picture: np.ndarray) -> tuple[PadDecision, float | None, str | None]:
    points = OperatingPoints({frozenset({"second"}): Point({"second": 1.0}, 0.0, 0.1)})
    cues = (ScoredCue("second", CropCue(opened(folder)), SCORER),)
    judge = Judge(OneFace(), cues, points, frozenset({Role.RGB}), config.DecisionPolicy())  # type: ignore[arg-type]
    pad, _ = judge.still(frame_set(rgb=picture))
    return pad.decision, pad.llr, pad.pai_species


@pytest.mark.parametrize("picture", [GREEN, RED, BLUE, GREEN // 2 + RED // 2])
def test_which_species_an_attack_is_taken_for_changes_no_decision(tmp_path: Path, picture: np.ndarray) -> None:
    here = judged(write_classifier(tmp_path / "a"), picture)
    there = judged(edited(tmp_path / "b", '"attack", "bona_fide", "print"', '"print", "bona_fide", "mask_3d"'), picture)
    assert here[:2] == there[:2]
    if here[0] is PadDecision.BONA_FIDE:
        assert here[2] is there[2] is None


def test_the_guess_stands_in_the_verdict_on_an_attack(tmp_path: Path) -> None:
    assert judged(write_classifier(tmp_path), RED)[::2] == (PadDecision.ATTACK, "print")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("max_llr = 3.0", "max_llr = 10.5"),
        ("weight = 1.0\noffset", "weight = 0.05\noffset"),
        ("own_weight = 0.5", "own_weight = 11.0"),
        ("offset = 0.0\nthreshold", "offset = 5.5\nthreshold"),
        ("threshold_llr = 0.6", "threshold_llr = -0.1"),
        ("[calibration]", "[fusion.rates]\nllr = [-9.0]\napcer = [0.05]\nbpcer = [0.05]\n[calibration]"),
    ],
)
def test_a_calibration_from_outside_keeps_bounds(tmp_path: Path, old: str, new: str) -> None:
    with pytest.raises(AssetError, match=r"manifest\.toml"):
        read_crop_manifest(edited(tmp_path, old, new))
