"""What cues said of dev presentations, as tables to fit and to count on, and which PAI species which cues can tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.cues.scorer import Scorer
from livegate.decide.fitting import Labels
from livegate.samples.measuring import Measured

# A worn mask has a face's shape, size and context; what gives it away is its skin under infrared. A face cut out of
# paper and worn has a living body around it; what gives it away is its shape, and its ink under infrared. Cues that
# cannot tell a species are not fitted to it: they would only learn to refuse people. The card says what it comes to.
TOLD_BY: Mapping[str, frozenset[str]] = {
    "mask_3d": frozenset({"near_infrared"}),
    "cutout_mask": frozenset({"near_infrared", "depth_shape", "stereo", "sensor_agreement"}),
}
# Simulated from assumed constants: it sets no threshold, and has weight only where that costs the others nothing, or
# people would be turned away for a guess about rubber.
ASSUMED = frozenset({"mask_3d"})
ALL_SENSORS = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What every cue said of one dev sample, by name, and its labels; species None is bona fide.

    ``narrower``: what cues said otherwise with fewer sensors, by the sensors' name; None: nothing.
    """

    llr: Mapping[str, float]
    species: str | None
    source: str = "dev"
    subject: str = ""
    narrower: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)

    def said(self, cues: Sequence[str], sensors: str) -> tuple[float, ...] | None:
        """Return what ``cues`` said at a terminal with ``sensors`` alone, None where one of them was silent."""
        narrower = self.narrower.get(sensors, {})
        values = [narrower.get(name, self.llr.get(name)) for name in cues]
        known = tuple(value for value in values if value is not None)
        return known if len(known) == len(values) else None


@dataclass(frozen=True, slots=True)
class Said:
    """What each of ``cues`` said of N presentations: ``rows`` (N, len(cues)), and of which presentations."""

    cues: tuple[str, ...]
    those: tuple[Evidence, ...]
    rows: NDArray[np.float64]

    def take(self, which: NDArray[Any]) -> Said:
        """Return the presentations at ``which``, a mask (N,) or indices."""
        places = np.flatnonzero(which) if which.dtype == np.bool_ else which
        return Said(self.cues, tuple(self.those[place] for place in places), self.rows[places])

    def of(self, cues: Sequence[str]) -> NDArray[np.float64]:
        """Return the columns of some of the cues, (N, len(cues))."""
        return self.rows[:, [self.cues.index(name) for name in cues]]

    @property
    def labels(self) -> Labels:
        """Species, source and subject of every presentation."""
        those = self.those
        return Labels(
            tuple(seen.species for seen in those),
            tuple(seen.source for seen in those),
            tuple(seen.subject for seen in those),
        )

    @property
    def both_classes(self) -> bool:
        """Whether there are people and attacks among those that may set a threshold."""
        living = [seen.species is None for seen in self.take(self.counted).those]
        return any(living) and not all(living)

    @property
    def told(self) -> NDArray[np.bool_]:
        """Which presentations are people, or attacks that one of the cues can tell."""
        return np.array([tells(self.cues, seen.species) for seen in self.those], dtype=np.bool_)

    @property
    def counted(self) -> NDArray[np.bool_]:
        """Those of them that set thresholds."""
        return self.told & np.array([seen.species not in ASSUMED for seen in self.those], dtype=np.bool_)


def tells(cues: Sequence[str], species: str | None) -> bool:
    """Whether one of ``cues`` can tell a PAI species (None: bona fide) from a face; most are told by any."""
    return species is None or species not in TOLD_BY or not TOLD_BY[species].isdisjoint(cues)


def said_by(cues: tuple[str, ...], evidence: Sequence[Evidence], sensors: str = ALL_SENSORS) -> Said:
    """Return what ``cues`` said where each of them spoke, at terminals with these sensors alone."""
    both = [(seen, said) for seen in evidence if (said := seen.said(cues, sensors)) is not None]
    rows = np.array([said for _, said in both], dtype=np.float64).reshape(len(both), len(cues))
    return Said(cues, tuple(seen for seen, _ in both), rows)


def evidence_of(seen: Measured, scorers: Mapping[str, Scorer]) -> Evidence:
    """Return what cues say, by their scorers, of what was measured of one sample."""
    llrs = {name: seen.llr(name, scorer) for name, scorer in scorers.items()}
    said = {name: llr for name, llr in llrs.items() if llr is not None}
    narrower = {
        sensors: {name: seen.llr(name, scorers[name], sensors) for name in rows if name in scorers}
        for sensors, rows in seen.narrower.items()
    }
    return Evidence(said, seen.species, seen.source, seen.subject, narrower)
