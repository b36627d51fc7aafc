"""Error rates in the terms of ISO/IEC 30107-3 of the detector alone, from its results on labelled pictures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livegate.decide.calibration import Calibration
from livegate.decide.evidence import bounded
from livegate_tools.evaluate.bootstrap import FEWEST_SUBJECTS, REPLICATES, SEED
from livegate_tools.evaluate.metrics import auc, zero_error_bound
from livegate_tools.train.judge import Judged
from livegate_tools.train.samples import Presentation

FOUND_IOU = 0.5


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of presentations with its 95 % interval, bootstrapped by subject; None with the reason in ``note``."""

    value: float
    hits: int
    count: int
    subjects: int
    interval: tuple[float, float] | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class SourceFigures:
    """The figures of one source at one operating point; None where a class is missing."""

    source: str
    recall: Rate | None
    false_faces: Rate | None
    auc: float | None
    bpcer: Rate | None
    apcer: dict[str, Rate]


def area_under_curve(results: Iterable[Judged]) -> float | None:
    """Return P(bona fide scores above attack), a missed face ranking as an error; None where a class is missing."""
    scores: dict[Presentation, list[float]] = {Presentation.BONA_FIDE: [], Presentation.ATTACK: []}
    for result in results:
        kind = result.sample.presentation
        if kind in scores:
            missed = -np.inf if kind is Presentation.BONA_FIDE else np.inf
            scores[kind].append(missed if result.logit is None else result.logit)
    area = auc(np.array(scores[Presentation.BONA_FIDE]), np.array(scores[Presentation.ATTACK]))
    return None if np.isnan(area) else area


def share(hits: Sequence[bool], subjects: Sequence[str]) -> Rate:
    """Return the share of ``hits`` with its bootstrap interval over subjects (null below FEWEST_SUBJECTS of them)."""
    by_subject: dict[str, list[bool]] = defaultdict(list)
    for hit, subject in zip(hits, subjects, strict=True):
        by_subject[subject].append(hit)
    count, wrong, people = len(hits), int(sum(hits)), len(by_subject)
    value = wrong / count if count else 0.0
    note = f"if independent, below {zero_error_bound(count):.3f}" if wrong == 0 else ""
    if people < FEWEST_SUBJECTS:
        few = f"{people} subject{'' if people == 1 else 's'}, an interval needs {FEWEST_SUBJECTS}"
        return Rate(value, wrong, count, people, None, few)
    sums = np.array([(sum(rows), len(rows)) for rows in by_subject.values()], dtype=np.float64)
    rng = np.random.default_rng(SEED)
    drawn = sums[rng.integers(people, size=(REPLICATES, people))].sum(axis=1)
    low, high = np.percentile(drawn[:, 0] / drawn[:, 1], [2.5, 97.5])
    return Rate(value, wrong, count, people, (float(low), float(high)), note)


def accepted(result: Judged, calibration: Calibration) -> bool:
    """Return whether the detector alone calls the picture a bona fide presentation."""
    if result.logit is None:
        return False
    llr = bounded(calibration.slope * result.logit + calibration.offset, calibration.max_llr)
    return llr >= calibration.threshold_llr


def source_figures(source: str, results: Sequence[Judged], calibration: Calibration) -> SourceFigures:
    """Return one source's figures. Without a face nobody is let in: an error for a bona fide presentation only."""
    bona_fide = [r for r in results if r.sample.presentation is Presentation.BONA_FIDE]
    species: dict[str, list[Judged]] = defaultdict(list)
    for result in results:
        if result.sample.presentation is Presentation.ATTACK:
            species[result.sample.species or "unnamed"].append(result)
    return SourceFigures(
        source=source,
        recall=_rate([r for r in results if r.sample.faces], lambda r: r.overlap >= FOUND_IOU),
        false_faces=_rate([r for r in results if not r.sample.faces], lambda r: r.face is not None),
        auc=area_under_curve(results),
        bpcer=_rate(bona_fide, lambda r: not accepted(r, calibration)),
        apcer={name: _sure(rows, calibration) for name, rows in sorted(species.items())},
    )


def _sure(results: Sequence[Judged], calibration: Calibration) -> Rate:
    return share([accepted(r, calibration) for r in results], [r.sample.subject for r in results])


def _rate(results: Sequence[Judged], hit: Callable[[Judged], bool]) -> Rate | None:
    return share([hit(r) for r in results], [r.sample.subject for r in results]) if results else None


def by_source(results: Iterable[Judged]) -> dict[str, list[Judged]]:
    """Return the results grouped by source, in order of first appearance."""
    groups: dict[str, list[Judged]] = {}
    for result in results:
        groups.setdefault(result.sample.source, []).append(result)
    return groups


def balanced_weights(results: Sequence[Judged]) -> NDArray[np.float64]:
    """Return weights (N,) summing to 1: both classes weigh the same, and within one every source does."""
    keys = [(result.sample.presentation, result.sample.source) for result in results]
    counts: dict[tuple[Presentation, str], int] = defaultdict(int)
    for key in keys:
        counts[key] += 1
    sources: dict[Presentation, int] = defaultdict(int)
    for kind, _ in counts:
        sources[kind] += 1
    weights = np.array([1.0 / counts[key] / sources[key[0]] for key in keys])
    return np.asarray(weights / weights.sum())
