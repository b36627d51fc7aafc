"""A cue's trained scorer: its numbers to a calibrated log-likelihood ratio by logistic regression."""

from __future__ import annotations

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
    """Logistic regression on standardised features, calibrated on a balanced dev split.

    ``max_llr`` bounds what one attempt's evidence from this cue may weigh; ``frame_correlation`` (0..1) is how alike
    the scores of one appearance's frames are, where 1 means that further frames add nothing.
    """

    features: tuple[str, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    weight: tuple[float, ...]
    bias: float
    max_llr: Annotated[float, Between(0.1, 50)]
    frame_correlation: Annotated[float, Between(0, 1)]

    def llr(self, values: NDArray[np.float64]) -> float:
        """Return the unbounded log-likelihood ratio of bona fide to attack for (len(features),) finite numbers."""
        z = (values - np.asarray(self.mean)) / np.asarray(self.deviation)
        return float(np.clip(z, -MAX_DEVIATIONS, MAX_DEVIATIONS) @ np.asarray(self.weight)) + self.bias

    def fits(self, features: tuple[str, ...]) -> bool:
        """Return whether this was trained for exactly these features, and its numbers can be reckoned with."""
        sizes = {len(self.features), len(self.mean), len(self.deviation), len(self.weight)}
        numbers = (*self.mean, *self.deviation, *self.weight, self.bias)
        return (
            self.features == features
            and len(sizes) == 1
            and all(map(math.isfinite, numbers))
            and all(deviation > 0 for deviation in self.deviation)
        )
