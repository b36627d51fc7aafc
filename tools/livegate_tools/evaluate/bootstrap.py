"""95 % intervals by drawing subjects, not presentations: the pictures of one person are not independent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livegate_tools.evaluate.outcomes import WORST, Outcomes, figures

REPLICATES = 1_000
FEWEST_SUBJECTS = 5
SEED = 30107


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % interval of a figure, or the reason why there is none; ``subjects`` is how many people it rests on."""

    subjects: int
    low: float | None = None
    high: float | None = None
    reason: str | None = None


def intervals(outcomes: Outcomes, replicates: int = REPLICATES) -> Mapping[str, Interval]:
    """Return the interval of every figure of ``outcomes``, the same each time for the same outcomes.

    Percentile bootstrap over subjects with all their presentations (cluster bootstrap; Davison and Hinkley, Bootstrap
    Methods and their Application, 1997, section 3.8). A figure that rests on fewer than five subjects has none.
    """
    names = list(figures(outcomes))
    people = {name: _subjects(outcomes, name) for name in names}
    if max(people.values(), default=0) < FEWEST_SUBJECTS:
        return {name: _too_few(people[name]) for name in names}
    draws = _draws(outcomes, names, replicates)
    return {
        name: _interval(draws[:, column], people[name]) if people[name] >= FEWEST_SUBJECTS else _too_few(people[name])
        for column, name in enumerate(names)
    }


def _draws(outcomes: Outcomes, names: list[str], replicates: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(SEED)
    members = [np.flatnonzero(outcomes.subject == subject) for subject in np.unique(outcomes.subject)]
    draws = np.empty((replicates, len(names)))
    for row in range(replicates):
        drawn = rng.integers(len(members), size=len(members))
        replicate = figures(outcomes.take(np.concatenate([members[index] for index in drawn])))
        draws[row] = [replicate[name] for name in names]
    return draws


def _interval(values: NDArray[np.float64], subjects: int) -> Interval:
    # A draw without a single living person, say, has no BPCER; it says nothing and is left out.
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return Interval(subjects, float(low), float(high))


def _too_few(subjects: int) -> Interval:
    return Interval(
        subjects, reason=f"{subjects} subject{'' if subjects == 1 else 's'}, an interval needs {FEWEST_SUBJECTS}"
    )


def _subjects(outcomes: Outcomes, figure: str) -> int:
    """Count the people a figure rests on: of the kinds of presentation it needs, the fewest."""
    bona_fide = people_in(outcomes.bona_fide)
    species = {name: people_in(outcomes.of_species(name)) for name in outcomes.species_names}
    kind, _, name = figure.partition("/")
    if name == WORST:
        return min(species.values(), default=0)
    if name:
        return species[name]
    if kind.startswith("bpcer_at_apcer"):
        return min(bona_fide, *species.values()) if species else 0
    if kind in ("auc", "eer"):
        return min(bona_fide, people_in(outcomes.attacks))
    return bona_fide


def people_in(outcomes: Outcomes) -> int:
    """Count the subjects; a presentation whose subject nobody named could be anyone's, so then there are none."""
    return 0 if (outcomes.subject < 0).any() else int(np.unique(outcomes.subject).size)
