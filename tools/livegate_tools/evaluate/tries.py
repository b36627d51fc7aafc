"""Error rates after several tries: an attacker is let in at least once, a living person is turned away every time.

Who was refused tries again, so an error rate of single presentations is not that of a door. Presentations of one person
by one kind of instrument (bona fide: of one person) are the tries of one case. Of a case of n presentations, k of them
errors, t are drawn without replacement, every choice as likely, and what comes of it is counted exactly:

    let in at least once = 1 - C(n - k, t) / C(n, t)        turned away every time = C(k, t) / C(n, t)

A case of fewer than t presentations says nothing of t tries; each other weighs what it has presentations, so that one
try is APCER, and BPCER + BPNRR. Tries are drawn within a case because they are alike: whoever was let in once is let
in again more easily, so that independent tries would come to other rates.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate_tools.evaluate.bootstrap import FEWEST_SUBJECTS, REPLICATES, SEED, Interval, people_in
from livegate_tools.evaluate.metrics import zero_error_bound
from livegate_tools.evaluate.outcomes import Outcomes

TRIES = (1, 3, 5)


@dataclass(frozen=True, slots=True)
class Reached:
    """The error rate after ``tries`` tries, 0..1, NaN where no case has so many presentations.

    ``one_try`` is the rate of a single try of the same ``cases``; ``interval`` is bootstrapped by subject.
    """

    tries: int
    rate: float
    one_try: float
    cases: int
    presentations: int
    interval: Interval


@dataclass(frozen=True, slots=True)
class Tries:
    """By number of tries (:data:`TRIES`): attackers let in, by species, and people turned away."""

    let_in: Mapping[str, tuple[Reached, ...]]
    turned_away: tuple[Reached, ...]

    def worst(self, place: int) -> str | None:
        """Return the species let in most after ``TRIES[place]`` tries, the first by name among equals; None if none."""
        known = [name for name, reached in self.let_in.items() if not math.isnan(reached[place].rate)]
        return max(known, key=lambda name: self.let_in[name][place].rate, default=None)


def at_least_once(n: int, errors: int, tries: int) -> float:
    """Return the chance that ``tries`` of ``n`` presentations, drawn without replacement, hold one of ``errors``."""
    return 1.0 - math.comb(n - errors, tries) / math.comb(n, tries)


def every_time(n: int, errors: int, tries: int) -> float:
    """Return the chance that ``tries`` of ``n`` presentations, drawn without replacement, are all ``errors``."""
    return math.comb(errors, tries) / math.comb(n, tries)


def tries_of(outcomes: Outcomes) -> Tries:
    """Return the error rates after several tries; a presentation whose subject nobody named is a case of its own."""
    attacks = {name: outcomes.of_species(name) for name in outcomes.species_names}
    living = outcomes.bona_fide
    return Tries(
        {name: _reached(these, these.accepted, at_least_once) for name, these in attacks.items()},
        _reached(living, living.refused | living.unanswered, every_time),
    )


def as_json(tries: Tries) -> dict[str, Any]:
    """Return ``apcer`` by species, its worst, and ``bpcer_plus_bpnrr``, each by number of tries."""
    worst = [tries.worst(place) for place in range(len(TRIES))]
    return {
        "apcer": {name: _columns(reached) for name, reached in tries.let_in.items()},
        "apcer_worst": {
            str(count): None if name is None else {"species": name, "value": tries.let_in[name][place].rate}
            for place, (count, name) in enumerate(zip(TRIES, worst, strict=True))
        },
        "bpcer_plus_bpnrr": _columns(tries.turned_away),
    }


def rows(tries: Tries) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the title of every line, and for each number of tries what it came to in words; last of how many cases."""
    for name, reached in tries.let_in.items():
        yield f"let in {name}", _cells(reached)
    yield "people turned away", _cells(tries.turned_away)


def _reached(
    outcomes: Outcomes, errors: NDArray[np.bool_], chance: Callable[[int, int, int], float]
) -> tuple[Reached, ...]:
    counts = _cases(outcomes, errors)
    named = people_in(outcomes) > 0
    return tuple(_after(tries, [case for case in counts if case[0] >= tries], chance, named) for tries in TRIES)


def _cases(outcomes: Outcomes, errors: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return (presentations, errors) of every case of outcomes of one kind."""
    nobody = outcomes.subject < 0
    known = outcomes.subject[~nobody]
    sizes, wrong = np.bincount(known), np.bincount(known, weights=errors[~nobody])
    cases = [(int(n), round(float(k))) for n, k in zip(sizes, wrong, strict=True) if n]
    return cases + [(1, int(error)) for error in errors[nobody]]


def _after(tries: int, cases: list[tuple[int, int]], chance: Callable[[int, int, int], float], named: bool) -> Reached:
    sizes = np.array([n for n, _ in cases], dtype=np.float64)
    hits = np.array([n * chance(n, k, tries) for n, k in cases], dtype=np.float64)
    total = float(sizes.sum())
    rate, one_try = (math.nan, math.nan) if not cases else (hits.sum() / total, sum(k for _, k in cases) / total)
    interval = _interval(sizes, hits, len(cases) if named else 0)
    return Reached(tries, float(rate), float(one_try), len(cases), int(total), interval)


def _interval(sizes: NDArray[np.float64], hits: NDArray[np.float64], people: int) -> Interval:
    """Return the bootstrap interval over cases: of one kind of presentation, each is one person."""
    if people < FEWEST_SUBJECTS:
        few = f"{people} subject{'' if people == 1 else 's'}, an interval needs {FEWEST_SUBJECTS}"
        return Interval(people, reason=few)
    drawn = np.random.default_rng(SEED).integers(people, size=(REPLICATES, people))
    low, high = np.percentile(hits[drawn].sum(axis=1) / sizes[drawn].sum(axis=1), [2.5, 97.5])
    return Interval(people, float(low), float(high))


def _columns(reached: tuple[Reached, ...]) -> dict[str, Any]:
    return {str(one.tries): _column(one) for one in reached}


def _column(one: Reached) -> dict[str, Any]:
    known = one.interval.low is not None
    return {
        "value": None if math.isnan(one.rate) else one.rate,
        "one_try_of_these": None if math.isnan(one.one_try) else one.one_try,
        "cases": one.cases,
        "presentations": one.presentations,
        "interval": [one.interval.low, one.interval.high] if known else None,
        "reason": one.interval.reason,
    }


def _cells(reached: tuple[Reached, ...]) -> tuple[str, ...]:
    return (*map(_words, reached), " ".join(str(one.cases) for one in reached))


def _words(one: Reached) -> str:
    if math.isnan(one.rate):
        return "-"
    if one.rate == 0.0:
        people = one.interval.subjects
        return f"0.0 % (<= {zero_error_bound(people) * 100:.1f})" if people else "0.0 %"
    if one.interval.low is None or one.interval.high is None:
        return f"{_percent(one.rate)} %"
    return f"{_percent(one.rate)} % ({_percent(one.interval.low)}..{_percent(one.interval.high)})"


def _percent(rate: float) -> str:
    return "100" if rate == 1.0 else f"{rate * 100:.1f}"
