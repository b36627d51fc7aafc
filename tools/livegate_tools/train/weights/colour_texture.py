"""Learn the classifiers of cue ``colour_texture``: logistic regression on each descriptor, strongly penalised.

What generalises was studied by leaving whole sources out; docs/training.md has the table.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livegate.cues.colour_texture import OFFSET, balanced
from livegate.texture.crop import face_crop
from livegate.texture.descriptors import DESCRIPTORS
from livegate.types import Box
from livegate_tools.train.weighing import by_source_and_people
from livegate_tools.train.weights.common import Rows, Task, Weights

VIEWS = 1
MOST_CAPTURES = 4_000
PENALTIES = {"spmt": 0.003, "hsv_lbp_ycbcr_lpq": 0.001}
"""The descriptors that the study found worth their time, each with what its squared weights on standardised numbers
cost beside the mean logistic loss."""

_ROUNDS = 60
# A bin that hardly ever fills would have its noise blown up: its deviation counts as at least this share of the usual.
_LEAST_DEVIATION = 0.25


def described(image: NDArray[np.uint8], box: Box, _basis: Weights) -> Rows | None:
    """Return the chosen descriptors of the face, one behind the other."""
    crop = face_crop(image, box)
    if crop is None:
        return None
    seen = balanced(crop)
    return np.concatenate([DESCRIPTORS[name].of(seen) for name in PENALTIES])


def learnt(rows: Rows, task: Task) -> Weights:
    """Return each descriptor's weights and offset."""
    found: dict[str, NDArray[np.float32]] = {}
    alive, shares = task.labels.bona_fide, by_source_and_people(task.labels)
    for name, part in _parts().items():
        weights, offset = fit_linear(rows[:, part], alive, shares, PENALTIES[name])
        found |= {name: weights, name + OFFSET: np.array([offset], np.float32)}
    return found


def margins(rows: Rows, weights: Weights) -> NDArray[np.float64]:
    """Return the margin of every descriptor, (N, F)."""
    return np.column_stack(
        [
            (rows[:, part] @ weights[name]).astype(np.float64) + float(weights[name + OFFSET][0])
            for name, part in _parts().items()
        ]
    )


def fit_linear(
    rows: Rows, alive: NDArray[np.bool_], weights: NDArray[np.float64], penalty: float
) -> tuple[NDArray[np.float32], float]:
    """Return the weights (D,) on ``rows`` (N, D) and the offset of the log-odds of ``alive``, samples weighing so."""
    from sklearn.linear_model import LogisticRegression

    shares = weights.astype(np.float32)
    mean = shares @ rows
    deviation = np.sqrt(np.maximum(shares @ np.square(rows) - mean**2, 0.0))
    deviation = np.maximum(deviation, _LEAST_DEVIATION * np.median(deviation)) * np.sqrt(np.float32(rows.shape[1]))
    machine = LogisticRegression(C=1.0 / penalty, max_iter=_ROUNDS, tol=1e-5)
    machine.fit((rows - mean) / deviation, alive, sample_weight=weights)
    found = machine.coef_[0] / deviation
    return found.astype(np.float32), float(machine.intercept_[0] - found @ mean)


def _parts() -> dict[str, slice]:
    parts, start = {}, 0
    for name in PENALTIES:
        stop = start + DESCRIPTORS[name].length
        parts[name] = slice(start, stop)
        start = stop
    return parts
