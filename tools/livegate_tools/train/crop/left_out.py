"""What happens on a source that training never saw: the only honest ranking of recipes, since dev is solved by all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livegate_tools.evaluate.metrics import auc
from livegate_tools.train.samples import Presentation, Sample
from livegate_tools.train.seeds import left_out_table

ATTACK_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One run without ``source``; None where the source lacks a class.

    ``apcer`` and ``bpcer`` are those of the threshold that lets 5 % of the other sources' dev attacks in; where the
    source has no attacks, ``auc`` is against theirs.
    """

    source: str
    seed: int
    bona_fide: int
    attacks: int
    auc: float | None
    apcer: float | None
    bpcer: float | None

    @classmethod
    def measured(cls, source: str, seed: int, samples: Sequence[Sample], odds: NDArray[np.float64]) -> LeftOut:
        """Judge the samples of ``source`` by the others; ``odds`` (N,) are the log-odds of bona fide."""
        here = np.array([sample.source == source for sample in samples])
        living = np.array([sample.presentation is Presentation.BONA_FIDE for sample in samples])
        known = odds[~here & ~living]
        threshold = float(np.quantile(known, 1 - ATTACK_SHARE)) if known.size else 0.0
        own_living, own_attacks = odds[here & living], odds[here & ~living]
        against = own_attacks if own_attacks.size else known
        rivals = own_living if own_living.size else odds[~here & living]
        return cls(
            source,
            seed,
            int(own_living.size),
            int(own_attacks.size),
            auc(rivals, against) if rivals.size and against.size else None,
            float((own_attacks >= threshold).mean()) if own_attacks.size else None,
            float((own_living < threshold).mean()) if own_living.size else None,
        )


def summary(results: Sequence[LeftOut]) -> str:
    """Return a Markdown table: mean over seeds, and in brackets the least and the largest."""
    return left_out_table(results, {"auc": "AUC", "apcer": "APCER", "bpcer": "BPCER"})
