"""A cue's trained scorer: its numbers to a calibrated log-likelihood ratio by logistic regression."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from livegate.options import Between

# Beyond this many standard deviations a training set says nothing, so a straight line must not go on growing there.
MAX_DEVIATIONS = 4.0


@dataclass(frozen=True, slots=True)
class Scorer:
    """Additive logistic regression on standardised features, calibrated on a balanced dev split.

    Each feature counts in a straight line, or where ``knots`` are given in one of straight pieces: at the knots
    (standardised values, rising) it counts as the ``levels`` say, in between in proportion, beyond both ends as at the
    end (Hastie and Tibshirani, Generalized Additive Models, 1990). ``max_llr`` bounds what one attempt's evidence from
    this cue may weigh; ``frame_correlation`` (0..1) is how alike the scores of one appearance's frames are, where 1
    means that further frames add nothing.
    """

    features: tuple[str, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    weight: tuple[float, ...]
    bias: float
    max_llr: Annotated[float, Between(0.1, 50)]
    frame_correlation: Annotated[float, Between(0, 1)]
    knots: tuple[tuple[float, ...], ...] = ()
    levels: tuple[tuple[float, ...], ...] = ()

    def llr(self, values: NDArray[np.float64]) -> float:
        """Return the unbounded log-likelihood ratio of bona fide to attack for (len(features),) finite numbers."""
        z = (values - np.asarray(self.mean)) / np.asarray(self.deviation)
        if self.knots:
            z = np.array([np.interp(*each) for each in zip(z, self.knots, self.levels, strict=True)])
        else:
            z = np.clip(z, -MAX_DEVIATIONS, MAX_DEVIATIONS)
        return float(z @ np.asarray(self.weight)) + self.bias

    def fits(self, features: tuple[str, ...]) -> bool:
        """Return whether this was trained for exactly these features, and its numbers can be reckoned with."""
        sizes = {len(self.features), len(self.mean), len(self.deviation), len(self.weight)}
        numbers = (*self.mean, *self.deviation, *self.weight, self.bias, *itertools.chain(*self.knots, *self.levels))
        return (
            self.features == features
            and len(sizes) == 1
            and all(map(math.isfinite, numbers))
            and all(deviation > 0 for deviation in self.deviation)
            and self._bends_well()
        )

    def _bends_well(self) -> bool:
        if not self.knots and not self.levels:
            return True
        pairs = list(zip(self.knots, self.levels, strict=False))
        return len(self.knots) == len(self.levels) == len(self.features) and all(
            len(knots) == len(levels) > 0 and all(a < b for a, b in itertools.pairwise(knots))
            for knots, levels in pairs
        )
