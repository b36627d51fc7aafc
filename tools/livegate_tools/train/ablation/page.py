"""The ablation in words: tables in Markdown, and everything in JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from livegate.config import DecisionPolicy
from livegate_tools.train.ablation.cost import Costs
from livegate_tools.train.ablation.standing import Compared, Gain, Standing
from livegate_tools.train.dev_measurers import Way
from livegate_tools.train.figures import Rate

Measured = Sequence[tuple[Compared, Costs]]
_FOLDS = (("people", "people held out"), ("sources", "sources held out"))


def tables(measured: Measured, policy: DecisionPolicy) -> str:
    """Return a section for every group, with a table of rates and one of areas for each way of holding out."""
    lines = [
        "Every figure is of presentations that no fit has seen: weights, bands and thresholds were fixed on others, of",
        "other people or of other sources, by the rule of `livegate train fusion` (an APCER of",
        f"{policy.max_apcer:.0%} and a BPCER of {policy.max_bpcer:.0%}, both undercut or missed by one factor).",
        "Worst APCER: of the species that set thresholds. +AUC: the difference to the first line, with its 95 %",
        "interval (bootstrap by people). ms: CPU time a face, finding it included, medians of one run; a second",
        "opinion counts as often as it is asked. The cues themselves learnt from other people before the same cameras",
        "and simulators: a source held out here is no new one to them. Their cards say what is left where it is.",
    ]
    for compared, costs in measured:
        lines += ["", *_group(compared, costs)]
    return "\n".join(lines) + "\n"


def as_json(measured: Measured) -> list[dict[str, Any]]:
    """Return the same as values; rates 0 to 1, null where nothing was to be counted."""
    return [_group_json(compared, costs) for compared, costs in measured]


def _group(compared: Compared, costs: Costs) -> Iterator[str]:
    attacks = ", ".join(f"{count} {name}" for name, count in compared.attacks.items())
    yield f"## {compared.group.title}"
    yield ""
    yield f"{compared.bona_fide} bona fide presentations; {attacks}; {compared.subjects} people."
    for kind, title in _FOLDS:
        standings: tuple[Standing, ...] = getattr(compared, kind)
        yield from ("", f"### {compared.group.title}, {title}", "", *_rates(standings, costs))
        yield from ("", "AUC by species, and the difference to the first line:", "", *_areas(standings))


def _rates(standings: Sequence[Standing], costs: Costs) -> Iterator[str]:
    species = list(standings[0].apcer)
    yield f"| cues | AUC | +AUC | BPCER | worst APCER | {' | '.join(species)} | asked of | ms |"
    yield "|---" * (7 + len(species)) + "|"
    for one in standings:
        cells = [one.arm.title, f"{one.auc:.3f}", _gain(one.gain), _rate(one.bpcer)]
        cells += [f"{one.apcer[one.worst].value:.1%} {one.worst}", *(_rate(one.apcer[name]) for name in species)]
        cells += ["" if one.asked is None else f"{one.asked:.0%}", f"{costs.of(one.arm, one.asked):.2f}"]
        yield f"| {' | '.join(cells)} |"


def _areas(standings: Sequence[Standing]) -> Iterator[str]:
    species = list(standings[0].auc_by_species)
    yield f"| cues | {' | '.join(species)} |"
    yield "|---" * (1 + len(species)) + "|"
    for one in standings:
        cells = [f"{one.auc_by_species[name]:.3f}{_after(one.gain_by_species.get(name))}" for name in species]
        yield f"| {one.arm.title} | {' | '.join(cells)} |"


def _gain(gain: Gain | None) -> str:
    return "" if gain is None else f"{gain.value:+.3f} ({gain.low:+.3f} .. {gain.high:+.3f})"


def _after(gain: float | None) -> str:
    return "" if gain is None else f" ({gain:+.3f})"


def _rate(rate: Rate) -> str:
    return f"{rate.value:.1%}"


def _group_json(compared: Compared, costs: Costs) -> dict[str, Any]:
    return {
        "title": compared.group.title,
        "way": str(compared.group.way),
        "bona_fide": compared.bona_fide,
        "attacks": compared.attacks,
        "people": compared.subjects,
        "cost_ms": {"face_finding": _number(costs.finding), **_costs(compared, costs)},
        **{f"{kind}_held_out": [_json(one, costs) for one in getattr(compared, kind)] for kind, _ in _FOLDS},
    }


def _costs(compared: Compared, costs: Costs) -> Mapping[str, float | None]:
    free = {"detector"} if compared.group.way is Way.NETWORK else set()
    return {name: _number(costs.cues[name]) for name in compared.group.cues if name not in free}


def _json(one: Standing, costs: Costs) -> dict[str, Any]:
    return {
        "first": list(one.arm.first),
        "second": list(one.arm.second),
        "auc": _number(one.auc),
        "auc_gain": _gain_json(one.gain),
        "auc_by_species": {name: _number(value) for name, value in one.auc_by_species.items()},
        "auc_gain_by_species": {name: _number(gain) for name, gain in one.gain_by_species.items()},
        "bpcer": one.bpcer.value,
        "apcer": {name: rate.value for name, rate in one.apcer.items()},
        "apcer_worst": one.apcer[one.worst].value,
        "apcer_worst_species": one.worst,
        "asked": one.asked,
        "people_asked": one.people_asked,
        "ms": _number(costs.of(one.arm, one.asked)),
    }


def _gain_json(gain: Gain | None) -> dict[str, Any] | None:
    if gain is None:
        return None
    return {"value": _number(gain.value), "interval": [_number(gain.low), _number(gain.high)]}


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
