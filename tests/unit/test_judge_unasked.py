"""What a cascade did not ask for is measured afterwards for whoever wants to know, and decides nothing."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from livegate import config
from livegate.cues import detector as detector_cue
from livegate.cues.bank import ScoredCue
from livegate.cues.scorer import Scorer
from livegate.decide.calibration import Calibration
from livegate.decide.fusion import Band, OperatingPoints, Point
from livegate.judge import Judge
from livegate.types import Face, Observation, PadDecision, Role
from support.sights import face, frame_set

SECOND = "opinion"
BOTH = frozenset({"detector", SECOND})


@dataclass
class OneFace:
    p_bona_fide: float

    def detect(self, image: np.ndarray) -> tuple[Face, ...]:
        return (face(p_bona_fide=self.p_bona_fide, p_attack=1 - self.p_bona_fide),)


@dataclass
class Opinion:
    """A cue of the colour picture that doubts everybody, and counts how often it was asked."""

    asked: int = 0
    NEEDS: frozenset[Role] = frozenset({Role.RGB})
    FEATURES: tuple[str, ...] = field(default=("x",))

    def measure(self, observation: Observation) -> np.ndarray:
        self.asked += 1
        return np.array([-4.0])


def cascade(p_bona_fide: float, opinion: Opinion) -> Judge:
    first = ScoredCue(
        "detector", detector_cue, detector_cue.scorer(Calibration(1.0, 0.0, 1.0, 6.0), frame_correlation=1.0)
    )
    second = ScoredCue(SECOND, opinion, Scorer(("x",), (0.0,), (1.0,), (1.0,), 0.0, 6.0, 1.0))
    points = OperatingPoints(
        {
            frozenset({"detector"}): Point({"detector": 1.0}, 0.0, 0.0),
            BOTH: Point({"detector": 1.0, SECOND: 1.0}, 0.0, 0.0, band=Band(frozenset({"detector"}), -1.0, 1.0)),
        },
        available=BOTH,
    )
    return Judge(OneFace(p_bona_fide), (first, second), points, frozenset({Role.RGB}), config.DecisionPolicy())


@pytest.mark.parametrize(
    ("p_bona_fide", "decision"), [(0.99, PadDecision.BONA_FIDE), (0.01, PadDecision.ATTACK)], ids=["alive", "attack"]
)
def test_where_the_first_leave_no_doubt_the_second_is_measured_afterwards(
    p_bona_fide: float, decision: PadDecision
) -> None:
    opinion = Opinion()
    judge = cascade(p_bona_fide, opinion)
    pad, _ = judge.still(frame_set(0.0))
    assert (pad.decision, [cue.name for cue in pad.cues], opinion.asked) == (decision, ["detector"], 0)
    assert judge.second == {SECOND}
    (said,) = judge.unasked(pad)
    assert (said.name, opinion.asked) == (SECOND, 1)
    assert said.llr < -3.0
    assert judge.still(frame_set(0.0))[0].decision is decision


def test_where_they_leave_doubt_nothing_is_left_unasked() -> None:
    opinion = Opinion()
    judge = cascade(0.6, opinion)
    pad, _ = judge.still(frame_set(0.0))
    assert (pad.decision, [cue.name for cue in pad.cues]) == (PadDecision.ATTACK, ["detector", SECOND])
    assert judge.unasked(pad) == ()
    assert opinion.asked == 1


def test_of_nobody_nothing_is_said() -> None:
    judge = cascade(0.6, Opinion())
    assert judge.unasked(judge.no_face(None)) == ()


def test_a_texture_that_no_point_weighs_is_never_asked() -> None:
    opinion = Opinion()
    judge = cascade(0.6, opinion)
    alone = OperatingPoints({frozenset({"detector"}): Point({"detector": 1.0}, 0.0, 0.0)}, available=BOTH)
    judge = Judge(judge.detector, judge.bank.cues, alone, frozenset({Role.RGB}), config.DecisionPolicy())
    pad, _ = judge.still(frame_set(0.0))
    assert ([cue.name for cue in pad.cues], pad.missing, opinion.asked) == (["detector"], (), 0)
    assert [cue.name for cue in judge.unasked(pad)] == [SECOND]
