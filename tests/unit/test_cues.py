from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegate.cues import depth_shape, detector
from livegate.cues.bank import CueBank, ScoredCue
from livegate.cues.protocol import all_cues
from livegate.cues.scorer import Scorer
from livegate.decide.calibration import Calibration, detector_llr
from livegate.decide.evidence import bounded, pooled, probability
from livegate.types import Observation
from support.sights import attempt, face, frame_set, surface

CALIBRATION = Calibration(slope=0.8, offset=-0.3, threshold_llr=1.0, max_llr=6.0)


def depth_features(kind: str, **options: float) -> dict[str, float]:
    seen = Observation(frame_set(depth=surface(kind, **options)), face())  # type: ignore[arg-type]
    values = depth_shape.measure(seen)
    assert values is not None
    return dict(zip(depth_shape.FEATURES, values, strict=True))


def test_cues_are_found_without_a_list() -> None:
    names = [name for name, _ in all_cues()]
    assert {"depth_shape", "detector", "near_infrared"} <= set(names)
    assert names == sorted(names)
    assert not {"bank", "protocol", "scorer"} & set(names)


def test_a_plane_test_alone_would_pass_bent_paper_the_cylinder_does_not() -> None:
    plane, paper, head = (depth_features(kind) for kind in ("plane", "paper", "face"))
    assert math.exp(plane["log_plane_mm"]) < 1.5
    assert math.exp(paper["log_plane_mm"]) > 5
    assert math.exp(paper["log_cylinder_mm"]) < 2
    assert math.exp(head["log_cylinder_mm"]) > 3


def test_detector_cue_is_the_calibrated_verdict_of_livegate_detect() -> None:
    scorer = detector.scorer(CALIBRATION, frame_correlation=0.9)
    bank = CueBank((ScoredCue("detector", detector, scorer),))
    for p_bona_fide, p_attack in ((0.9, 0.05), (0.2, 0.7), (1.0, 0.0), (0.0, 1.0), (0.4, 0.4)):
        (cue,) = bank.scores(attempt(Observation(frame_set(), face(p_bona_fide=p_bona_fide, p_attack=p_attack))))
        assert cue.llr == pytest.approx(detector_llr(p_bona_fide, p_attack, CALIBRATION), abs=1e-9)


class Counting:
    """A cue that counts how often it is asked."""

    NEEDS = detector.NEEDS
    FEATURES = ("x",)

    def __init__(self) -> None:
        self.asked = 0

    def measure(self, observation: Observation) -> np.ndarray | None:
        self.asked += 1
        return None if observation.others else np.array([2.0])


def test_each_observation_is_measured_once_and_what_cannot_be_is_left_out() -> None:
    cue = Counting()
    bank = CueBank((ScoredCue("counting", cue, Scorer(("x",), (0.0,), (1.0,), (1.0,), 0.0, 5.0, 1.0)),))
    seen = [Observation(frame_set(at_ms), face(), others=at_ms == 1) for at_ms in range(4)]
    for n in range(1, 5):
        scores = bank.scores(attempt(*seen[:n]))
    assert cue.asked == 4
    assert scores[0].frames == 3
    assert bank.scores(attempt(seen[1])) == ()


@given(st.lists(st.floats(-20, 20), min_size=1, max_size=30), st.floats(0, 1))
def test_more_frames_never_claim_more_than_independence_or_less_than_one(llrs: list[float], correlation: float) -> None:
    mean = sum(llrs) / len(llrs)
    pooled_llr = pooled(llrs, correlation, limit=1e9)
    low, high = sorted((mean, mean * len(llrs)))
    assert low - 1e-6 <= pooled_llr <= high + 1e-6


@given(st.floats(-30, 30), st.floats(-30, 30))
def test_bounding_keeps_the_order(a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert -6 <= bounded(low, 6) <= bounded(high, 6) <= 6
    assert probability(low) <= probability(high)
    assert 0 <= probability(low * 1e3) <= 1


def test_a_cue_that_is_not_asked_measures_nothing_until_it_is() -> None:
    asked, spared = Counting(), Counting()
    scorer = Scorer(("x",), (0.0,), (1.0,), (1.0,), 0.0, 5.0, 1.0)
    bank = CueBank((ScoredCue("asked", asked, scorer), ScoredCue("spared", spared, scorer)))
    seen = attempt(Observation(frame_set(0), face()), Observation(frame_set(1), face()))
    assert [score.name for score in bank.scores(seen, frozenset({"asked"}))] == ["asked"]
    assert spared.asked == 0
    assert [score.name for score in bank.scores(seen)] == ["asked", "spared"]
    assert (asked.asked, spared.asked) == (2, 2)
