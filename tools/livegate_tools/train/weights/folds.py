"""Margins of captures by models that never saw their subject, for a scorer that must not believe its own memory."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from livegate.decide.fitting import Labels
from livegate_tools.train.weights.common import Learner, Rows, Task, Weights

FOLDS = 4


def folds_of(subjects: Sequence[str], seed: int, count: int = FOLDS) -> NDArray[np.int64]:
    """Return the fold (0..count - 1) of each of N rows: a subject is in one, and folds are of like sizes.

    Also where a subject stands in several sources, for simulated captures are made of the captured ones' people.
    """
    sizes = Counter(subjects)
    names = sorted(sizes)
    order = np.random.default_rng(seed).permutation(len(names))
    filled, fold = [0] * count, {}
    for index in sorted(order, key=lambda index: -sizes[names[index]]):
        least = filled.index(min(filled))
        fold[names[index]] = least
        filled[least] += sizes[names[index]]
    return np.array([fold[subject] for subject in subjects], np.int64)


def evenly(labels: Labels) -> NDArray[np.float64]:
    """Return weights (N,) that sum to 1: classes weigh alike, in them groups of source and species, then subjects."""
    kinds = [species is None for species in labels.species]
    people = list(zip(kinds, labels.sources, labels.species, labels.subjects, strict=True))
    captures = Counter(people)
    subjects = Counter(person[:3] for person in captures)
    groups = Counter(group[0] for group in subjects)
    weights = np.array([1.0 / (captures[p] * subjects[p[:3]] * groups[p[0]]) for p in people])
    return np.asarray(weights / weights.sum())


def by_people(labels: Labels) -> NDArray[np.float64]:
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


def learnt(learner: Learner, rows: Rows, labels: Labels, seed: int) -> Weights:
    """Return what the learner learns from all these rows, weighed by :func:`evenly`."""
    return learner.learnt(rows, Task(labels, evenly(labels), seed))


def margins_of_others(
    learner: Learner, rows: Rows, labels: Labels, basis: Weights, seed: int, count: int = FOLDS
) -> NDArray[np.float64]:
    """Return (N, F) margins, each by a model that learnt from the other folds alone."""
    fold = folds_of(labels.subjects, seed, count)
    parts, places = [], []
    for one in np.unique(fold):
        inside = fold == one
        weights = {**basis, **learnt(learner, rows[~inside], labels.take(~inside), seed)}
        parts.append(learner.margins(rows[inside], weights))
        places.append(np.flatnonzero(inside))
    found = np.concatenate(parts)
    return found[np.argsort(np.concatenate(places), kind="stable")]
