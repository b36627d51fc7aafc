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


class CueBank:
    """Scores attempts by every cue it was given; remembers what it measured of the attempt in view."""

    def __init__(self, cues: tuple[ScoredCue, ...]) -> None:
        self.cues = cues
        self._measured: dict[Observation, dict[str, float | None]] = {}
        self._species: dict[Observation, list[Mapping[str, float]]] = {}

    def scores(self, attempt: Attempt, asked: frozenset[str] | None = None) -> tuple[CueScore, ...]:
        """Return the score of every cue, or of those ``asked``, that could measure an observation of the attempt."""
        self._measured = {seen: self._measured.get(seen, {}) for seen in attempt.observations}
        self._species = {seen: self._species.get(seen, []) for seen in attempt.observations}
        found = []
        for cue in self.cues:
            if asked is not None and cue.name not in asked:
                continue
            llrs = [llr for seen in attempt.observations if (llr := self._llr(cue, seen)) is not None]
            if llrs:
                llr = pooled(llrs, cue.scorer.frame_correlation, cue.scorer.max_llr)
                found.append(CueScore(cue.name, probability(llr), llr, len(llrs)))
        return tuple(found)

    def species(self) -> str | None:
        """Return the most probable PAI species over the observations last scored; None where no cue names one.

        A guess for whoever looks at the event: nothing is decided by it.
        """
        sums: dict[str, float] = {}
        for each in self._species.values():
            for probabilities in each:
                for name, value in probabilities.items():
                    sums[name] = sums.get(name, 0.0) + value
        likeliest = max(sums, key=lambda name: sums[name], default=ATTACK)
        return None if likeliest == ATTACK else likeliest

    def _llr(self, cue: ScoredCue, seen: Observation) -> float | None:
        known = self._measured[seen]
        if cue.name not in known:
            known[cue.name] = cue.frame_llr(seen)
            # Right after its number: a cue looks at the picture once for both.
            if species := cue.frame_species(seen):
                self._species[seen].append(species)
        return known[cue.name]
