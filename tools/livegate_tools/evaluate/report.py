"""The figures of an evaluation, per source and over all, as values and as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from livegate.samples.manifest import Sample
from livegate_tools.evaluate.bootstrap import Interval, intervals
from livegate_tools.evaluate.metrics import zero_error_bound
from livegate_tools.evaluate.outcomes import WORST, Outcomes, figures, gather
from livegate_tools.evaluate.predictions import Prediction
from livegate_tools.evaluate.recall import LEAST_IOU, LEAST_SIDE_PX, FaceRecall, face_recall
from livegate_tools.evaluate.tries import Tries, tries_of
from livegate_tools.evaluate.tries import as_json as tries_json

ALL = "all"
_COUNTED = ("apcer", "apnrr", "bpcer", "bpcer_inconclusive", "bpnrr", "bpcer_plus_bpnrr")


@dataclass(frozen=True, slots=True)
class Bound:
    """What no error in n presentations proves, at 95 %: an upper bound if they were independent, and if people are."""

    by_presentation: float
    by_subject: float


@dataclass(frozen=True, slots=True)
class SecondOpinions:
    """On how many of ``n`` presentations with a face the cascade asked for a second opinion; n is 0 without one."""

    asked: int
    n: int

    @property
    def share(self) -> float | None:
        """The share of presentations that reached the second stage, None where there is none."""
        return self.asked / self.n if self.n else None

    @classmethod
    def of(cls, predictions: Iterable[Prediction]) -> Self:
        """Count them."""
        asked = [prediction.second for prediction in predictions if prediction.second is not None]
        return cls(sum(asked), len(asked))


@dataclass(frozen=True, slots=True)
class Group:
    """The figures of one source, or of all; names as :func:`outcomes.figures` has them, NaN where nothing to count."""

    name: str
    outcomes: Outcomes
    figures: Mapping[str, float]
    intervals: Mapping[str, Interval]
    bounds: Mapping[str, Bound]
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    recall: FaceRecall
    tries: Tries
    second: SecondOpinions

    def counted(self, figure: str) -> Outcomes:
        """Return the presentations in the denominator of a rate."""
        kind, _, species = figure.partition("/")
        if species and species != WORST:
            return self.outcomes.of_species(species)
        return self.outcomes.attacks if kind in ("apcer", "apnrr") else self.outcomes.bona_fide

    def worst_species(self, kind: str) -> str | None:
        """Return the species with the highest rate of ``kind`` ("apcer" or "apnrr"), the first by name among equals."""
        names = self.outcomes.species_names
        return max(names, key=lambda name: self.figures[f"{kind}/{name}"]) if names else None


def groups(judged: Sequence[tuple[Sample, Prediction]]) -> tuple[Group, ...]:
    """Return the group of each source by name, and last that of all samples."""
    sources = sorted({sample.source for sample, _ in judged})
    return (
        *(_group(source, [pair for pair in judged if pair[0].source == source]) for source in sources),
        _group(ALL, judged),
    )


def by_traits(judged: Sequence[tuple[Sample, Prediction]], traits: Sequence[str]) -> dict[str, tuple[Group, ...]]:
    """Return for each of ``traits`` the groups of samples that share a value of it, over all sources, by value."""
    found: dict[str, tuple[Group, ...]] = {}
    for trait in traits:
        values = sorted({sample.traits[trait] for sample, _ in judged})
        found[trait] = tuple(_group(value, [p for p in judged if p[0].traits[trait] == value]) for value in values)
    return found


def as_json(
    found: Sequence[Group], about: Mapping[str, Any], by: Mapping[str, Sequence[Group]] | None = None
) -> dict[str, Any]:
    """Return the report: ``about`` (manifest, split, ...), ``sources`` by name, ``all``, ``by`` trait and value.

    Unknown is null.
    """
    *sources, everything = found
    return {
        **about,
        "sources": {group.name: _group_json(group) for group in sources},
        ALL: _group_json(everything),
        "by": {trait: {group.name: _group_json(group) for group in values} for trait, values in (by or {}).items()},
    }


def _group(name: str, judged: Sequence[tuple[Sample, Prediction]]) -> Group:
    outcomes = gather(judged)
    values = figures(outcomes)
    latencies_ms = [p.latency_ms for _, p in judged if p.latency_ms is not None]
    p50_ms, p95_ms = np.percentile(latencies_ms, [50, 95]) if latencies_ms else (None, None)
    second = SecondOpinions.of(prediction for _, prediction in judged)
    found = (p50_ms, p95_ms, face_recall(judged), tries_of(outcomes), second)
    group = Group(name, outcomes, values, intervals(outcomes), {}, *found)
    bounds = {figure: _bound(group, figure) for figure, value in values.items() if _is_zero_rate(figure, value)}
    return replace(group, bounds=bounds)


def _is_zero_rate(figure: str, value: float) -> bool:
    kind, _, species = figure.partition("/")
    return kind in _COUNTED and species != WORST and value == 0.0


def _bound(group: Group, figure: str) -> Bound:
    return Bound(zero_error_bound(len(group.counted(figure))), zero_error_bound(group.intervals[figure].subjects))


def _group_json(group: Group) -> dict[str, Any]:
    names = group.outcomes.species_names
    return {
        "n": len(group.outcomes),
        "n_bona_fide": len(group.outcomes.bona_fide),
        "n_attack": {name: len(group.outcomes.of_species(name)) for name in names},
        "subjects": len({int(subject) for subject in group.outcomes.subject if subject >= 0}),
        "apcer": {name: _number(group.figures[f"apcer/{name}"]) for name in names},
        "apcer_worst": _number(group.figures[f"apcer/{WORST}"]),
        "apcer_worst_species": group.worst_species("apcer"),
        "apnrr": {name: _number(group.figures[f"apnrr/{name}"]) for name in names},
        "apnrr_worst": _number(group.figures[f"apnrr/{WORST}"]),
        "apnrr_worst_species": group.worst_species("apnrr"),
        **{name: _number(value) for name, value in group.figures.items() if "/" not in name},
        "intervals_95": {name: _interval_json(interval) for name, interval in group.intervals.items()},
        "upper_bounds_95": {
            name: {"by_presentation": bound.by_presentation, "by_subject": bound.by_subject}
            for name, bound in group.bounds.items()
        },
        "tries": tries_json(group.tries),
        "second_stage": {"share": group.second.share, "asked": group.second.asked, "n": group.second.n},
        "latency_ms": {"p50": _number(group.latency_p50_ms), "p95": _number(group.latency_p95_ms)},
        "face_recall": {
            "value": group.recall.value,
            "found": group.recall.found,
            "n": group.recall.n,
            "iou": LEAST_IOU,
            "least_side_px": LEAST_SIDE_PX,
        },
    }


def _interval_json(interval: Interval) -> dict[str, Any]:
    known = interval.low is not None and interval.high is not None
    return {
        "interval": [interval.low, interval.high] if known else None,
        "subjects": interval.subjects,
        "reason": interval.reason,
    }


def _number(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else float(value)
