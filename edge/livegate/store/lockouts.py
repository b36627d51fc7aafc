"""Lockouts that grow: who is locked out again and again waits longer each time, in running time.

A row stays after its lockout ended until the key was quiet for ``lockout_max_s``: that is how the next one knows to be
longer. A running lockout is never shortened, evicted or forgotten. Where there is no room for one more, the whole rule
is locked for every key instead, and ``capacity`` says so.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from livegate.config import Limit
from livegate.gate.limits import limit_name
from livegate.store.plan import EVERYBODY
from livegate.store.rows import is_damaged, key_id, marks, row_check, union

_ROW = "SELECT * FROM lockout WHERE id = ?"
# By what share of its time a lockout may be remembered longer.
_LATER_SHARE = 16
# How far down the order of who is to be forgotten next a place for a new lockout is looked for.
_LOOK_AT = 64


@dataclass(frozen=True, slots=True)
class Lockout:
    """One key's lockout: runs until ``until_ns``, lasted ``length_ns``, counts for the next one until ``forget_ns``."""

    id: int
    rule: str
    key: str
    until_ns: int
    length_ns: int
    forget_ns: int

    @property
    def checksum(self) -> int:
        """The checksum of the row."""
        return row_check(self.id, self.rule, self.key, self.until_ns, self.length_ns, self.forget_ns)


@dataclass(frozen=True, slots=True)
class Begun:
    """A lockout as it runs now; ``is_new`` when its key had none on record, ``rows`` how many more rows there are."""

    lockout: Lockout
    is_new: bool
    rows: int


def read(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, Lockout | None]:
    """Return the lockouts of those of ``ids`` (numbers of key_id) that have one, None for a row that is damaged."""
    return {number: of_row(row) for number, row in read_rows(connection, ids).items()}


def read_rows(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, tuple[Any, ...]]:
    """Return the whole rows of those of ``ids`` that have one, unchecked: for an attempt, which seldom needs more."""
    return {row[0]: row for row in connection.execute(union(_ROW, len(ids)), ids).fetchall()}


def of_row(row: tuple[Any, ...]) -> Lockout | None:
    """Return the lockout of a whole row of the table, None when its checksum is not that of its columns."""
    return None if is_damaged(row) else Lockout(*row[:6])


def begin(connection: sqlite3.Connection, limit: Limit, key: str, running_ns: int, *, room: bool) -> Begun:
    """Lock ``key`` out under ``limit``, or make a lockout that runs longer.

    Without ``room`` for one more row a key that has none yet locks the whole rule instead (key EVERYBODY).
    """
    rule = limit_name(limit)
    before = _known(connection, limit, rule, key, running_ns)
    freed = 0
    if before is None and not room:
        freed = _make_room(connection, running_ns)
        if not freed:
            key = EVERYBODY
            before = _known(connection, limit, rule, key, running_ns)
    length_ns = _length_ns(limit, before, running_ns)
    until_ns = running_ns + length_ns
    forget_ns = until_ns + _ns(limit.lockout_max_s)
    if before is not None:
        until_ns, forget_ns = max(until_ns, before.until_ns), max(forget_ns, before.forget_ns)
    lockout = Lockout(key_id(rule, key), rule, key, until_ns, length_ns, forget_ns)
    write(connection, lockout)
    return Begun(lockout, before is None, 0 if before else 1 - freed)


def seen(connection: sqlite3.Connection, limit: Limit, number: int, running_ns: int) -> None:
    """Note that the key of ``number`` did what ``limit`` counts: it is not quiet, so its next lockout still grows."""
    quiet_ns = _ns(limit.lockout_max_s)
    for lockout in read(connection, (number,)).values():
        if lockout is not None and running_ns < lockout.forget_ns < running_ns + quiet_ns:
            # A little longer than asked for, so that not every attempt writes it.
            write(connection, replace(lockout, forget_ns=running_ns + quiet_ns + quiet_ns // _LATER_SHARE))


def write(connection: sqlite3.Connection, lockout: Lockout) -> None:
    """Write the row of ``lockout``."""
    connection.execute(
        "INSERT OR REPLACE INTO lockout VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            lockout.id,
            lockout.rule,
            lockout.key,
            lockout.until_ns,
            lockout.length_ns,
            lockout.forget_ns,
            lockout.checksum,
        ),
    )


def clear(connection: sqlite3.Connection, limits: tuple[Limit, ...], key: str) -> int:
    """End the lockouts of ``key`` under ``limits`` and forget what it did; return how many lockouts that were."""
    ids = tuple({key_id(limit_name(limit), key) for limit in limits})
    connection.execute(f"DELETE FROM window WHERE id IN ({marks(len(ids))})", ids)  # noqa: S608 - question marks
    return connection.execute(f"DELETE FROM lockout WHERE id IN ({marks(len(ids))})", ids).rowcount  # noqa: S608


def forget(connection: sqlite3.Connection, running_ns: int, most: int) -> int:
    """Delete at most ``most`` lockouts that ended and whose keys were quiet for long; return how many."""
    return connection.execute(
        "DELETE FROM lockout WHERE id IN (SELECT id FROM lockout"
        " WHERE forget_ns <= ?1 AND until_ns <= ?1 ORDER BY forget_ns LIMIT ?2)",
        (running_ns, most),
    ).rowcount


def size(connection: sqlite3.Connection) -> int:
    """Return how many lockouts are remembered; reads the whole index."""
    return int(connection.execute("SELECT count(*) FROM lockout").fetchone()[0])


def _known(connection: sqlite3.Connection, limit: Limit, rule: str, key: str, running_ns: int) -> Lockout | None:
    """Return the row of ``key``; one that is damaged counts as the longest lockout, running."""
    number = key_id(rule, key)
    found = read(connection, (number,))
    if number not in found:
        return None
    return found[number] or damaged(number, rule, key, limit, running_ns)


def damaged(number: int, rule: str, key: str, limit: Limit, running_ns: int) -> Lockout:
    """Return what stands in for a lockout whose row is damaged: the longest its limit knows, beginning now."""
    length_ns = max(_ns(limit.lockout_max_s), _ns(limit.lockout_s))
    return Lockout(number, rule, key, running_ns + length_ns, length_ns, running_ns + 2 * length_ns)


def _length_ns(limit: Limit, before: Lockout | None, running_ns: int) -> int:
    shortest = _ns(limit.lockout_s)
    if before is None or running_ns >= before.forget_ns:
        return shortest
    if running_ns < before.until_ns:
        # It still runs: what is done meanwhile renews it, as long as it was.
        return max(before.length_ns, shortest)
    longest = max(_ns(limit.lockout_max_s), shortest)
    return max(shortest, min(int(before.length_ns * limit.lockout_growth), longest))


def _make_room(connection: sqlite3.Connection, running_ns: int) -> int:
    """Forget one lockout that has ended, though its key was not quiet for long yet; return how many that were."""
    return connection.execute(
        "DELETE FROM lockout WHERE id = (SELECT id FROM"
        " (SELECT id, until_ns FROM lockout ORDER BY forget_ns LIMIT ?) WHERE until_ns <= ? LIMIT 1)",
        (_LOOK_AT, running_ns),
    ).rowcount


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)
