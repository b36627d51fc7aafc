"""What ``livegate train fusion`` writes: the manifest of operating points, and the card that says what they come to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from livegate.config import DecisionPolicy
from livegate.toml_text import toml_lines
from livegate_tools.train.figures import Rate
from livegate_tools.train.frame_correlation import Correlation
from livegate_tools.train.fusion_evidence import ASSUMED, TOLD_BY
from livegate_tools.train.fusion_points import LARGEST_LOSS, Point

_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Dev:
    """What was measured: sources, presentations, and those with a face that could be judged, on each way."""

    sources: tuple[str, ...]
    samples: int
    network: int
    fallback: int


def manifest_text(found: Sequence[Point], models: Mapping[str, str], dev: Dev) -> str:
    """Return manifest.toml; ``models`` has the fingerprint of each cue's model by name."""
    identity = {"name": "fusion", "version": "4", "kind": "operating_points", "licence": "Apache-2.0"}
    training = {"dev": list(dev.sources), "samples": dev.network, "date": str(datetime.now(UTC).date())}
    lines = list(toml_lines({"model": identity, "models": models, "training": training}))
    return "\n".join([*lines, *toml_lines({"point": [_table(point) for point in found]})]).lstrip() + "\n"


def card_text(
    network: Sequence[Point],
    fallback: Sequence[Point],
    correlations: Mapping[str, Correlation],
    policy: DecisionPolicy,
    dev: Dev,
) -> str:
    """Return CARD.md."""
    lines = [*_head(policy, dev), *_second(network), *_frames(correlations)]
    for point in network:
        lines += _section(point)
    if fallback:
        lines += [
            "",
            "# Without a network",
            "",
            f"Faces found by the Numba face finder: {dev.fallback} of {dev.samples} presentations had one that could",
            "be judged. Nothing of the points above is used here.",
        ]
    for point in fallback:
        lines += _section(point)
    return "\n".join(lines) + "\n"


def _table(point: Point) -> dict[str, Any]:
    fit, cascade = point.fit, point.fit.cascade
    table: dict[str, Any] = {"cues": list(fit.cues), "weights": list(fit.line.weights), "offset": fit.line.offset}
    if cascade is not None:
        band = {"low_llr": cascade.low_llr, "high_llr": cascade.high_llr}
        table |= {"first": list(cascade.first.cues), **band}
    table["threshold_llr"] = round(fit.threshold.llr, _DECIMALS)
    rates = fit.threshold.rates
    table["rates"] = {"llr": list(rates.llr), "apcer": list(rates.apcer), "bpcer": list(rates.bpcer)}
    return table


def _head(policy: DecisionPolicy, dev: Dev) -> Iterator[str]:
    yield from (
        "# Operating points of cues that speak together",
        "",
        f"Fixed on {', '.join(dev.sources)}: {dev.network} of {dev.samples} dev presentations had a face that could",
        "be judged. Weights: logistic regression, L2, never below 0, both classes weighing the same and every source",
        "in them.",
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
        "about people, masks or sensors that are not in it. Intervals: 95 %, bootstrapped by subject. What the cues",
        "come to on people and sources held out stands in docs/ablation.md.",
    )


def _second(network: Sequence[Point]) -> Iterator[str]:
    cascades = [point for point in network if point.fit.cascade is not None]
    yield from ("", "# Second opinions", "")
    if not cascades:
        yield "No second opinion helped what no fit had seen: none is asked for."
        return
    yield from (
        "Asked only of whom the first cues leave undecided, within a band of their fused llr, and kept within it. A",
        "point stands only where that helped presentations held out, by people and by sources: less evidence lost",
        f"(Cllr) in 95 % of draws of people, a higher AUC, and no species ranked higher by more than {LARGEST_LOSS:g}.",
        "",
        "| first | second | band | asked of | people asked |",
        "|---|---|---|---|---|",
    )
    for point in cascades:
        cascade, asked = point.fit.cascade, point.asked
        if cascade is not None and asked is not None:
            yield (
                f"| {' + '.join(cascade.first.cues)} | {' + '.join(point.fit.second)} | {cascade.low_llr:.2f} to"
                f" {cascade.high_llr:.2f} | {asked.value:.1%} of {asked.count} | {_people(point)} |"
            )


def _people(point: Point) -> str:
    return "-" if point.people_asked is None else f"{point.people_asked.value:.1%} of {point.people_asked.count}"


def _frames(correlations: Mapping[str, Correlation]) -> Iterator[str]:
    if not correlations:
        return
    yield from (
        "",
        "# Frames of one appearance",
        "",
        "How alike a cue's llr is over the frames of one recording, about the mean of its class (intraclass",
        "correlation, one-way; interval by F, Searle 1971). A terminal may count n frames as n / (1 + (n - 1) r) with",
        "the upper end of the interval, and with 1 where recordings are too few to bound it.",
        "",
        "| cue | recordings | people or media | correlation | 95 % | used |",
        "|---|---|---|---|---|---|",
    )
    for name, one in correlations.items():
        yield (
            f"| {name} | {one.recordings} | {one.subjects} | {one.value:.2f} | {one.low:.2f} to {one.high:.2f} |"
            f" {one.cautious:.2f} |"
        )


def _section(point: Point) -> Iterator[str]:
    fit, line = point.fit, point.fit.line
    weighed = " + ".join(f"{weight:.2f} {name}" for name, weight in zip(fit.cues, line.weights, strict=True))
    title = " + ".join(fit.cues if fit.cascade is None else fit.cascade.first.cues)
    yield from ("", f"## {title}{', then ' + ' + '.join(fit.second) if fit.second else ''}", "")
    yield f"llr = {line.offset:+.2f} + {weighed}; threshold {fit.threshold.llr:.2f}; AUC {point.auc:.3f}."
    if fit.cascade is not None and point.asked is not None:
        yield (
            f"Only from {fit.cascade.low_llr:.2f} to {fit.cascade.high_llr:.2f} of the first's llr, and kept there:"
            f" asked of {point.asked.value:.1%}."
        )
    yield from ("", "| what | N | error rate | interval |", "|---|---|---|---|", _row("BPCER", point.bpcer))
    yield from (_row(f"BPCER, {source}", rate) for source, rate in point.by_source.items())
    yield from (_row(f"APCER, {name}", rate) for name, rate in point.apcer.items())


def _row(what: str, rate: Rate) -> str:
    interval = rate.note if rate.interval is None else f"{rate.interval[0]:.1%} to {rate.interval[1]:.1%}"
    return f"| {what} | {rate.count} | {rate.value:.1%} | {interval} |"
