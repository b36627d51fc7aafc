"""What the limits of a policy ask of the store, worked out once: an attempt then only fills in who it is."""

from __future__ import annotations

from dataclasses import dataclass

from livegate.config import Limit, LimitKey
from livegate.gate.limits import key_value, limit_name
from livegate.store.rows import key_id

EVERYBODY = "*"
"""The key of a lockout that holds for every key of its rule."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One limit as an attempt asks for it: ``id`` and ``everybody`` are numbers of key_id."""

    limit: Limit
    rule: str
    key: str
    id: int
    everybody: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The limits of a policy at one terminal; those by terminal and door are ready, the others wait for an attempt."""

    limits: tuple[Limit, ...]
    ready: tuple[Asked | None, ...]
    rules: tuple[tuple[str, int], ...]
    terminal: int
    """The number of block entries for the terminal."""

    @classmethod
    def of(cls, limits: tuple[Limit, ...], terminal: str, door: str) -> Plan:
        """Return the plan for ``limits``."""
        rules = tuple((limit_name(limit), key_id(limit_name(limit), EVERYBODY)) for limit in limits)
        ready = []
        for limit, (rule, everybody) in zip(limits, rules, strict=True):
            key = key_value(limit, None, None, terminal, door)
            ready.append(None if key is None else Asked(limit, rule, key, key_id(rule, key), everybody))
        return cls(limits, tuple(ready), rules, key_id("terminal", terminal))

    def asked(self, pseudonym: str | None, media: str | None) -> list[Asked]:
        """Return what an attempt with this credential and spoof medium asks; limits without a key are left out."""
        asked = []
        for limit, ready, (rule, everybody) in zip(self.limits, self.ready, self.rules, strict=True):
            if ready is not None:
                asked.append(ready)
                continue
            key = pseudonym if limit.key is LimitKey.CREDENTIAL else media
            if key is not None:
                asked.append(Asked(limit, rule, key, key_id(rule, key), everybody))
        return asked
