"""The card of a cue's scorer: what it learnt from, how often it is wrong by species and source, what that proves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from livegate.cues.scorer import Scorer
from livegate_tools.evaluate import metrics
from livegate_tools.train.cue_evidence import Evidence
from livegate_tools.train.figures import Rate, share


def card(
    name: str,
    scorer: Scorer,
    train: Evidence,
    dev: Evidence,
    left_out: Mapping[str, tuple[Scorer, Evidence]],
    about: Sequence[str] = (),
) -> str:
    """Return the card as Markdown; ``left_out`` has per source a scorer that never saw it, and its dev captures.

    ``about`` says in lines what was fitted, where it is more than the scorer.
    """
    what = about or (
        f"Additive logistic regression in straight pieces on the numbers of `edge/livegate/cues/{name}.py`",
    )
    lines = [
        f"# Cue `{name}`",
        "",
        *what[:-1],
        f"{what[-1]}, fitted on",
        f"{len(train.values)} captures of {_people(train)} subjects and calibrated on {len(dev.values)} dev captures",
        f"of {_people(dev)} ({train.unmeasured} and {dev.unmeasured} more could not be measured).",
        f"Sources: {', '.join(sorted(set(train.labels.sources)))}; dev: {', '.join(sorted(set(dev.labels.sources)))}.",
        "",
        "Simulated captures stand on assumed constants: materials, noise and optics of no real sensor. Their figures",
        "show that the cue works on what was simulated with constants it did not learn from, and nothing about real",
        "people or a real sensor. 3D masks are simulated from assumed rubber: their figures prove nothing about real",
        "masks, whichever way they fall. The dev captures also fixed the calibration.",
        "",
        f"Evidence is bounded at an LLR of ±{scorer.max_llr:g}: what the size of the dev set can support.",
        "Intervals: 95 %, bootstrapped by subject.",
        "",
        "## Dev captures, at LLR 0 and where one person in a hundred is refused",
        "",
        *_table(scorer, dev),
    ]
    if left_out:
        lines += ["", "## A source that was left out of training and calibration", ""]
        for source, (other, evidence) in left_out.items():
            lines += [f"Nothing of {source} was learnt from:", "", *_table(other, evidence), ""]
    return "\n".join(lines).rstrip() + "\n"


def _people(evidence: Evidence) -> int:
    return len(set(evidence.labels.subjects))


def _table(scorer: Scorer, evidence: Evidence) -> list[str]:
    scores = np.array([scorer.llr(row) for row in evidence.values])
    labels = evidence.labels
    lines = []
    for source in sorted(set(labels.sources)):
        of_source = np.array([each == source for each in labels.sources])
        alive = of_source & labels.bona_fide
        attacks = of_source & ~labels.bona_fide
        if not alive.any():
            continue
        least = float(np.quantile(scores[alive], 0.01))
        area = metrics.auc(scores[alive], scores[attacks]) if attacks.any() else float("nan")
        lines += [
            f"{source}: AUC {area:.4f}; one person in a hundred is refused at LLR {least:.2f}.",
            "",
            "| presented | N | subjects | wrong at LLR 0 | 95 % | wrong at that LLR | AUC | EER |",
            "|---|---|---|---|---|---|---|---|",
            f"{_row('bona fide', evidence, alive, scores < 0, scores < least)} | |",
        ]
        for species in sorted({each for each, one in zip(labels.species, attacks, strict=True) if one and each}):
            those = attacks & np.array([each == species for each in labels.species])
            area, equal = metrics.auc(scores[alive], scores[those]), metrics.eer(scores[alive], scores[those])
            row = _row(species, evidence, those, scores >= 0, scores >= least)
            lines.append(f"{row} {area:.3f} | {equal:.3f} |")
        lines.append("")
    return lines[:-1]


def _row(
    title: str, evidence: Evidence, those: NDArray[np.bool_], wrong: NDArray[np.bool_], stricter: NDArray[np.bool_]
) -> str:
    subjects = [subject for subject, one in zip(evidence.labels.subjects, those, strict=True) if one]
    rate = share(wrong[those].tolist(), subjects)
    return (
        f"| {title} | {rate.count} | {rate.subjects} | {rate.value:.3f} | {_interval(rate)} |"
        f" {float(np.mean(stricter[those])):.3f} |"
    )


def _interval(rate: Rate) -> str:
    if rate.interval is None or rate.hits == 0:
        return rate.note
    return f"{rate.interval[0]:.3f} to {rate.interval[1]:.3f}"
