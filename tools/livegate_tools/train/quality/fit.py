"""Fix the gate: the turn of heads by ridge regression, each limit between the good pictures and the unusable ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livegate.quality.limits import QualityLimits
from livegate.quality.measures import QualityMeasures
from livegate.types import Reason

Floats = NDArray[np.float64]

# Seven measures may each refuse so much of the worst source: together less than 1 % of ordinary pictures.
REFUSED_TAIL = 0.001
# Advice may come more often: it keeps nobody out.
ADVISED_TAIL = 0.01
# A nose nearly before one eye, by its landmarks: half a face, and no good picture of a turn.
HALF_A_FACE = 0.8
# Strength of the ridge penalty over standardised features; 100 to 5000 differ little on held-out people.
PENALTY = 1000.0
# Beyond this the landmarks of a detector say that a head is turned, and not how far.
_FARTHEST_TURN = 1.5


@dataclass(frozen=True, slots=True)
class Criterion:
    """One limit: its field in QualityLimits, the reason it stands for, and its measure."""

    field: str
    reason: Reason
    read: Callable[[QualityMeasures], float]
    less_is_worse: bool = False
    by_ratio: bool = False
    """Sizes go by their ratio: the middle of 10 and 40 pixels is 20."""


CRITERIA: tuple[Criterion, ...] = (
    Criterion("min_face_px", Reason.TOO_FAR, lambda m: m.face_px, less_is_worse=True, by_ratio=True),
    Criterion("max_height_share", Reason.TOO_NEAR, lambda m: m.height_share, by_ratio=True),
    Criterion("max_outside_share", Reason.CUT_OFF, lambda m: m.outside_share),
    Criterion("min_bright_level", Reason.TOO_DARK, lambda m: m.bright_level, less_is_worse=True),
    Criterion("max_overexposed_share", Reason.GLARE, lambda m: m.overexposed_share),
    Criterion("max_blur", Reason.BLURRED, lambda m: m.blur),
    Criterion("max_turn", Reason.TURNED, lambda m: abs(m.turn)),
)


@dataclass(frozen=True, slots=True)
class Fixed:
    """How one limit was fixed: the tail of good pictures, the source it comes from, and the median of unusable ones."""

    criterion: Criterion
    worst_source: str
    good: float
    advice: float
    unusable: float
    limit: float


def fit_turn(features: Floats, turns: Floats) -> Floats:
    """Return the weights (FEATURES,) learnt from ``features`` (N, FEATURES) and ``turns`` (N,).

    What is learnt of a picture is learnt of its mirror image, too: features and turn of that have the opposite sign.
    """
    deviation = features.std(axis=0) + 1e-9
    standard = features / deviation
    target = np.clip(turns, -_FARTHEST_TURN, _FARTHEST_TURN)
    # Each picture and its mirror image: twice the same sums, so the penalty is halved instead.
    gram = standard.T @ standard + PENALTY / 2 * np.eye(features.shape[1])
    return np.asarray(np.linalg.solve(gram, standard.T @ target) / deviation)


def fix_limit(criterion: Criterion, good: Mapping[str, Sequence[QualityMeasures]], unusable: Sequence[float]) -> Fixed:
    """Return the limit midway between the worst source's tail of good pictures and the median of unusable ones.

    Where the two overlap it stands at the tail: what people look like goes before what ought to be refused. Advice
    begins midway between a wider tail and the limit.
    """
    sign = -1.0 if criterion.less_is_worse else 1.0
    values = {source: sign * np.array([criterion.read(m) for m in found]) for source, found in good.items()}
    tails = {source: float(np.quantile(one, 1 - REFUSED_TAIL)) for source, one in values.items()}
    worst = max(tails, key=lambda source: tails[source])
    wider = max(float(np.quantile(one, 1 - ADVISED_TAIL)) for one in values.values())
    middle = float(np.median(unusable))
    between = _middle(abs(tails[worst]), middle, by_ratio=criterion.by_ratio)
    limit = abs(max(tails[worst], sign * between))
    advice = _middle(abs(wider), limit, by_ratio=criterion.by_ratio)
    return Fixed(criterion, worst, abs(tails[worst]), advice, middle, limit)


def _middle(one: float, other: float, *, by_ratio: bool) -> float:
    return math.sqrt(one * other) if by_ratio else (one + other) / 2


def limits_of(fixed: Sequence[Fixed], read: Callable[[Fixed], float]) -> QualityLimits:
    """Return the limits that ``read`` takes from each, to three digits."""
    return QualityLimits(**{one.criterion.field: float(f"{read(one):.3g}") for one in fixed})
