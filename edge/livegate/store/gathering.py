"""Gather what the store knows of an attempt: few statements, for this stands between a person and the door."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from livegate.events.integrity import Damage
from livegate.gate.facts import Clock, LimitState, ListEntry, Presence
from livegate.store import lockouts, windows
from livegate.store.lockouts import Lockout
from livegate.store.plan import Asked
from livegate.store.rows import row_check, union
from livegate.types import Credential

Pair = tuple[str, str]
"""What a list entry names: its kind ("credential", "media", "terminal") and value."""
Finding = tuple[Damage, str]
"""A damaged row: of what, and which."""


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
    row = connection.execute(
        "SELECT p.inside, p.at_ns, c.* FROM (SELECT ? AS who) LEFT JOIN credential c"
        " ON c.pseudonym = who AND c.kind = ? LEFT JOIN presence p ON p.pseudonym = who",
        (pseudonym, kind),
    ).fetchone()
    presence = None if row[0] is None else Presence(bool(row[0]), max(0, running_ns - row[1]))
    if row[2] is None:
        return Credential(pseudonym, kind, known=False), presence, False
    if row_check(*row[2:-1]) != row[-1]:
        found.append((Damage.CREDENTIAL, f"{pseudonym}/{kind}"))
        return Credential(pseudonym, kind, known=False), presence, True
    return credential_of(row[2:]), presence, True


def credential_of(row: tuple[Any, ...]) -> Credential:
    """Return the credential in a whole row of its table, which was checked."""
    zones = frozenset(json.loads(row[6])) if row[6] != "[]" else frozenset()
    return Credential(row[0], row[1], True, row[2], row[3], row[5], zones, bool(row[7]))


def entries(
    connection: sqlite3.Connection, pairs: Iterable[Pair], now: Clock, found: list[Finding]
) -> Iterator[ListEntry]:
    """Yield the local block entries that name any of ``pairs`` and are not over; damaged ones deny."""
    values = tuple(part for pair in pairs for part in pair)
    query = union("SELECT * FROM list_entry WHERE kind = ? AND value = ?", len(values) // 2)
    for row in connection.execute(query, values).fetchall():
        kind, value, source, action, reason, until_s, checksum = row
        if row_check(*row[:-1]) != checksum:
            found.append((Damage.LIST_ENTRY, f"{kind}/{value}/{source}"))
            yield ListEntry(kind, value, "deny", "damaged", None, "local")
        elif until_s is None or until_s > now.dates_s():
            yield ListEntry(kind, value, action, reason, until_s, source)


def limit_states(
    connection: sqlite3.Connection, asked: tuple[Asked, ...], everybody: set[int], running_ns: int, found: list[Finding]
) -> tuple[LimitState, ...]:
    """Return how every limit stands for its key; a lockout whose row is damaged runs as long as its limit ever does.

    ``everybody`` are the numbers of the rules that may be locked for all.
    """
    if not asked:
        return ()
    counted = windows.read(connection, [one.id for one in asked])
    locked = lockouts.read(connection, [one.id for one in asked] + sorted(everybody))
    states = []
    for one in asked:
        packed = counted.get(one.id)
        count = windows.number_in(packed, one.limit, running_ns) if packed else 0
        locked_ns = _locked_ns(locked, one, running_ns, found) if locked else 0
        states.append(LimitState(one.limit, count, locked_ns))
    return tuple(states)


def _locked_ns(locked: dict[int, Lockout | None], one: Asked, running_ns: int, found: list[Finding]) -> int:
    longest_ns = 0
    for number in (one.id, one.everybody):
        if number in locked:
            lockout = locked[number]
            if lockout is None:
                found.append((Damage.LOCKOUT, str(number)))
                lockout = lockouts.damaged(number, one.rule, one.key, one.limit, running_ns)
            longest_ns = max(longest_ns, lockout.until_ns - running_ns)
    return longest_ns
