"""Gather what the store knows of an attempt: few statements, for this stands between a person and the door."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from livegate.events.integrity import Damage
from livegate.gate.facts import Clock, LimitState, ListEntry, Presence
from livegate.store import lockouts, windows
from livegate.store.plan import Asked
from livegate.store.rows import PERSON, is_damaged, number_of, number_of_key, union
from livegate.types import Credential

Pair = tuple[str, str]
"""What a list entry names: its kind ("credential", "media", "terminal") and value."""
Finding = tuple[Damage, str]
"""A damaged row: of what, and which."""


_HOLDER = (
    "SELECT p.inside, p.at_ns, c.* FROM (SELECT 1) LEFT JOIN credential c ON c.id = ? LEFT JOIN presence p ON p.id = ?"
)


class CentralLists(Protocol):
    """The lists the centre sent, in a file of their own; every method is quick and raises StoreError."""

    def lookup_block(self, pairs: Iterable[Pair]) -> tuple[ListEntry, ...]:
        """Return the entries that name any of ``pairs``, over or not."""
        ...

    def lookup_allow(self, pseudonym: str, kind: str) -> Credential | None:
        """Return the credential of this pseudonym and kind, None when it is not allowed."""
        ...

    def stale(self, now_s: float, floors: Mapping[str, int]) -> tuple[str, ...]:
        """Return the lists past their end, damaged, or older than the versions in ``floors`` that were in force."""
        ...


def holder(
    connection: sqlite3.Connection, pseudonym: str, kind: str, running_ns: int, found: list[Finding]
) -> tuple[Credential, Presence | None, bool]:
    """Return the local credential (``known`` False without one), where it is, and whether its row is there at all.

    A damaged row is added to ``found``, and its credential is unknown.
    """
    who = number_of_key(pseudonym)
    row = connection.execute(_HOLDER, (number_of(kind) ^ who, number_of(PERSON) ^ who)).fetchone()
    presence = None if row[0] is None else Presence(bool(row[0]), max(0, running_ns - row[1]))
    held = row[2:]
    if held[0] is None:
        return Credential(pseudonym, kind, known=False), presence, False
    if is_damaged(held):
        found.append((Damage.CREDENTIAL, str(held[0])))
        return Credential(pseudonym, kind, known=False), presence, True
    if held[1] != pseudonym or held[2] != kind:
        return Credential(pseudonym, kind, known=False), presence, False
    return credential_of(held), presence, True


def credential_of(row: tuple[Any, ...]) -> Credential:
    """Return the credential in a whole row of its table, which was checked."""
    zones = frozenset(json.loads(row[7])) if row[7] != "[]" else frozenset()
    return Credential(row[1], row[2], True, row[3], row[4], row[6], zones, bool(row[8]))


def entries(
    connection: sqlite3.Connection, numbers: Sequence[int], now: Clock, found: list[Finding]
) -> tuple[ListEntry, ...]:
    """Return the local block entries of ``numbers`` (of key_id) that are not over; damaged ones deny."""
    rows = connection.execute(union("SELECT * FROM list_entry WHERE id = ?", len(numbers)), numbers).fetchall()
    return tuple(entry for row in rows if (entry := _entry(row, now, found)) is not None) if rows else ()


def _entry(row: tuple[Any, ...], now: Clock, found: list[Finding]) -> ListEntry | None:
    number, kind, value, source, action, reason, until_s, _ = row
    if is_damaged(row):
        found.append((Damage.LIST_ENTRY, str(number)))
        return ListEntry(kind, value, "deny", "damaged", None, "local")
    return (
        ListEntry(kind, value, action, reason, until_s, source) if until_s is None or until_s > now.dates_s() else None
    )


def limit_states(
    connection: sqlite3.Connection, asked: list[Asked], everybody: set[int], running_ns: int, found: list[Finding]
) -> tuple[LimitState, ...]:
    """Return how every limit stands for its key; a lockout whose row is damaged runs as long as its limit ever does.

    ``everybody`` are the numbers of the rules that may be locked for all.
    """
    if not asked:
        return ()
    ids = [one.id for one in asked]
    counted = windows.read(connection, ids)
    locked = lockouts.read_rows(connection, ids + sorted(everybody) if everybody else ids)
    if not counted and not locked:
        return tuple(one.rule.quiet for one in asked)
    states = []
    for one in asked:
        packed = counted.get(one.id)
        count = windows.number_in(packed, one.rule.limit, running_ns) if packed else 0
        locked_ns = _locked_ns(locked, one, running_ns, found) if locked else 0
        states.append(LimitState(one.rule.limit, count, locked_ns) if count or locked_ns else one.rule.quiet)
    return tuple(states)


def _locked_ns(locked: dict[int, tuple[Any, ...]], one: Asked, running_ns: int, found: list[Finding]) -> int:
    longest_ns = 0
    for number in (one.id, one.rule.everybody):
        row = locked.get(number)
        if row is None:
            continue
        until_ns = row[3]
        if is_damaged(row):
            found.append((Damage.LOCKOUT, str(number)))
            until_ns = lockouts.damaged(number, one.rule.name, one.key, one.rule.limit, running_ns).until_ns
        longest_ns = max(longest_ns, until_ns - running_ns)
    return longest_ns
