"""Terminals compared on the same presentations: by the sensors they have, and by what disturbs them and how much."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from livegate.samples.manifest import Sample
from livegate_tools.evaluate.bootstrap import people_in
from livegate_tools.evaluate.disturb.catalogue import DISTURBANCES
from livegate_tools.evaluate.metrics import zero_error_bound
from livegate_tools.evaluate.outcomes import WORST, figures, gather
from livegate_tools.evaluate.predictions import Prediction
from livegate_tools.evaluate.variants import Variant

Judged = Sequence[tuple[Sample, Prediction]]
_RATES = ("bpcer", "bpnrr", "bpcer_plus_bpnrr")


@dataclass(frozen=True, slots=True)
class Standing:
    """One terminal's error rates over all samples: ``figures`` as :func:`outcomes.figures` names them.

    ``bona_fide`` and ``attacks`` (by species) count presentations, ``people`` and ``people_attacked`` subjects.
    """

    variant: Variant
    figures: Mapping[str, float]
    bona_fide: int
    attacks: Mapping[str, int]
    people: int
    people_attacked: Mapping[str, int]

    @property
    def turned_away(self) -> float:
        """BPCER + BPNRR, NaN where nobody was living."""
        return self.figures["bpcer_plus_bpnrr"]

    def apcer(self, species: str) -> float:
        """Return the APCER of a species, of the worst where it is ``worst``."""
        return self.figures[f"apcer/{species}"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """``subsets``: every set of sensors, the smallest first. ``curves``: by disturbance, from none to the strongest."""

    subsets: tuple[Standing, ...] = ()
    curves: Mapping[str, tuple[Standing, ...]] | None = None

    @property
    def species(self) -> tuple[str, ...]:
        """Every PAI species that was presented."""
        some = (*self.subsets, *(one for curve in (self.curves or {}).values() for one in curve))
        return tuple(some[0].attacks) if some else ()


NOTHING = Comparison()
"""No comparison was asked for."""


def standing(variant: Variant, judged: Judged) -> Standing:
    """Return what one terminal's predictions come to."""
    outcomes = gather(judged)
    bona_fide, species = outcomes.bona_fide, {name: outcomes.of_species(name) for name in outcomes.species_names}
    return Standing(
        variant,
        figures(outcomes),
        len(bona_fide),
        {name: len(these) for name, these in species.items()},
        people_in(bona_fide),
        {name: people_in(these) for name, these in species.items()},
    )


def compared(
    subsets: Sequence[tuple[Variant, Judged]], disturbed: Sequence[tuple[Variant, Judged]], undisturbed: Judged
) -> Comparison:
    """Return the comparison of terminals by their sensors, and of one terminal by what disturbs it.

    Every curve starts at strength 0 with what the undisturbed terminal comes to.
    """
    curves: dict[str, list[Standing]] = {}
    for variant, judged in disturbed:
        name = variant.disturbance or ""
        start = [standing(Variant(variant.roles, name, 0.0), undisturbed)]
        curves.setdefault(name, start).append(standing(variant, judged))
    found = tuple(standing(variant, judged) for variant, judged in subsets)
    return Comparison(found, {name: tuple(curve) for name, curve in curves.items()})


def as_json(comparison: Comparison) -> dict[str, Any]:
    """Return ``subsets`` by sensors and ``disturbances`` by name; rates 0 to 1, null for nothing to count."""
    curves = comparison.curves or {}
    return {
        "subsets": {one.variant.sensors: _standing_json(one) for one in comparison.subsets},
        "disturbances": {
            name: {
                "title": DISTURBANCES[name].title,
                "unit": DISTURBANCES[name].unit,
                "sensors": curve[0].variant.sensors,
                "curve": [{"strength": one.variant.strength} | _standing_json(one) for one in curve],
            }
            for name, curve in curves.items()
        },
    }


def tables(comparison: Comparison) -> Iterator[str]:
    """Yield a block of text for the sets of sensors and for each disturbance."""
    if comparison.subsets:
        yield "\n".join(_block("by sensors:", comparison.subsets, [one.variant.sensors for one in comparison.subsets]))
    for name, curve in (comparison.curves or {}).items():
        about = DISTURBANCES[name]
        title = f"{about.title}, {about.unit}, with {curve[0].variant.sensors}:"
        yield "\n".join(_block(title, curve, [f"{one.variant.strength:g}" for one in curve]))


def rate_text(rate: float, people: int) -> str:
    """Return a rate in words; where no error was seen, the bound that this proves if each person is one trial."""
    if math.isnan(rate):
        return "-"
    if rate:
        return f"{rate * 100:.1f} %"
    return f"0 (<= {zero_error_bound(people) * 100:.2g} %)" if people else "0"


def cells(rows: Sequence[Standing]) -> tuple[list[str], list[list[str]]]:
    """Return heads and a row of text for each of ``rows``: people turned away, and the APCER of each species.

    The APNRR of a species stands beside it where one of its attacks got no response.
    """
    silent = {name for one in rows for name in one.attacks if one.figures[f"apnrr/{name}"] > 0}
    heads = ["BPCER + BPNRR"]
    texts = [[rate_text(one.turned_away, one.people)] for one in rows]
    for name in rows[0].attacks:
        for kind, title in (("apcer", "APCER"), *([("apnrr", "APNRR")] if name in silent else [])):
            heads.append(f"{title} {name}")
            for text, one in zip(texts, rows, strict=True):
                text.append(rate_text(one.figures[f"{kind}/{name}"], one.people_attacked[name]))
    return heads, texts


def _block(title: str, rows: Sequence[Standing], names: Sequence[str]) -> Iterator[str]:
    yield title
    heads, texts = cells(rows)
    widths = [max(len(head), 14) for head in heads]
    yield f"  {'':<24}" + "".join(f"  {head:>{width}}" for head, width in zip(heads, widths, strict=True))
    for name, text in zip(names, texts, strict=True):
        yield f"  {name:<24}" + "".join(f"  {cell:>{width}}" for cell, width in zip(text, widths, strict=True))


def _standing_json(one: Standing) -> dict[str, Any]:
    worst = max(one.attacks, key=one.apcer, default=None)
    return {
        "n_bona_fide": one.bona_fide,
        "n_attack": dict(one.attacks),
        "subjects_bona_fide": one.people,
        "subjects_attack": dict(one.people_attacked),
        "apcer": {name: _number(one.apcer(name)) for name in one.attacks},
        "apcer_worst": _number(one.apcer(WORST)),
        "apcer_worst_species": worst,
        "apnrr": {name: _number(one.figures[f"apnrr/{name}"]) for name in one.attacks},
        **{name: _number(one.figures[name]) for name in _RATES},
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
