"""Learn the machines of cue ``distortion``: one for each kind of attack there are captures of.

What generalises was studied by training on one simulator and judging on others and on recordings: a radial machine
over 21 of the 121 numbers. The hundred counts of the commonest colours tell cameras and rooms rather than attacks, and
count nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livegate.cues.distortion import BOUND, COUNT, LANDMARK, OFFSET, QUANTILE, QUANTILES, machines_of
from livegate.errors import LivegateError
from livegate.texture.distortion import COLOURS, LENGTH, distortion
from livegate.types import Box
from livegate_tools.train.weights.common import Rows, Task, Weights

VIEWS = 1
MOST_CAPTURES = 40_000
KINDS = {
    "print_flat": "print",
    "print_bent": "print",
    "cutout_mask": "print",
    "replay_phone": "screen",
    "replay_tablet": "screen",
    "replay_monitor": "screen",
}
"""Which machine learns from which PAI species; what is shown on no second surface is distorted by none."""

# Over distances of numbers whose deviations are 1.
_WIDTH = 0.03
_LANDMARKS = 500
# Of a mean loss; small, for sources differ more than classes do.
_FREEDOM = 0.02
_LEAST_EIGENVALUE = 1e-6
_TOLERANCE = 1e-3
_CHUNK = 2048


def described(image: NDArray[np.uint8], box: Box, _basis: Weights) -> Rows | None:
    """Return the 121 numbers of the face."""
    return distortion(image, box)


def learnt(rows: Rows, task: Task) -> Weights:
    """Return the weights of :func:`livegate.cues.distortion.opened`; LivegateError where no attack is of a known kind.

    Bona fide captures and those of a kind weigh alike in its machine.
    """
    species = task.labels.species
    kinds = sorted({KINDS[each] for each in species if each in KINDS})
    if not kinds:
        raise LivegateError(f"distortion: expected attacks of any of {', '.join(KINDS)}; their pai_species names them")
    counts = np.full(LENGTH, np.sqrt(_WIDTH), np.float32)
    counts[COLOURS] = 0
    found = {QUANTILE: _quantiles(rows, task.weights), COUNT: counts}
    picked = np.random.default_rng(task.seed).choice(len(rows), min(_LANDMARKS, len(rows)), False, task.weights)
    found[LANDMARK] = _placed(rows[np.sort(picked)], found)
    similar = _similar(_placed(rows, found), found[LANDMARK])
    whitening = _whitening(_similar(found[LANDMARK], found[LANDMARK]))
    alive = task.labels.bona_fide
    for kind in kinds:
        theirs = np.array([KINDS.get(each or "") == kind for each in species])
        weights, offset = _machine(similar @ whitening, alive, theirs, task.weights)
        found |= {kind: (whitening @ weights).astype(np.float32), kind + OFFSET: np.array([offset], np.float32)}
    return found


def margins(rows: Rows, weights: Weights) -> NDArray[np.float64]:
    """Return the margins of every kind, (N, F)."""
    machines = machines_of(weights)
    return np.concatenate([machines.margins(rows[at : at + _CHUNK]) for at in range(0, len(rows), _CHUNK)])


def _machine(
    features: NDArray[np.float64], alive: NDArray[np.bool_], theirs: NDArray[np.bool_], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Return the linear machine of ``alive`` against ``theirs`` over all features."""
    from sklearn.svm import LinearSVC

    shares = np.where(alive, weights / weights[alive].sum(), weights / weights[theirs].sum())
    kept = alive | theirs
    machine = LinearSVC(C=_FREEDOM, dual=False, tol=_TOLERANCE)
    machine.fit(features[kept], alive[kept], sample_weight=shares[kept] * kept.sum() / 2)
    return machine.coef_[0], float(machine.intercept_[0])


def _quantiles(rows: Rows, weights: NDArray[np.float64]) -> Rows:
    """Return the values (121, 11) below which the shares QUANTILES of the captures lie, rising."""
    found = np.empty((LENGTH, len(QUANTILES)))
    for column, values in enumerate(rows.T):
        order = np.argsort(values, kind="stable")
        found[column] = np.interp(QUANTILES, np.cumsum(weights[order]), values[order])
    rising = found.astype(np.float32)
    # Many captures may have one value, as where nothing is saturated: the least more is then already the next place.
    for one in range(1, len(QUANTILES)):
        rising[:, one] = np.maximum(rising[:, one], np.nextafter(rising[:, one - 1], np.float32(np.inf)))
    return rising


def _placed(rows: Rows, weights: Weights) -> Rows:
    levels = np.linspace(-BOUND, BOUND, len(QUANTILES))
    places = [np.interp(values, known, levels) for values, known in zip(rows.T, weights[QUANTILE], strict=True)]
    return np.asarray(np.stack(places, axis=1) * weights[COUNT], np.float32)


def _similar(rows: Rows, landmarks: Rows) -> NDArray[np.float64]:
    a, b = rows.astype(np.float64), landmarks.astype(np.float64)
    away = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    return np.asarray(np.exp(-np.maximum(away, 0.0)))


def _whitening(similar: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the inverse square root of the landmarks' own similarities; what they cannot tell apart counts little."""
    values, vectors = np.linalg.eigh(similar)
    return np.asarray(vectors / np.sqrt(np.maximum(values, _LEAST_EIGENVALUE * values[-1])))
