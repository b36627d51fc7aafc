"""Margins of captures by models that never saw their subject, for a scorer that must not believe its own memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from livegate.decide.fitting import Labels
from livegate_tools.train.weighing import evenly
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
