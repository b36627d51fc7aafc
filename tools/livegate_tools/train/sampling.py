"""Which picture is shown next: sources, species and subjects weigh by the recipe, not by how many frames they have.

A set of a few people filmed at 30 frames a second would otherwise teach their room. Draws depend only on the seed and
the step, so a resumed run sees what an uninterrupted one would have seen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from livegate_tools.train.samples import CAPTURED_SOURCES, Presentation, Sample

RECAPTURED = "recaptured"
LABELLED = "labelled"
_UNLABELLED = {Presentation.PORTRAIT: "portraits", Presentation.BACKGROUND: "backgrounds"}


@dataclass(frozen=True, slots=True)
class Draw:
    """One presentation to make: the sample's index, and whether to show it again on a simulated medium."""

    index: int
    recaptured: bool = False


@dataclass(frozen=True, slots=True)
class _Group:
    """Samples drawn evenly over species, then over the subjects of one, then over the samples of that."""

    weight: float
    species: tuple[tuple[tuple[int, ...], ...], ...]
    recaptured: bool = False


class BalancedSampler:
    """Draws presentations: liveness classes evenly, sources by share, species evenly, their subjects evenly."""

    def __init__(self, samples: Sequence[Sample], shares: Mapping[str, float], seed: int) -> None:
        """Group ``samples``; shares are the recipe's, 1.0 where a source is not named."""
        self._seed = seed
        kinds: dict[Presentation, list[int]] = defaultdict(list)
        for index, sample in enumerate(samples):
            kinds[sample.presentation].append(index)
        bona_fide = _groups(samples, kinds[Presentation.BONA_FIDE], shares)
        attack = _groups(samples, kinds[Presentation.ATTACK], shares)
        captured = [i for i in kinds[Presentation.BONA_FIDE] if samples[i].source in CAPTURED_SOURCES]
        if captured and shares.get(RECAPTURED, 1.0) > 0:
            attack.append(_Group(shares.get(RECAPTURED, 1.0), _cells(samples, captured), recaptured=True))
        labelled = shares.get(LABELLED, 1.0)
        self._pools = [(labelled / 2, bona_fide), (labelled / 2, attack)]
        for kind, name in _UNLABELLED.items():
            members = kinds[kind]
            group = [_Group(1.0, _cells(samples, members))] if members else []
            self._pools.append((shares.get(name, 1.0), group))
        self._pools = [(weight, groups) for weight, groups in self._pools if groups and weight > 0]

    def draws(self, step: int, count: int) -> tuple[Draw, ...]:
        """Return the ``count`` presentations of ``step``; the same step always gives the same draws."""
        rng = np.random.default_rng((self._seed, 1, step))
        return tuple(self._draw(rng) for _ in range(count))

    def _draw(self, rng: np.random.Generator) -> Draw:
        groups = self._pools[_choose(rng, [weight for weight, _ in self._pools])][1]
        group = groups[_choose(rng, [group.weight for group in groups])]
        subjects = group.species[rng.integers(len(group.species))]
        samples = subjects[rng.integers(len(subjects))]
        return Draw(samples[rng.integers(len(samples))], group.recaptured)


def _choose(rng: np.random.Generator, weights: Sequence[float]) -> int:
    cumulative = np.cumsum(weights)
    return int(np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right"))


def _groups(samples: Sequence[Sample], indices: Iterable[int], shares: Mapping[str, float]) -> list[_Group]:
    by_source: dict[str, list[int]] = defaultdict(list)
    for index in indices:
        by_source[samples[index].source].append(index)
    return [
        _Group(shares.get(source, 1.0), _cells(samples, members))
        for source, members in by_source.items()
        if shares.get(source, 1.0) > 0
    ]


def _cells(samples: Sequence[Sample], indices: Iterable[int]) -> tuple[tuple[tuple[int, ...], ...], ...]:
    """Return the indices by species and, within one, by subject."""
    cells: dict[str | None, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for index in indices:
        cells[samples[index].species][samples[index].subject].append(index)
    return tuple(tuple(tuple(cell) for cell in subjects.values()) for subjects in cells.values())
