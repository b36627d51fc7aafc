"""Which samples went wrong, for whoever wants to look at them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from livegate.samples.manifest import Sample
from livegate.types import PadDecision
from livegate_tools.evaluate.predictions import Prediction


@dataclass(frozen=True, slots=True)
class Failures:
    """The samples of one kind of error, the plainest error first."""

    title: str
    samples: tuple[tuple[Sample, Prediction], ...]


def failures(judged: Sequence[tuple[Sample, Prediction]]) -> tuple[Failures, ...]:
    """Return the kinds of error that occurred: each species let through, people refused, no response."""
    accepted = [pair for pair in judged if pair[0].pai_species and pair[1].decision is PadDecision.BONA_FIDE]
    living = [pair for pair in judged if pair[0].pai_species is None]
    refused = [pair for pair in living if pair[1].decision is PadDecision.ATTACK]
    kinds = [
        Failures(f"APCER: {name} taken for bona fide", _by_score(accepted, name, downwards=True))
        for name in sorted({sample.pai_species or "" for sample, _ in accepted})
    ]
    kinds += [Failures("BPCER: bona fide taken for an attack", _by_score(refused, None, downwards=False))]
    unanswered = [pair for pair in judged if pair[1].decision is PadDecision.NON_RESPONSE]
    kinds += [
        Failures("BPNRR: bona fide without response", tuple(p for p in unanswered if p[0].pai_species is None)),
        Failures("APNRR: attacks without response", tuple(p for p in unanswered if p[0].pai_species)),
    ]
    return tuple(kind for kind in kinds if kind.samples)


def _by_score(
    pairs: Sequence[tuple[Sample, Prediction]], species: str | None, *, downwards: bool
) -> tuple[tuple[Sample, Prediction], ...]:
    these = [pair for pair in pairs if pair[0].pai_species == species]
    return tuple(sorted(these, key=lambda pair: pair[1].score or 0.0, reverse=downwards))
