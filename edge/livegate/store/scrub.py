"""Look for silent corruption: in quiet moments every row is read again and held against its checksum or its chain.

A damaged row never opens a door: a credential becomes unknown, a block entry denies, a lockout runs on. What was found
is told by ``tamper``, once.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from livegate.events import integrity
from livegate.events.integrity import Damage
from livegate.gate.facts import GatePolicy
from livegate.gate.limits import limit_name
from livegate.store import lockouts
from livegate.store.gathering import Finding
from livegate.store.rows import any_text, is_damaged, row_check
from livegate.store.transaction import Transaction

# Bounds what a slice costs, and what is told at once of a file that is damaged all over.
SLICE_S = 0.05
_ROWS = 200
_MOST_FINDINGS = 64
_MOST_REMEMBERED = 10_000
_LOCKOUT_S = 86_400.0
LOWEST = -(2**63)
"""Below every number of key_id."""
_HASH_BEGIN, _HASH_END = b'"chainhash":"', b'",'


@dataclass(slots=True)
class Scrub:
    """Where the reading stands; begins anew when all was read."""

    sequence: int = 0
    chainhash: bytes = b""
    credential: int = LOWEST
    list_entry: int = LOWEST
    lockout: int = LOWEST
    rounds: int = field(default=0)
    """How often all events were read."""
    _ended: set[Damage] = field(default_factory=set)

    def step(self, connection: sqlite3.Connection) -> list[Finding]:
        """Read for about SLICE_S and return what was found damaged; sqlite3.Error where a page cannot be read."""
        until_s = time.monotonic() + SLICE_S
        found: list[Finding] = []
        readers: tuple[Callable[[sqlite3.Connection], list[Finding]], ...] = (
            self._events,
            self._credentials,
            self._list_entries,
            self._lockouts,
        )
        self._ended.clear()
        while time.monotonic() < until_s and len(found) < _MOST_FINDINGS and len(self._ended) < len(readers):
            for read in readers:
                found += read(connection)
        return found

    def _events(self, connection: sqlite3.Connection) -> list[Finding]:
        anchor, anchor_hash = connection.execute("SELECT anchor_sequence, anchor_chainhash FROM stream").fetchone()
        if self.sequence <= anchor:
            self.sequence, self.chainhash = anchor, anchor_hash
        rows = connection.execute(
            "SELECT sequence, chainhash, body FROM event WHERE sequence > ? ORDER BY sequence LIMIT ?",
            (self.sequence, _ROWS),
        ).fetchall()
        if not rows:
            self.sequence, self.rounds = 0, self.rounds + 1
            self._ended.add(Damage.EVENT)
        found = []
        for sequence, chainhash, body in rows:
            # Across a hole of dropped events there is nothing to hold the first one against.
            follows = sequence == self.sequence + 1
            if follows and not fits(self.chainhash, chainhash, body):
                found.append((Damage.EVENT, str(sequence)))
            self.sequence, self.chainhash = sequence, chainhash
        return found

    def _credentials(self, connection: sqlite3.Connection) -> list[Finding]:
        rows = _next(connection, "credential", self.credential)
        self.credential = rows[-1][0] if rows else self._end(Damage.CREDENTIAL)
        return [(Damage.CREDENTIAL, str(row[0])) for row in rows if is_damaged(row)]

    def _list_entries(self, connection: sqlite3.Connection) -> list[Finding]:
        rows = _next(connection, "list_entry", self.list_entry)
        self.list_entry = rows[-1][0] if rows else self._end(Damage.LIST_ENTRY)
        return [(Damage.LIST_ENTRY, str(row[0])) for row in rows if is_damaged(row)]

    def _lockouts(self, connection: sqlite3.Connection) -> list[Finding]:
        rows = _next(connection, "lockout", self.lockout)
        self.lockout = rows[-1][0] if rows else self._end(Damage.LOCKOUT)
        return [(Damage.LOCKOUT, str(row[0])) for row in rows if is_damaged(row)]

    def _end(self, what: Damage) -> int:
        """Note that all rows of ``what`` were read, and return where they begin."""
        self._ended.add(what)
        return LOWEST


def _next(connection: sqlite3.Connection, table: str, after: int) -> list[tuple[Any, ...]]:
    query = f"SELECT * FROM {table} WHERE id > ? ORDER BY id LIMIT ?"  # noqa: S608 - a name from above
    return connection.execute(query, (after, _ROWS)).fetchall()


def fits(before: bytes, chainhash: bytes, body: bytes) -> bool:
    """Return whether an event's stored body and chain hash follow the chain hash ``before`` (32 raw bytes each)."""
    begin = body.find(_HASH_BEGIN)
    end = body.find(_HASH_END, begin + len(_HASH_BEGIN)) + len(_HASH_END)
    if begin < 0 or end < begin:
        return False
    said = body[begin + len(_HASH_BEGIN) : end - len(_HASH_END)]
    return said == chainhash.hex().encode() and hashlib.sha256(before + body[:begin] + body[end:]).digest() == chainhash


