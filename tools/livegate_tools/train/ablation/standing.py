"""What an arm of the ablation comes to: error rates and areas of presentations that its fits never saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livegate.config import DecisionPolicy
from livegate_tools.evaluate.bootstrap import SEED
from livegate_tools.evaluate.metrics import auc
from livegate_tools.train.ablation.arms import Arm, Group
from livegate_tools.train.figures import Rate, share
from livegate_tools.train.fusion_evidence import ASSUMED, Evidence, Said, said_by, tells
from livegate_tools.train.fusion_fit import MARGINS
from livegate_tools.train.fusion_points import cascade_fits, first_fits
from livegate_tools.train.held_out import Folds, HeldOut, by_people, by_source, held_out

_REPLICATES = 300


@dataclass(frozen=True, slots=True)
class Gain:
    """By how much an AUC is above that of the base, with its 95 % interval, bootstrapped by people."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Standing:
    """The figures of an arm on held-out presentations, at the thresholds that were fixed on the others.

    ``worst`` is the species with the highest APCER of those that set thresholds; ``asked`` the share of presentations
    of which a second opinion was asked, of all and of people. ``gain`` is None for the base itself.
    """

    arm: Arm
    auc: float
    auc_by_species: dict[str, float]
    gain: Gain | None
    gain_by_species: dict[str, float]
    bpcer: Rate
    apcer: dict[str, Rate]
    worst: str
    asked: float | None
    people_asked: float | None


@dataclass(frozen=True, slots=True)
class Compared:
    """All arms of a group: by ``people`` held out, and by ``sources`` held out."""

    group: Group
    people: tuple[Standing, ...]
    sources: tuple[Standing, ...]
    bona_fide: int
    attacks: dict[str, int]
    subjects: int


def compare(group: Group, evidence: Sequence[Evidence], policy: DecisionPolicy) -> Compared | None:
    """Return what the arms of ``group`` come to; None where people or attacks are missing."""
    said = said_by(group.cues, evidence)
    if not said.both_classes:
        return None
    labels = said.labels
    species = sorted({name for name in labels.species if name is not None})
    return Compared(
        group,
        _standings(group, said, by_people(said), policy),
        _standings(group, said, by_source(said), policy),
        int(labels.bona_fide.sum()),
        {name: labels.species.count(name) for name in species},
        len(set(zip(labels.sources, labels.subjects, strict=True))),
    )


def _standings(group: Group, said: Said, folds: Folds, policy: DecisionPolicy) -> tuple[Standing, ...]:
    base = _judged(group.base, said, folds, policy)
    found = [_standing(group.base, base, None)]
    return (*found, *(_standing(arm, _judged(arm, said, folds, policy), base) for arm in group.arms[1:]))


def _judged(arm: Arm, said: Said, folds: Folds, policy: DecisionPolicy) -> HeldOut:
    """Return the held-out evidence of an arm; of a cascade that with the band that loses least."""
    its = Said(arm.cues, said.those, said.of(arm.cues))
    firsts = first_fits(arm.first, its, folds, policy)
    alone = held_out(its, folds, firsts)
    if not arm.second:
        return alone
    tried = [held_out(its, folds, cascade_fits(firsts, its, folds, policy, margin)) for margin in MARGINS]
    return min(tried, key=HeldOut.loss)


def _standing(arm: Arm, judged: HeldOut, base: HeldOut | None) -> Standing:
    labels, errors = judged.said.labels, judged.errors
    species = sorted({name for name in labels.species if name is not None})
    counting = [name for name in species if name not in ASSUMED and tells(arm.cues, name)]
    rates = {name: _rate(judged, errors, _of(judged, name)) for name in species}
    asked = judged.asked if arm.second else None
    return Standing(
        arm,
        judged.auc,
        {name: judged.auc_of(name) for name in species},
        None if base is None else _gain(judged, base),
        {} if base is None else {name: judged.auc_of(name) - base.auc_of(name) for name in species},
        _rate(judged, errors, labels.bona_fide),
        rates,
        max(counting, key=lambda name: rates[name].value),
        None if asked is None else float(asked.mean()),
        None if asked is None else float(asked[labels.bona_fide].mean()),
    )


def _gain(judged: HeldOut, base: HeldOut) -> Gain:
    """Return the difference of two areas; both are of the same presentations."""
    living = judged.said.labels.bona_fide
    members: dict[tuple[str, str], list[int]] = {}
    for place, seen in enumerate(judged.said.those):
        members.setdefault((seen.source, seen.subject), []).append(place)
    people, rng, found = [np.array(each) for each in members.values()], np.random.default_rng(SEED), []
    for _ in range(_REPLICATES):
        drawn = np.concatenate([people[place] for place in rng.integers(len(people), size=len(people))])
        kept = living[drawn]
        areas = [auc(each.llr[drawn[kept]], each.llr[drawn[~kept]]) for each in (judged, base)]
        found.append(areas[0] - areas[1])
    # A draw without people, or without attacks, says nothing.
    low, high = np.nanpercentile(found, [2.5, 97.5])
    return Gain(judged.auc - base.auc, float(low), float(high))


def _of(judged: HeldOut, species: str) -> NDArray[np.bool_]:
    return np.array([seen.species == species for seen in judged.said.those], dtype=np.bool_)


def _rate(judged: HeldOut, errors: NDArray[np.bool_], which: NDArray[np.bool_]) -> Rate:
    people = [f"{seen.source}/{seen.subject}" for seen, one in zip(judged.said.those, which, strict=True) if one]
    return share(errors[which].tolist(), people)
