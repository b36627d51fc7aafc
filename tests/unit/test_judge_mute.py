"""A sensor that works and a cue that finds nothing to measure on it: the others do not let in without it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from livegate import config
from livegate.cues import detector as detector_cue
from livegate.cues.bank import ScoredCue
from livegate.cues.scorer import Scorer
from livegate.decide.calibration import Calibration
from livegate.decide.fusion import Band, OperatingPoints, Point
from livegate.judge import Judge
from livegate.types import Face, FrameSet, Observation, PadDecision, Reason, Role, Step
from support.sights import face, frame_set

NIR = np.full((480, 640), 90, np.uint8)
POINTS = OperatingPoints(
    {
        frozenset({"detector"}): Point({"detector": 1.0}, 0.0, 1.0),
        frozenset({"detector", "nir"}): Point({"detector": 1.0, "nir": 1.0}, 0.0, 1.0),
    }
)


class OneFace:
    def detect(self, image: np.ndarray) -> tuple[Face, ...]:
        return (face(p_bona_fide=0.98, p_attack=0.01),)


@dataclass(frozen=True)
class Says:
    """A cue of near infrared that always measures the same."""

    value: float | None
    NEEDS: frozenset[Role] = frozenset({Role.RGB, Role.NIR})
    FEATURES: tuple[str, ...] = ("x",)

    def measure(self, observation: Observation) -> np.ndarray | None:
        return None if self.value is None else np.array([self.value])


def judged(value: float | None, *frame_sets: FrameSet) -> tuple[PadDecision, Reason]:
    own = detector_cue.scorer(Calibration(1.0, 0.0, 1.0, 6.0), frame_correlation=0.9)
    cues = (
        ScoredCue("detector", detector_cue, own),
        ScoredCue("nir", Says(value), Scorer(("x",), (0.0,), (1.0,), (1.0,), 0.0, 6.0, 0.9)),
    )
    judge = Judge(OneFace(), cues, POINTS, frozenset({Role.RGB, Role.NIR}), config.DecisionPolicy())
    pad, _ = judge.clip(frame_sets)
    return pad.decision, pad.reason


def times(count: int, nir: np.ndarray | None, from_ms: float = 0.0) -> list[FrameSet]:
    return [frame_set(from_ms + 100.0 * number, nir=nir) for number in range(count)]


@pytest.mark.parametrize("value", [None, np.nan, np.inf])
def test_a_cue_without_a_number_lets_nobody_in(value: float | None) -> None:
    assert judged(value, *times(4, NIR)) == (PadDecision.INCONCLUSIVE, Reason.INCONCLUSIVE)


def test_nor_does_it_where_its_sensor_was_there_for_one_picture() -> None:
    mixed = [*times(1, NIR), *times(4, None, 100.0)]
    assert judged(np.nan, *mixed)[0] is PadDecision.INCONCLUSIVE


def test_a_cue_that_speaks_and_a_sensor_that_is_away_are_as_ever() -> None:
    assert judged(1.0, *times(4, NIR))[0] is PadDecision.BONA_FIDE
    assert judged(-4.0, *times(4, NIR))[0] is PadDecision.ATTACK
    assert judged(None, *times(4, None))[0] is PadDecision.BONA_FIDE


@pytest.mark.parametrize(("value", "high", "expected"), [
    (1.0, 9.0, PadDecision.BONA_FIDE),
    (None, 9.0, PadDecision.INCONCLUSIVE),
    (np.nan, 9.0, PadDecision.INCONCLUSIVE),
    # What is clear without it needs none.
    (None, 1.5, PadDecision.BONA_FIDE),
])  # fmt: skip
def test_a_needed_second_opinion_that_cannot_be_given_lets_nobody_in(
    value: float | None, high: float, expected: PadDecision
) -> None:
    first = frozenset({"detector"})
    both = first | {"texture"}
    points = OperatingPoints(
        {
            first: Point({"detector": 1.0}, 0.0, 1.0),
            both: Point(dict.fromkeys(both, 1.0), 0.0, 1.0, None, Band(first, -1.0, high)),
        },
        available=both,
    )
    own = detector_cue.scorer(Calibration(1.0, 0.0, 1.0, 6.0), frame_correlation=0.9)
    texture = Says(value, frozenset({Role.RGB}))
    cues = (
        ScoredCue("detector", detector_cue, own),
        ScoredCue("texture", texture, Scorer(("x",), (0.0,), (1.0,), (1.0,), 0.0, 6.0, 0.9)),
    )
    judge = Judge(OneFace(), cues, points, frozenset({Role.RGB}), config.DecisionPolicy())
    pad, _ = judge.clip(times(4, None))
    assert pad.decision is expected
    assert pad.missing == (("texture",) if expected is PadDecision.INCONCLUSIVE else ())


def judged_without_network(
    texture: float | None, nir: float, known: tuple[frozenset[str], ...], best: Step = Step.TEXTURE
) -> PadDecision:
    points = OperatingPoints(
        {cues: Point(dict.fromkeys(cues, 1.0), 0.0, 0.5) for cues in known},
        available=frozenset({"texture", "other", "nir"}),
    )
    scorer = Scorer(("x",), (0.0,), (1.0,), (1.0,), 0.0, 6.0, 0.9)
    cues = (
        ScoredCue("texture", Says(texture, frozenset({Role.RGB})), scorer),
        ScoredCue("other", Says(3.0, frozenset({Role.RGB})), scorer),
        ScoredCue("nir", Says(nir), scorer),
    )
    roles = frozenset({Role.RGB, Role.NIR})
    judge = Judge(OneFace(), cues, points, roles, config.DecisionPolicy(), best=best)
    return judge.clip(times(4, NIR))[0].decision


OTHER, BOTH, ALL = frozenset({"other"}), frozenset({"texture", "other"}), frozenset({"texture", "other", "nir"})


@pytest.mark.parametrize("texture", [None, np.nan])
def test_without_a_network_a_texture_that_cannot_tell_lets_nobody_in(texture: float | None) -> None:
    assert judged_without_network(2.0, 1.0, (OTHER, BOTH, ALL)) is PadDecision.BONA_FIDE
    assert judged_without_network(texture, 1.0, (OTHER, BOTH, ALL)) is PadDecision.INCONCLUSIVE


def test_nor_does_a_sensor_go_unheard_there() -> None:
    assert judged_without_network(0.5, -4.0, (BOTH, ALL)) is not PadDecision.BONA_FIDE
    # No point of theirs weighs what near infrared says: textures alone would let in.
    assert judged_without_network(0.5, -4.0, (OTHER, BOTH)) is PadDecision.INCONCLUSIVE
