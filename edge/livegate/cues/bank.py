"""All cues a terminal can use, scored on one attempt; each observation is measured once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livegate.cues.protocol import Cue
from livegate.cues.scorer import Scorer
from livegate.decide.evidence import pooled, probability
from livegate.types import Attempt, CueScore, Observation


@dataclass(frozen=True, slots=True)
class ScoredCue:
    """A cue with the scorer trained for it."""

    name: str
    cue: Cue
    scorer: Scorer

    def frame_llr(self, observation: Observation) -> float | None:
        """Return what one observation says, unbounded, or None where a sensor is missing or it cannot be measured."""
        if not observation.frame_set.frames.keys() >= self.cue.NEEDS:
            return None
        values: NDArray[np.float64] | None = self.cue.measure(observation)
        if values is None or not np.isfinite(values).all():
            return None
        return self.scorer.llr(values)


class CueBank:
    """Scores attempts by every cue it was given; remembers what it measured of the attempt in view."""

    def __init__(self, cues: tuple[ScoredCue, ...]) -> None:
        self.cues = cues
        self._measured: dict[Observation, tuple[float | None, ...]] = {}

    def scores(self, attempt: Attempt) -> tuple[CueScore, ...]:
        """Return the score of every cue that could measure at least one observation of the attempt."""
        known = self._measured
        self._measured = {seen: known.get(seen) or self._measure(seen) for seen in attempt.observations}
        found = []
        for cue, column in zip(self.cues, zip(*self._measured.values(), strict=True), strict=True):
            llrs = [llr for llr in column if llr is not None]
            if llrs:
                llr = pooled(llrs, cue.scorer.frame_correlation, cue.scorer.max_llr)
                found.append(CueScore(cue.name, probability(llr), llr, len(llrs)))
        return tuple(found)

    def _measure(self, observation: Observation) -> tuple[float | None, ...]:
        return tuple(cue.frame_llr(observation) for cue in self.cues)
