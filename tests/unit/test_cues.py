from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegate.cues import depth_shape, detector, near_infrared
from livegate.cues.bank import CueBank, ScoredCue
from livegate.cues.protocol import all_cues
from livegate.cues.scorer import Scorer
from livegate.decide.calibration import Calibration, detector_llr
from livegate.decide.evidence import bounded, pooled, probability
from livegate.types import Box, Observation
from support.sights import FACE_BOX, attempt, face, frame_set, surface

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


def test_relief_and_metric_width_are_those_of_the_surface() -> None:
    head = depth_features("face")
    assert 0.8 < head["relief_mm"] < 6
    width_mm = FACE_BOX.w * 500 / 600
    assert math.exp(head["log_width"]) * 140 == pytest.approx(width_mm, rel=0.2)
    assert abs(depth_features("plane")["relief_mm"]) < 0.5


def test_depth_that_cannot_be_measured_says_so() -> None:
    holes = np.zeros((480, 640), np.uint16)
    assert depth_shape.measure(Observation(frame_set(depth=holes), face())) is None
    outside = Observation(frame_set(depth=surface("face")), face(Box(-900, -900, 100, 120)))
    assert depth_shape.measure(outside) is None
    assert depth_shape.measure(Observation(frame_set(), face())) is None


def test_near_infrared_sees_a_dark_screen_before_a_lit_face() -> None:
    rng = np.random.default_rng(3)
    rgb = rng.integers(60, 200, (480, 640, 3), dtype=np.uint8)
    lit = np.full((480, 640), 25, np.uint8)
    lit[120:320, 240:390] = rgb[120:320, 240:390, 1]
    dark = np.full((480, 640), 30, np.uint8)
    values = [near_infrared.measure(Observation(frame_set(nir=nir, rgb=rgb), face())) for nir in (lit, dark)]
    alive, screen = (dict(zip(near_infrared.FEATURES, v, strict=True)) for v in values if v is not None)
    assert alive["log_face_over_surround"] > 1
    assert abs(screen["log_face_over_surround"]) < 0.2
    assert alive["rgb_agreement"] > 0.5
    assert abs(screen["rgb_agreement"]) < 0.3


@pytest.mark.parametrize(
    "box", [Box(-50, -50, 20, 20), Box(635, 475, 150, 200), Box(0, 0, 3, 3), Box(-1e6, 0, 2e6, 5e5)]
)
def test_near_infrared_never_reads_outside_the_picture(box: Box) -> None:
    values = near_infrared.measure(Observation(frame_set(nir=np.full((480, 640), 90, np.uint8)), face(box)))
    assert values is None or np.isfinite(values).all()


def test_near_infrared_of_another_size_is_not_measured() -> None:
    assert near_infrared.measure(Observation(frame_set(nir=np.zeros((240, 320), np.uint8)), face())) is None


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
