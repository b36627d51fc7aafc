"""How long evidence is kept, judged so that no clock can keep it for ever or destroy it at a stroke; pure.

Age is *running* time: the seconds the terminal was on since the file was made, which nobody outside can turn. Time on
the wall clock that running time does not account for (the terminal was off) is added when it is seen, but never so that
a file goes within :func:`grace_s` of that moment. So a clock set back keeps nothing, since running time goes on; and a
clock that leaps ahead, by fault or by an attacker at the time server who wants the pictures gone, leaves the operator
a day to collect them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Ledger:
    """Files by attempt id and their age, kept over restarts."""

    wall_s: float
    """The wall clock when the ledger was last advanced, Unix seconds."""
    ages_s: Mapping[str, float] = field(default_factory=dict)


def grace_s(retention_s: float) -> float:
    """Return how long a file stays after any leap of the clock: a day, and a quarter of a shorter retention."""
    return min(DAY_S, retention_s / 4)


def advance(ledger: Ledger, ran_s: float, wall_s: float, retention_s: float, *, synchronised: bool) -> Ledger:
    """Return the ledger ``ran_s`` of running time later, at ``wall_s`` (Unix seconds)."""
    expected_s = ledger.wall_s + ran_s
    off_s = max(0.0, wall_s - expected_s)
    most_s = retention_s - grace_s(retention_s)
    ages_s = {name: _aged(age_s + ran_s, off_s, most_s) for name, age_s in ledger.ages_s.items()}
    # An unsure clock that went back may come forward again: that time is not counted twice.
    return Ledger(wall_s if synchronised else max(wall_s, expected_s), ages_s)


def reconcile(ledger: Ledger, made_s: Mapping[str, float], retention_s: float) -> Ledger:
    """Return the ledger for the files there are; ``made_s`` gives each one's date in its header, Unix seconds.

    A file the ledger does not know (it was lost, or written just before a power cut) has the age its date says, within
    what a leap of the clock may do.
    """
    most_s = retention_s - grace_s(retention_s)
    ages_s = {
        name: ledger.ages_s[name] if name in ledger.ages_s else _aged(0.0, max(0.0, ledger.wall_s - date_s), most_s)
        for name, date_s in made_s.items()
    }
    return replace(ledger, ages_s=ages_s)


def expired(ledger: Ledger, retention_s: float) -> tuple[str, ...]:
    """Return the ids whose time is over."""
    return tuple(name for name, age_s in ledger.ages_s.items() if age_s >= retention_s)


def evicted(ages_s: Mapping[str, float], sizes: Mapping[str, int], incoming: int, most_bytes: int) -> tuple[str, ...]:
    """Return the ids that must go, oldest first, so that ``incoming`` more bytes fit into ``most_bytes``."""
    excess = sum(sizes.values()) + incoming - most_bytes
    gone = []
    for name in _oldest_first(sizes, ages_s):
        if excess <= 0:
            break
        gone.append(name)
        excess -= sizes[name]
    return tuple(gone)


def _oldest_first(names: Iterable[str], ages_s: Mapping[str, float]) -> list[str]:
    return sorted(names, key=lambda name: (-ages_s.get(name, 0.0), name))


def _aged(age_s: float, off_s: float, most_s: float) -> float:
    """Return the age after ``off_s`` the clock tells of, which alone brings it no further than ``most_s``."""
    return max(age_s, min(age_s + off_s, most_s))
