"""Which threshold to take when accepting attacks and refusing people pull apart: one rule for all that is trained."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livegate.config import DecisionPolicy


def choose(apcer: NDArray[np.float64], bpcer: NDArray[np.float64], policy: DecisionPolicy) -> int:
    """Return the index of the threshold to take; both rates are (N,), over rising thresholds.

    The least threshold that keeps APCER within ``max_apcer``, if BPCER is then within ``max_bpcer``. Where both cannot
    be had, the one at which the worse of the two misses what was asked by the smallest factor.
    """
    least = int((apcer <= policy.max_apcer).argmax())
    if apcer[least] <= policy.max_apcer and bpcer[least] <= policy.max_bpcer:
        return least
    return int(np.maximum(apcer / policy.max_apcer, bpcer / policy.max_bpcer).argmin())
