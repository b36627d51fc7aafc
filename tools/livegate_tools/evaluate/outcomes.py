"""What became of a set of labelled presentations, as arrays, and the ISO/IEC 30107-3 figures of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.samples.manifest import Sample
from livegate.types import PadDecision, Reason
from livegate_tools.evaluate.metrics import (
    Flags,
    Scores,
    apcer,
    auc,
    bpcer,
    bpcer_at_apcer,
    eer,
    non_response_rate,
    ranked,
)
from livegate_tools.evaluate.predictions import Prediction

APCER_TARGETS = (0.05, 0.01)
WORST = "worst"


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Presentations and their verdicts; every array is (N,) and in the same order.

    ``species`` indexes ``species_names``, -1 for a bona fide presentation; ``subject`` numbers people from 0, -1 where
    the manifest names none. ``inconclusive`` ones are also ``refused``. ``score`` holds +-inf where it is missing (see
    :func:`metrics.ranked`).
    """

    species_names: tuple[str, ...]
    species: NDArray[np.int64]
    subject: NDArray[np.int64]
    accepted: Flags
    refused: Flags
    unanswered: Flags
    inconclusive: Flags
    score: Scores

    def take(self, rows: NDArray[Any]) -> Outcomes:
        """Return the presentations at ``rows``: indices, with repetition, or a mask (N,)."""
        arrays = {f.name: getattr(self, f.name)[rows] for f in fields(self) if f.name != "species_names"}
        return replace(self, **arrays)

    @property
    def bona_fide(self) -> Outcomes:
        """The bona fide presentations."""
        return self.take(self.species < 0)

    @property
    def attacks(self) -> Outcomes:
        """The attack presentations of all species."""
        return self.take(self.species >= 0)

    def of_species(self, name: str) -> Outcomes:
        """The attack presentations of one species."""
        return self.take(self.species == self.species_names.index(name))

    @property
    def answered_score(self) -> Scores:
        """The scores (N,), -inf where there was no response: whatever the threshold, that opens no door.

        A presentation the quality gate refused has a score and no response all the same.
        """
        return np.where(self.unanswered | np.isposinf(self.score), -np.inf, self.score)

    def __len__(self) -> int:
        return int(self.species.size)


def gather(judged: Sequence[tuple[Sample, Prediction]]) -> Outcomes:
    """Return the outcomes of samples with their predictions; subjects are told apart within their source."""
    names = tuple(sorted({sample.pai_species for sample, _ in judged if sample.pai_species is not None}))
    people: dict[tuple[str, str], int] = {}
    species = np.array([names.index(s.pai_species) if s.pai_species else -1 for s, _ in judged], dtype=np.int64)
    decisions = [prediction.decision for _, prediction in judged]
    scores = np.array([np.nan if p.score is None else p.score for _, p in judged], dtype=np.float64)
    return Outcomes(
        species_names=names,
        species=species,
        subject=np.array(
            [people.setdefault((s.source, s.subject), len(people)) if s.subject else -1 for s, _ in judged],
            dtype=np.int64,
        ),
        accepted=_equal(decisions, PadDecision.BONA_FIDE),
        refused=_equal(decisions, PadDecision.ATTACK),
        unanswered=_equal(decisions, PadDecision.NON_RESPONSE),
        inconclusive=np.array([prediction.reason == Reason.INCONCLUSIVE for _, prediction in judged], dtype=np.bool_),
        score=ranked(scores, species >= 0),
    )


def figures(outcomes: Outcomes) -> dict[str, float]:
    """Return every figure by name, NaN where there is nothing to count; rates 0..1.

    Names: ``apcer/SPECIES`` and ``apnrr/SPECIES`` with ``apcer/worst`` and ``apnrr/worst``, ``bpcer`` and its part
    ``bpcer_inconclusive``, ``bpnrr``, ``bpcer_plus_bpnrr``, ``auc``, ``eer``, ``bpcer_at_apcer_5`` and ``_1``, of the
    worst species.
    """
    bona_fide, attacks = outcomes.bona_fide, outcomes.attacks
    species = {name: outcomes.of_species(name) for name in outcomes.species_names}
    rates = {f"apcer/{name}": apcer(these.accepted) for name, these in species.items()}
    silent = {f"apnrr/{name}": non_response_rate(these.unanswered) for name, these in species.items()}
    turned_away = bpcer(bona_fide.refused), non_response_rate(bona_fide.unanswered)
    return {
        **rates,
        f"apcer/{WORST}": _worst(rates),
        **silent,
        f"apnrr/{WORST}": _worst(silent),
        "bpcer": turned_away[0],
        "bpcer_inconclusive": bpcer(bona_fide.inconclusive),
        "bpnrr": turned_away[1],
        "bpcer_plus_bpnrr": sum(turned_away),
        "auc": auc(bona_fide.score, attacks.score),
        "eer": eer(bona_fide.score, attacks.score),
        **{
            f"bpcer_at_apcer_{target:.0%}".rstrip("%"): bpcer_at_apcer(
                bona_fide.answered_score, [these.answered_score for these in species.values()], target
            )
            for target in APCER_TARGETS
        },
    }


def _worst(rates: dict[str, float]) -> float:
    known = [rate for rate in rates.values() if not np.isnan(rate)]
    return max(known, default=float("nan"))


def _equal(decisions: Sequence[PadDecision], which: PadDecision) -> Flags:
    return np.array([decision is which for decision in decisions], dtype=np.bool_)
