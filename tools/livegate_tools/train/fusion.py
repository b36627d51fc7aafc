"""Learn how cues that speak together are weighed, and which threshold holds: on dev captures of several sources.

Everything that depends on dev is refitted in one go: first the scorers of the shipped crop classifiers, then one point
for every set of cues that may speak together, the detector alone included.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from livegate import assets
from livegate.config import DecisionPolicy
from livegate.crop_calibration import fit_scorer
from livegate.cues.crop import CropCue
from livegate.cues.protocol import all_cues
from livegate.cues.scorer import Scorer
from livegate.decide.fitting import Labels, Line, Threshold, balanced, fit_line, fix_threshold
from livegate.detect.manifest import read_manifest
from livegate.errors import LivegateError
from livegate.installed.shelf import SHIPPED
from livegate.samples.measuring import Measured, Measurer
from livegate.scorers import DETECTOR, detector_as_cue, fingerprint, read_scorer
from livegate.toml_text import toml_lines
from livegate_tools.evaluate import metrics
from livegate_tools.train.dev_evidence import measure_all, open_measurer, samples_of
from livegate_tools.train.figures import Rate, share
from livegate_tools.train.scorer_file import write_scorer

# A worn mask has a face's shape, size and context; what gives it away is its skin under infrared. A face cut out of
# paper and worn has a living body around it; what gives it away is its shape, and its ink under infrared. Cues that
# cannot tell a species are not fitted to it: they would only learn to refuse people. The card says what it comes to.
TOLD_BY: Mapping[str, frozenset[str]] = {
    "mask_3d": frozenset({"near_infrared"}),
    "cutout_mask": frozenset({"near_infrared", "depth_shape"}),
}
_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Evidence:
    """What every cue said of one dev sample, by name, and its labels; species None is bona fide."""

    llr: Mapping[str, float]
    species: str | None
    source: str = "dev"
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Point:
    """A set of cues with its weights and threshold, and what these come to on dev."""

    cues: tuple[str, ...]
    line: Line
    threshold: Threshold
    auc: float
    bpcer: Rate
    apcer: Mapping[str, Rate]
    by_source: Mapping[str, Rate] = field(default_factory=dict)


def points(evidence: Sequence[Evidence], policy: DecisionPolicy) -> list[Point]:
    """Return a point for every set of cues that people and attacks were both measured by; the detector is in each."""
    names = sorted({name for seen in evidence for name in seen.llr} - {DETECTOR})
    sets = [(DETECTOR, *more) for n in range(len(names) + 1) for more in itertools.combinations(names, n)]
    return [point for cues in sets if (point := _point(cues, evidence, policy)) is not None]


def tells(cues: Sequence[str], species: str | None) -> bool:
    """Whether one of ``cues`` can tell a PAI species (None: bona fide) from a face; most are told by any."""
    return species is None or species not in TOLD_BY or not TOLD_BY[species].isdisjoint(cues)


def train_fusion(places: Sequence[Path], out: Path, jobs: int = 1, cache: Path | None = None) -> Path:
    """Refit on dev ``places``; write manifest.toml and CARD.md into ``out`` and return it.

    The manifests of the shipped crop classifiers are given the scorers found.
    """
    policy, measurer = DecisionPolicy(), open_measurer()
    samples = [sample for place in places for sample in samples_of(place)]
    measured = measure_all(samples, measurer, jobs, cache)
    scorers = _scorers(measurer, measured)
    found = points([_evidence(seen, scorers) for seen in measured], policy)
    if not found:
        raise LivegateError(f"{', '.join(map(str, places))}: expected people and attacks with a face, found none")
    out.mkdir(parents=True, exist_ok=True)
    sources = sorted({sample.source for sample in samples})
    folders = {name: assets.model("face") if name == DETECTOR else assets.model(name) for name in scorers}
    models = {name: fingerprint(folder) for name, folder in folders.items()}
    (out / "manifest.toml").write_text(_manifest(found, models, sources, len(measured)))
    (out / "CARD.md").write_text(_card(found, sources, policy, len(samples), len(measured)))
    return out


def _scorers(measurer: Measurer, measured: Sequence[Measured]) -> dict[str, Scorer]:
    """Return the scorer of every cue; those of crop classifiers are fitted and written into their manifests."""
    scorers = {DETECTOR: detector_as_cue(read_manifest(assets.model("face"))).scorer}
    modules = dict(all_cues())
    for name, cue in measurer.cues.items():
        if isinstance(cue, CropCue):
            scorers[name] = fit_scorer(name, measured)
            write_scorer(SHIPPED.model(name), scorers[name])
        elif name != DETECTOR:
            scorers[name] = read_scorer(name, modules[name])
    return scorers


def _evidence(seen: Measured, scorers: Mapping[str, Scorer]) -> Evidence:
    llrs = {name: seen.llr(name, scorer) for name, scorer in scorers.items()}
    said = {name: llr for name, llr in llrs.items() if llr is not None}
    return Evidence(said, seen.species, seen.source, seen.subject)


def _point(cues: tuple[str, ...], evidence: Sequence[Evidence], policy: DecisionPolicy) -> Point | None:
    those = [seen for seen in evidence if seen.llr.keys() >= set(cues)]
    fitted = [seen for seen in those if tells(cues, seen.species)]
    labels = _labels(fitted)
    if labels.bona_fide.all() or not labels.bona_fide.any():
        return None
    rows = np.array([[seen.llr[name] for name in cues] for seen in fitted])
    line = fit_line(rows, labels.bona_fide, balanced(labels))
    line = Line(tuple(round(weight, _DECIMALS) for weight in line.weights), round(line.offset, _DECIMALS))
    fixed = fix_threshold(line.llr(rows), labels, policy)
    return _figures(cues, line, fixed, those)


def _figures(cues: tuple[str, ...], line: Line, fixed: Threshold, those: Sequence[Evidence]) -> Point:
    llr = line.llr(np.array([[seen.llr[name] for name in cues] for seen in those]))
    errors = [
        bool(value < fixed.llr if seen.species is None else value >= fixed.llr)
        for value, seen in zip(llr, those, strict=True)
    ]

    def rate(which: Sequence[bool]) -> Rate:
        picked = [(error, seen.subject) for error, seen, those_ in zip(errors, those, which, strict=True) if those_]
        return share([error for error, _ in picked], [subject for _, subject in picked])

    living = [seen.species is None for seen in those]
    species = sorted({seen.species for seen in those if seen.species is not None})
    sources = sorted({seen.source for seen in those if seen.species is None})
    return Point(
        cues,
        line,
        fixed,
        metrics.auc(llr[np.array(living)], llr[~np.array(living)]),
        rate(living),
        {name: rate([seen.species == name for seen in those]) for name in species},
        {name: rate([seen.species is None and seen.source == name for seen in those]) for name in sources},
    )


def _labels(those: Sequence[Evidence]) -> Labels:
    return Labels(
        tuple(seen.species for seen in those),
        tuple(seen.source for seen in those),
        tuple(seen.subject for seen in those),
    )


def _manifest(found: Sequence[Point], models: Mapping[str, str], sources: Sequence[str], samples: int) -> str:
    identity = {"name": "fusion", "version": "3", "kind": "operating_points", "licence": "Apache-2.0"}
    training = {"dev": list(sources), "samples": samples, "date": str(datetime.now(UTC).date())}
    lines = list(toml_lines({"model": identity, "models": models, "training": training}))
    return "\n".join([*lines, *toml_lines({"point": [_table(point) for point in found]})]).lstrip() + "\n"


def _table(point: Point) -> dict[str, Any]:
    table: dict[str, Any] = {
        "cues": list(point.cues),
        "weights": list(point.line.weights),
        "offset": point.line.offset,
        "threshold_llr": round(point.threshold.llr, _DECIMALS),
    }
    rates = point.threshold.rates
    if rates is not None:
        table["rates"] = {"llr": list(rates.llr), "apcer": list(rates.apcer), "bpcer": list(rates.bpcer)}
    return table


def _card(found: Sequence[Point], sources: Sequence[str], policy: DecisionPolicy, samples: int, measured: int) -> str:
    lines = [
        "# Operating points of cues that speak together",
        "",
        f"Fixed on {', '.join(sources)}: {measured} of {samples} dev presentations had a face that could be judged.",
        "Weights: logistic regression, L2, never below 0, both classes weighing the same and every source in them.",
        f"Threshold: the least with an APCER of at most {policy.max_apcer:.0%} in every species and a BPCER of at most",
        f"{policy.max_bpcer:.0%}; where both cannot be had, both miss by one factor; never below 0 where that costs",
        "nothing. Beside it stands, where measured, what other thresholds come to: a terminal's rates choose there.",
        *(
            f"{species} counts only where {' or '.join(sorted(cues))} speaks; else nothing is fitted to it."
            for species, cues in TOLD_BY.items()
        ),
        "These are figures of the very split they were fixed on: no estimate of error rates anywhere else, and nothing",
        "about people, masks or sensors that are not in it. Intervals: 95 %, bootstrapped by subject.",
    ]
    for point in found:
        weighed = " + ".join(
            f"{weight:.2f} {name}" for name, weight in zip(point.cues, point.line.weights, strict=True)
        )
        lines += [
            "",
            f"## {' + '.join(point.cues)}",
            "",
            f"llr = {point.line.offset:+.2f} + {weighed}; threshold {point.threshold.llr:.2f}; AUC {point.auc:.3f}.",
            "",
            "| what | N | error rate | interval |",
            "|---|---|---|---|",
            _row("BPCER", point.bpcer),
            *(_row(f"BPCER, {source}", rate) for source, rate in point.by_source.items()),
            *(_row(f"APCER, {name}", rate) for name, rate in point.apcer.items()),
        ]
    return "\n".join(lines) + "\n"


def _row(what: str, rate: Rate) -> str:
    interval = rate.note if rate.interval is None else f"{rate.interval[0]:.1%} to {rate.interval[1]:.1%}"
    return f"| {what} | {rate.count} | {rate.value:.1%} | {interval} |"
