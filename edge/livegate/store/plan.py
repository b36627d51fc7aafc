"""What the limits of a policy ask of the store, worked out once: an attempt then only fills in who it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from livegate.config import Limit, LimitKey
from livegate.gate.facts import LimitState
from livegate.gate.limits import key_value, limit_name
from livegate.store.rows import key_id, number_of, number_of_key

EVERYBODY = "*"
"""The key of a lockout that holds for every key of its rule."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One limit and what of it is the same at every attempt; ``everybody`` is the number of the lockout of all keys."""

    limit: Limit
    name: str
    number: int
    everybody: int
    quiet: LimitState
    """The limit's state for a key that did nothing."""

    @classmethod
    def of(cls, limit: Limit) -> Rule:
        """Return the rule of ``limit``."""
        name = limit_name(limit)
        return cls(limit, name, number_of(name), key_id(name, EVERYBODY), LimitState(limit))


class Asked(NamedTuple):
    """One rule as an attempt asks for it: of whom, and under which number. Made often, and quicker than a dataclass."""

    rule: Rule
    key: str
    id: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The limits of a policy at one terminal; those by terminal and door are ready, the others wait for an attempt."""

    limits: tuple[Limit, ...]
    rules: tuple[Rule, ...]
    ready: tuple[Asked | None, ...]
    terminal: int
    """The number of block entries for the terminal."""

    @classmethod
    def of(cls, limits: tuple[Limit, ...], terminal: str, door: str) -> Plan:
        """Return the plan for ``limits``."""
        rules = tuple(Rule.of(limit) for limit in limits)
        ready = []
        for rule in rules:
            key = key_value(rule.limit, None, None, terminal, door)
            ready.append(None if key is None else Asked(rule, key, key_id(rule.name, key)))
        return cls(limits, rules, tuple(ready), key_id("terminal", terminal))

    def asked(self, pseudonym: str | None, media: str | None) -> list[Asked]:
        """Return what an attempt with this credential and spoof medium asks; limits without a key are left out."""
        person = 0 if pseudonym is None else number_of_key(pseudonym)
        medium = 0 if media is None else number_of_key(media)
        asked = []
        for rule, ready in zip(self.rules, self.ready, strict=True):
            if ready is not None:
                asked.append(ready)
            elif rule.limit.key is LimitKey.CREDENTIAL:
                if pseudonym is not None:
                    asked.append(Asked(rule, pseudonym, rule.number ^ person))
            elif media is not None:
                asked.append(Asked(rule, media, rule.number ^ medium))
        return asked
