"""How alike frames of one recording are: recovered where it is known, and never counted on where it cannot be."""

from __future__ import annotations

import numpy as np
import pytest

from livegate.cues.scorer import Scorer
from livegate.samples.measuring import Measured
from livegate_tools.train.frame_correlation import correlations

SCORERS = {"texture": Scorer(("level",), (0.0,), (100.0,), (100.0,), 0.0, 9.0, 1.0)}


def recordings(alike: float, people: int, frames: int = 48, clip: bool = False) -> list[Measured]:
    rng = np.random.default_rng(7)
    found = []
    for species, mean in ((None, 3.0), ("print_flat", -3.0)):
        for number in range(people):
            own = mean + rng.normal(0, np.sqrt(alike))
            rows = tuple((own + rng.normal(0, np.sqrt(1 - alike)),) for _ in range(frames))
            shown = [{"texture": rows}] if clip else [{"texture": (row,)} for row in rows]
            found += [Measured(species, "lab", f"p{number}", each, recording=f"{species}/{number}") for each in shown]
    return found


@pytest.mark.parametrize("alike", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("clip", [False, True])
def test_what_is_known_lies_within_the_interval(alike: float, clip: bool) -> None:
    one = correlations(recordings(alike, 40, clip=clip), SCORERS)["texture"]
    assert one.low - 0.02 <= alike <= one.high + 0.02
    assert one.low <= one.value <= one.high == one.cautious
    assert (one.recordings, one.subjects) == (80, 40)


def test_few_people_earn_nothing() -> None:
    one = correlations(recordings(0.2, 3), SCORERS)["texture"]
    assert one.cautious == 1.0
    assert one.high > 0.5


def test_stills_and_one_class_say_nothing() -> None:
    assert correlations([Measured(None, "lab", "p", {"texture": ((1.0,),)})] * 9, SCORERS) == {}
    assert correlations([seen for seen in recordings(0.5, 9) if seen.species is None], SCORERS) == {}
