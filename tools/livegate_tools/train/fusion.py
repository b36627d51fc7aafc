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
from numpy.typing import NDArray

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
from livegate.samples.frames import named
from livegate.samples.measuring import Measured, Measurer
from livegate.scorers import DETECTOR, detector_as_cue, fingerprint, read_scored
from livegate.toml_text import toml_lines
from livegate.types import Role
from livegate_tools.evaluate import metrics
from livegate_tools.train.dev_evidence import measure_all, open_measurer, samples_of
from livegate_tools.train.figures import Rate, share
from livegate_tools.train.scorer_file import write_scorer

# A worn mask has a face's shape, size and context; what gives it away is its skin under infrared. A face cut out of
# paper and worn has a living body around it; what gives it away is its shape, and its ink under infrared. Cues that
# cannot tell a species are not fitted to it: they would only learn to refuse people. The card says what it comes to.
TOLD_BY: Mapping[str, frozenset[str]] = {
    "mask_3d": frozenset({"near_infrared"}),
    "cutout_mask": frozenset({"near_infrared", "depth_shape", "stereo", "sensor_agreement"}),
}
# Simulated from assumed constants: it sets no threshold, and has weight only where that costs the others nothing, or
# people would be turned away for a guess about rubber.
ASSUMED = frozenset({"mask_3d"})
_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Evidence:
    """What every cue said of one dev sample, by name, and its labels; species None is bona fide.

    ``narrower``: what cues said otherwise with fewer sensors, by the sensors' name; None: nothing.
    """

    llr: Mapping[str, float]
    species: str | None
    source: str = "dev"
    subject: str = ""
    narrower: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)

    def said(self, cues: Sequence[str], sensors: str) -> tuple[float, ...] | None:
        """Return what ``cues`` said at a terminal with ``sensors`` alone, None where one of them was silent."""
        narrower = self.narrower.get(sensors, {})
        values = [narrower.get(name, self.llr.get(name)) for name in cues]
        known = tuple(value for value in values if value is not None)
        return known if len(known) == len(values) else None


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


def points(
    evidence: Sequence[Evidence], policy: DecisionPolicy, needs: Mapping[str, frozenset[Role]] | None = None
) -> list[Point]:
    """Return a point for every set of cues that people and attacks were both measured by; the detector is in each.

    ``needs`` says which sensors a cue needs. A set of cues is fitted to what they say where there are no other sensors
    than they need; one that never speaks together there, to what it says with all of them.
    """
    names = sorted({name for seen in evidence for name in seen.llr} - {DETECTOR})
    sets = [(DETECTOR, *more) for n in range(len(names) + 1) for more in itertools.combinations(names, n)]
    found = []
    for cues in sets:
        sensors = named(frozenset({Role.RGB}).union(*((needs or {}).get(name, frozenset()) for name in cues)))
        point = _point(cues, evidence, policy, sensors) or _point(cues, evidence, policy, "")
        found += [] if point is None else [point]
    return found


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
    needs = {name: cue.NEEDS for name, cue in measurer.cues.items()}
    found = points([_evidence(seen, scorers) for seen in measured], policy, needs)
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
            scorers[name] = read_scored(name, modules[name], SHIPPED.model(name)).scorer
    return scorers


def _evidence(seen: Measured, scorers: Mapping[str, Scorer]) -> Evidence:
    llrs = {name: seen.llr(name, scorer) for name, scorer in scorers.items()}
    said = {name: llr for name, llr in llrs.items() if llr is not None}
    narrower = {
        sensors: {name: seen.llr(name, scorers[name], sensors) for name in rows if name in scorers}
        for sensors, rows in seen.narrower.items()
    }
    return Evidence(said, seen.species, seen.source, seen.subject, narrower)


def _point(cues: tuple[str, ...], evidence: Sequence[Evidence], policy: DecisionPolicy, sensors: str) -> Point | None:
    both = [(seen, said) for seen in evidence if (said := seen.said(cues, sensors)) is not None]
    those, rows = [seen for seen, _ in both], np.array([said for _, said in both])
    told = np.array([tells(cues, seen.species) for seen in those], dtype=np.bool_)
    counted = told & np.array([seen.species not in ASSUMED for seen in those], dtype=np.bool_)
    labels = _labels(those, counted)
    if labels.bona_fide.all() or not labels.bona_fide.any():
        return None
    fits = []
    for weighed in [told, counted] if (told != counted).any() else [counted]:
        line = _line(rows[weighed], _labels(those, weighed))
        fixed = fix_threshold(line.llr(rows[counted]), labels, policy)
        fits.append((_missed(fixed, policy), line, fixed))
    _, line, fixed = min(fits, key=lambda fit: fit[0])
    return _figures(cues, line, fixed, those, line.llr(rows))


def _line(rows: NDArray[np.float64], labels: Labels) -> Line:
    line = fit_line(rows, labels.bona_fide, balanced(labels))
    return Line(tuple(round(weight, _DECIMALS) for weight in line.weights), round(line.offset, _DECIMALS))


def _missed(fixed: Threshold, policy: DecisionPolicy) -> float:
    """By what factor a threshold misses the rates of ``policy`` on what it was fixed on, the worse of the two."""
    return max(fixed.apcer / policy.max_apcer, fixed.bpcer / policy.max_bpcer)


def _figures(
    cues: tuple[str, ...], line: Line, fixed: Threshold, those: Sequence[Evidence], llr: NDArray[np.float64]
) -> Point:
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


def _labels(those: Sequence[Evidence], which: NDArray[np.bool_]) -> Labels:
    picked = [seen for seen, one in zip(those, which, strict=True) if one]
    return Labels(
        tuple(seen.species for seen in picked),
        tuple(seen.source for seen in picked),
        tuple(seen.subject for seen in picked),
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
        f"Threshold: that which undercuts an APCER of {policy.max_apcer:.0%} in every species and a BPCER of",
        f"{policy.max_bpcer:.0%} by one factor, or misses both by one; never below 0 where that costs nothing. Beside",
        "it stands what other thresholds come to: a terminal's rates choose there.",
        *(
            f"{species} counts only where {' or '.join(sorted(cues))} speaks; else nothing is fitted to it."
            for species, cues in TOLD_BY.items()
        ),
        f"The material constants of {', '.join(sorted(ASSUMED))} are assumed, not measured: it sets no threshold, and",
        "the weights are fitted to it only where that costs people and other attacks nothing, so that nobody is turned",
        "away for a guess. Its APCER at the threshold stands below, and proves nothing about real masks.",
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
