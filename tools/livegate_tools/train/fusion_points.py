"""The operating points of a terminal: every set of cues that may speak together, with and without a second opinion.

A second opinion gets a point only where it helps presentations that no fit has seen, of other people and of other
sources (:func:`helps`); else its cues stay unused beside that set.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from livegate.config import DecisionPolicy
from livegate.samples.frames import named
from livegate.scorers import DETECTOR
from livegate.types import Role
from livegate_tools.evaluate import metrics
from livegate_tools.train.figures import Rate, share
from livegate_tools.train.fusion_evidence import ALL_SENSORS, Evidence, Said, said_by
from livegate_tools.train.fusion_fit import MARGINS, Fit, fit_cascade, fit_together
from livegate_tools.train.held_out import Folds, HeldOut, by_people, by_source, held_out, surely_saves

# A second opinion may rank no species worse than this beside the first alone: less is the luck of the draw.
LARGEST_LOSS = 0.003


@dataclass(frozen=True, slots=True)
class Point:
    """A set of cues with its fit, and what that comes to on dev.

    ``asked``: of whom a second opinion was asked, and ``people_asked`` of the living among them; None where there is no
    second one.
    """

    fit: Fit
    auc: float
    bpcer: Rate
    apcer: Mapping[str, Rate]
    by_source: Mapping[str, Rate] = field(default_factory=dict)
    asked: Rate | None = None
    people_asked: Rate | None = None

    @property
    def cues(self) -> tuple[str, ...]:
        """The cues that speak together."""
        return self.fit.cues


@dataclass(frozen=True, slots=True)
class Needs:
    """Which sensors cues need, by name (rgb where none is told); which give ``second`` opinions; which are ``off``.

    ``of_sensors`` look at more than the colour picture, also those that can do with any one sensor besides.
    """

    roles: Mapping[str, frozenset[Role]] = field(default_factory=dict)
    second: frozenset[str] = frozenset()
    off: frozenset[str] = frozenset()
    of_sensors: frozenset[str] = frozenset()

    def sensors(self, cues: Sequence[str]) -> str:
        """Return the name of the set of sensors that these cues need."""
        return named(frozenset({Role.RGB}).union(*(self.roles.get(name, frozenset()) for name in cues)))

    def is_colour(self, cue: str) -> bool:
        """Whether a cue looks at the colour picture alone, or at the face found in it."""
        return cue not in self.of_sensors and self.roles.get(cue, frozenset()) <= {Role.RGB}


def network_points(evidence: Sequence[Evidence], policy: DecisionPolicy, needs: Needs) -> list[Point]:
    """Return the points with the detector: each set of first cues, and where it helps with a second opinion.

    Only sets are fitted that people and attacks were both measured by. A set is fitted to what its cues say where there
    are no other sensors than they need; one that never speaks together there, to what it says with all of them.
    """
    found = []
    for first in _sets(evidence, needs, (DETECTOR,)):
        said = _said(first, evidence, needs)
        fit = None if said is None else fit_together(said, policy)
        if said is None or fit is None:
            continue
        found.append(figured(fit, said))
        found += [point for point in _second_points(fit, evidence, policy, needs) if point is not None]
    return found


def fallback_points(evidence: Sequence[Evidence], policy: DecisionPolicy, needs: Needs) -> list[Point]:
    """Return the points without a network: all texture cues beside each set of sensor cues, and each of them alone."""
    texture = tuple(sorted(needs.second - needs.off))
    sets = [(*texture, *more) for more in _sets(evidence, needs, ())] if texture else []
    sets += [(name,) for name in texture if len(texture) > 1]
    sets += [tuple(sorted({*texture, name})) for name in sorted(needs.off & needs.second)]
    found = []
    for cues in sets:
        said = _said(cues, evidence, needs)
        fit = None if said is None else fit_together(said, policy)
        found += [] if said is None or fit is None else [figured(fit, said)]
    return found


def figured(fit: Fit, said: Said) -> Point:
    """Return a point with the figures of its fit on the presentations it was fitted to."""
    llr = fit.llr(said)
    living = said.labels.bona_fide
    errors = np.where(living, llr < fit.threshold.llr, llr >= fit.threshold.llr)
    species = sorted({seen.species for seen in said.those if seen.species is not None})
    sources = sorted({seen.source for seen in said.those if seen.species is None})
    asked = None if fit.cascade is None else fit.cascade.undecided(said)
    return Point(
        fit,
        metrics.auc(llr[living], llr[~living]),
        _rate(errors, said, living),
        {name: _rate(errors, said, _where(said, "species", name)) for name in species},
        {name: _rate(errors, said, living & _where(said, "source", name)) for name in sources},
        None if asked is None else _rate(asked, said, np.ones_like(living)),
        None if asked is None else _rate(asked, said, living),
    )


def helps(first: HeldOut, both: HeldOut) -> bool:
    """Return whether a second opinion made presentations that no fit has seen better told apart.

    Less evidence is lost, in 95 % of draws of people too; attacks of all species together rank lower, and those of no
    species rank higher by more than :data:`LARGEST_LOSS`.
    """
    species = {seen.species for seen in first.said.those if seen.species is not None}
    gains = [both.auc_of(name) - first.auc_of(name) for name in species]
    return surely_saves(first, both) and both.auc > first.auc and min(gains) >= -LARGEST_LOSS


def first_fits(cues: tuple[str, ...], said: Said, folds: Folds, policy: DecisionPolicy) -> list[Fit | None]:
    """Return, for every fold, the fit of ``cues`` alone to all others, whatever further ones said besides."""
    its = Said(cues, said.those, said.of(cues))
    return [fit_together(its.take(~fold), policy) for fold in folds]


def cascade_fits(
    firsts: Sequence[Fit | None], said: Said, folds: Folds, policy: DecisionPolicy, margin: float
) -> list[Fit | None]:
    """Return, for every fold, the cascade upon its first fit with all other cues of ``said``.

    Where that leaves nothing undecided it stands alone.
    """
    return [
        None if first is None else fit_cascade(first, said.take(~fold), policy, margin) or first
        for first, fold in zip(firsts, folds, strict=True)
    ]


def _sets(evidence: Sequence[Evidence], needs: Needs, always: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    names = sorted({name for seen in evidence for name in seen.llr} - {DETECTOR, *needs.second})
    for n in range(len(names) + 1):
        for more in itertools.combinations(names, n):
            # A cue that is off gets points beside colour alone: who turns it on has measured it so.
            if needs.off.isdisjoint(more) or all(needs.is_colour(name) for name in more):
                yield (*always, *more)


def _second_points(
    first: Fit, evidence: Sequence[Evidence], policy: DecisionPolicy, needs: Needs
) -> Iterator[Point | None]:
    on = tuple(sorted(needs.second - needs.off))
    yield _best_cascade(first, _choices(on), evidence, policy, needs)
    for name in sorted(needs.second & needs.off) if all(map(needs.is_colour, first.cues)) else ():
        yield _best_cascade(first, [(*on, name), (name,)], evidence, policy, needs)


def _choices(names: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return every set of the second opinions, the largest first."""
    return [some for n in range(len(names), 0, -1) for some in itertools.combinations(names, n)]


