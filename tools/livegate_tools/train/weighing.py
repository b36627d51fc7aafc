"""How much each labelled capture counts in a training, so that no source, species or person is all that is learnt."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from livegate.decide.fitting import Labels


def evenly(labels: Labels) -> NDArray[np.float64]:
    """Return weights (N,) that sum to 1: classes weigh alike, in them groups of source and species, then subjects."""
    kinds = [species is None for species in labels.species]
    people = list(zip(kinds, labels.sources, labels.species, labels.subjects, strict=True))
    captures = Counter(people)
    subjects = Counter(person[:3] for person in captures)
    groups = Counter(group[0] for group in subjects)
    weights = np.array([1.0 / (captures[p] * subjects[p[:3]] * groups[p[0]]) for p in people])
    return np.asarray(weights / weights.sum())


def by_source_and_people(labels: Labels) -> NDArray[np.float64]:
    """Return weights (N,) that sum to 1: classes weigh alike, in them sources by the logarithm of how many people.

    In a source, species weigh alike, and in those subjects. Two people before one real camera are worth more than two
    of a thousand simulated ones, and less than a source of their own: they would be all that living people look like.
    """
    kinds = [species is None for species in labels.species]
    people = list(zip(kinds, labels.sources, labels.species, labels.subjects, strict=True))
    captures = Counter(people)
    subjects = Counter(person[:3] for person in captures)
    groups = Counter(group[:2] for group in subjects)
    faces = Counter((alive, source) for alive, source, _ in {(p[0], p[1], p[3]) for p in captures})
    worth = {each: math.log1p(count) for each, count in faces.items()}
    totals = {kind: sum(value for (alive, _), value in worth.items() if alive is kind) for kind in (True, False)}
    weights = np.array([worth[p[:2]] / (totals[p[0]] * groups[p[:2]] * subjects[p[:3]] * captures[p]) for p in people])
    return np.asarray(weights / weights.sum())
