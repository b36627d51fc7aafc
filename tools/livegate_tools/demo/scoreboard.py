"""What became of every visit: events on one side, the truth about the recording on the other."""

from __future__ import annotations

import statistics
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from livegate.events.cloudevents import kind_of
from livegate.types import Outcome
from livegate_drivers.timeline import Layout
from livegate_tools.demo.playlist import Visit


@dataclass(frozen=True, slots=True)
class Programme:
    """The visits in their order, when each begins, how fast they are played, and whether they begin again at the end.

    Visits are numbered on through the rounds.
    """

    visits: tuple[Visit, ...]
    layout: Layout
    origin_ns: int
    speed: float
    loop: bool = False

    def number_at(self, monotonic_ns: int) -> int | None:
        """Return which visit runs at a moment, counted from 0, or None before the first and after the last."""
        passed_ms = (monotonic_ns - self.origin_ns) * self.speed / 1e6
        if passed_ms < 0 or (passed_ms >= self.layout.length_ms and not self.loop):
            return None
        turn, clip, _ = self.layout.clip_at(passed_ms)
        return turn * len(self.visits) + clip

    def visit(self, number: int) -> Visit:
        """Return the visit of a number."""
        return self.visits[number % len(self.visits)]

    @property
    def end_ns(self) -> int:
        """The monotonic time at which the last visit is over."""
        return self.origin_ns + round(self.layout.length_ms * 1e6 / self.speed)


@dataclass(frozen=True, slots=True)
class Result:
    """How one visit ended."""

    number: int
    visit: Visit
    outcome: Outcome
    reason: str
    latency_ms: float


class Scoreboard:
    """Collects the access.attempt events of a programme; safe between threads.

    A visit is granted when any of its attempts was. One without any event, or only inconclusive ones, was denied.
    """

    def __init__(self, programme: Programme) -> None:
        self.programme = programme
        self._results: dict[int, Result] = {}
        self._lock = threading.Lock()

    def record(self, event: Mapping[str, Any]) -> Result | None:
        """Take an event as the console received it; return the result if it settles one."""
        if kind_of(event.get("type")) != "access.attempt":
            return None
        number = self.programme.number_at(event["data"]["when"]["monotonic_ns"])
        if number is None:
            return None
        what = event["data"]["what"]
        visit = self.programme.visit(number)
        result = Result(number, visit, Outcome(what["outcome"]), what["reason"], what["latency_ms"])
        with self._lock:
            before = self._results.get(number)
            if before is None or before.outcome is not Outcome.GRANTED:
                self._results[number] = result
        return result

    def results(self) -> tuple[Result, ...]:
        """Return what is settled, in the order of the visits."""
        with self._lock:
            return tuple(self._results[number] for number in sorted(self._results))

    def summary(self, shown: int) -> dict[str, Any]:
        """Return the counts over the first ``shown`` visits."""
        settled = {result.number: result for result in self.results()}
        granted = [number in settled and settled[number].outcome is Outcome.GRANTED for number in range(shown)]
        visits = [self.programme.visit(number) for number in range(shown)]
        pairs = list(zip(visits, granted, strict=True))
        attacks = [(visit, g) for visit, g in pairs if visit.is_attack]
        species = sorted({str(visit.pai_species) for visit, _ in attacks})
        unauthorised = [g for visit, g in pairs if not visit.is_attack and not visit.authorised]
        latencies = sorted(result.latency_ms for result in settled.values())
        return {
            "visits": shown,
            "bona_fide": _split([g for visit, g in pairs if not visit.is_attack and visit.authorised]),
            "attack": _split([g for _, g in attacks]),
            "by_pai_species": {
                name: _split([g for visit, g in attacks if visit.pai_species == name]) for name in species
            },
            "unauthorised": len(unauthorised),
            "unauthorised_granted": sum(unauthorised),
            "latency_ms": {"p50": _quantile(latencies, 50), "p95": _quantile(latencies, 95)},
        }


def _split(granted: Sequence[bool]) -> dict[str, int]:
    return {"granted": sum(granted), "denied": len(granted) - sum(granted)}


def _quantile(values: Sequence[float], percent: int) -> float | None:
    if not values:
        return None
    if len(values) == 1:
        return round(values[0], 2)
    return round(statistics.quantiles(values, n=100, method="inclusive")[percent - 1], 2)