def _best_cascade(
    first: Fit,
    choices: Sequence[tuple[str, ...]],
    evidence: Sequence[Evidence],
    policy: DecisionPolicy,
    needs: Needs,
) -> Point | None:
    """Return the point of the second opinion that loses least evidence on what no fit has seen; None if none helps."""
    best: tuple[float, Point] | None = None
    for second in choices:
        said = _said((*first.cues, *second), evidence, needs)
        if said is None:
            continue
        for fit, lost in _helping(first, said, policy):
            if best is None or lost < best[0]:
                best = lost, figured(fit, said)
    return None if best is None else best[1]


def _helping(first: Fit, said: Said, policy: DecisionPolicy) -> Iterator[tuple[Fit, float]]:
    """Yield the cascades that help what no fit has seen, of other people and of other sources, and what they lose."""
    asking = [(margin, fit) for margin in MARGINS if (fit := fit_cascade(first, said, policy, margin)) is not None]
    both_ways = (by_people(said), by_source(said)) if asking else ()
    alone = [(folds, first_fits(first.cues, said, folds, policy)) for folds in both_ways]
    for margin, fit in asking:
        lost = 0.0
        for folds, fits in alone:
            together = held_out(said, folds, cascade_fits(fits, said, folds, policy, margin))
            if not helps(held_out(said, folds, fits), together):
                break
            lost += together.loss()
        else:
            yield fit, lost


def _said(cues: tuple[str, ...], evidence: Sequence[Evidence], needs: Needs) -> Said | None:
    for sensors in (needs.sensors(cues), ALL_SENSORS):
        said = said_by(cues, evidence, sensors)
        if said.both_classes:
            return said
    return None


def _where(said: Said, what: str, name: str) -> NDArray[np.bool_]:
    return np.array([getattr(seen, what) == name for seen in said.those], dtype=np.bool_)


def _rate(errors: NDArray[np.bool_], said: Said, which: NDArray[np.bool_]) -> Rate:
    subjects = [seen.subject for seen, one in zip(said.those, which, strict=True) if one]
    return share(errors[which].tolist(), subjects)
