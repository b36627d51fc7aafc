"""All cues a terminal can use, scored on one attempt; each observation is measured once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from livegate.cues.protocol import ATTACK, Cue, SpeciesCue
from livegate.cues.scorer import Scorer
from livegate.decide.evidence import pooled, probability
from livegate.decide.fusion import OwnPoint
from livegate.types import Attempt, CueScore, Observation

_NO_SPECIES: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ScoredCue:
    """A cue with the scorer trained for it.

    ``fingerprint`` is the SHA-256 of what its numbers depend on, "" where nothing was fixed with it; ``own`` says how
    a user's own cue is fused with ours.
    """

    name: str
    cue: Cue
    scorer: Scorer
    fingerprint: str = ""
    own: OwnPoint | None = None

    def frame_llr(self, observation: Observation) -> float | None:
        """Return what one observation says, unbounded, or None where a sensor is missing or it cannot be measured."""
        if not observation.frame_set.frames.keys() >= self.cue.NEEDS:
            return None
        values: NDArray[np.float64] | None = self.cue.measure(observation)
        if values is None or not np.isfinite(values).all():
            return None
        return self.scorer.llr(values)

    def frame_species(self, observation: Observation) -> Mapping[str, float]:
        """Return which attack it would be by this cue, as probabilities by PAI species; most cues cannot tell."""
        return self.cue.species(observation) if isinstance(self.cue, SpeciesCue) else _NO_SPECIES


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the cues made of one observation, in their order."""

    llrs: tuple[float | None, ...]
    species: tuple[Mapping[str, float], ...]


class CueBank:
    """Scores attempts by every cue it was given; remembers what it measured of the attempt in view."""

    def __init__(self, cues: tuple[ScoredCue, ...]) -> None:
        self.cues = cues
        self._measured: dict[Observation, _Seen] = {}

    def scores(self, attempt: Attempt) -> tuple[CueScore, ...]:
        """Return the score of every cue that could measure at least one observation of the attempt."""
        known = self._measured
        self._measured = {seen: known.get(seen) or self._measure(seen) for seen in attempt.observations}
        found = []
        for index, cue in enumerate(self.cues):
            llrs = [llr for seen in self._measured.values() if (llr := seen.llrs[index]) is not None]
            if llrs:
                llr = pooled(llrs, cue.scorer.frame_correlation, cue.scorer.max_llr)
                found.append(CueScore(cue.name, probability(llr), llr, len(llrs)))
        return tuple(found)

    def species(self) -> str | None:
        """Return the most probable PAI species over the observations last scored; None where no cue names one.

        A guess for whoever looks at the event: nothing is decided by it.
        """
        sums: dict[str, float] = {}
        for seen in self._measured.values():
            for probabilities in seen.species:
                for name, value in probabilities.items():
                    sums[name] = sums.get(name, 0.0) + value
        likeliest = max(sums, key=lambda name: sums[name], default=ATTACK)
        return None if likeliest == ATTACK else likeliest

    def _measure(self, observation: Observation) -> _Seen:
        # Number and species of one cue right after each other: it looks at the picture once for both.
        both = [(cue.frame_llr(observation), cue.frame_species(observation)) for cue in self.cues]
        return _Seen(tuple(llr for llr, _ in both), tuple(species for _, species in both if species))