def mend(t: Transaction, findings: Iterable[Finding], policy: GatePolicy) -> int:
    """Make every damaged row safe and tell of it; return how many were told, those of before left out."""
    with _reading_any_text(t.connection):
        return _mend(t, findings, policy)


def _mend(t: Transaction, findings: Iterable[Finding], policy: GatePolicy) -> int:
    told = 0
    for what, place in dict.fromkeys(findings):
        named = _make_safe(t, what, place, policy)
        if named is not None or _is_new(t, f"{what}/{place}"):
            t.enqueue(integrity.damaged(what, named or place, t.opened, t.context.environment))
            told += 1
    return told


@contextmanager
def _reading_any_text(connection: sqlite3.Connection) -> Iterator[None]:
    # Not always: it makes every attempt slower.
    before, connection.text_factory = connection.text_factory, any_text
    try:
        yield
    finally:
        connection.text_factory = before


def damaged_rows(connection: sqlite3.Connection) -> int:
    """Return how many damaged places are known that could not be mended."""
    return int(connection.execute("SELECT count(*) FROM damage").fetchone()[0])


def _make_safe(t: Transaction, what: Damage, place: str, policy: GatePolicy) -> str | None:
    """Return what the damaged row called itself, None when there is none any more."""
    if what is Damage.CREDENTIAL:
        return _forget_credential(t.connection, int(place))
    if what is Damage.LIST_ENTRY:
        return _deny(t.connection, int(place))
    if what is Damage.LOCKOUT:
        return _lock(t, int(place), policy)
    return None


def _forget_credential(connection: sqlite3.Connection, number: int) -> str | None:
    row = _damaged(connection, "credential", number)
    if row is None:
        return None
    connection.execute("DELETE FROM credential WHERE id = ?", (number,))
    return f"{row[1]}/{row[2]}"


def _deny(connection: sqlite3.Connection, number: int) -> str | None:
    row = _damaged(connection, "list_entry", number)
    if row is None:
        return None
    columns = (*row[:3], "local", "deny", "damaged", None)
    connection.execute(
        "INSERT OR REPLACE INTO list_entry VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*columns, row_check(*columns))
    )
    return "/".join(row[1:4])


def _lock(t: Transaction, number: int, policy: GatePolicy) -> str | None:
    row = _damaged(t.connection, "lockout", number)
    if row is None:
        return None
    rule, key = row[1], row[2]
    longest_s = [max(limit.lockout_s, limit.lockout_max_s) for limit in policy.limits if limit_name(limit) == rule]
    length_ns = int(max(longest_s, default=_LOCKOUT_S) * 1e9)
    until_ns = t.context.running.at(t.opened) + length_ns
    lockouts.write(t.connection, lockouts.Lockout(number, rule, key, until_ns, length_ns, until_ns + length_ns))
    return str(number)


def _damaged(connection: sqlite3.Connection, table: str, number: int) -> tuple[Any, ...] | None:
    """Return the row of ``number`` when it is there and damaged."""
    row: tuple[Any, ...] | None = connection.execute(
        f"SELECT * FROM {table} WHERE id = ?",  # noqa: S608 - a name from above
        (number,),
    ).fetchone()
    return row if row is not None and is_damaged(row) else None


def _is_new(t: Transaction, place: str) -> bool:
    known = damaged_rows(t.connection)
    if known >= _MOST_REMEMBERED:
        return False
    return t.connection.execute("INSERT OR IGNORE INTO damage VALUES (?, ?)", (place, t.opened.wall_s)).rowcount > 0
