"""Frequency windows: what each key did lately under each rule, one row a key, in running time.

A row keeps no more moments than the limit can tell apart: the newest ``max`` + 1. Beyond _MOST_MOMENTS of them the two
nearest neighbours become one at the later of the two, which can only make the window fuller than it is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from livegate.config import Limit
from livegate.store.rows import Moments, pack, seen_of, union, unpack

_MOST_MOMENTS = 32


def number_in(packed: bytes, limit: Limit, running_ns: int) -> int:
    """Return how many events a row's moments hold for ``limit`` at ``running_ns``."""
    since_ns = running_ns - window_ns(limit)
    total = 0
    for at_ns, number in unpack(packed):
        if at_ns > since_ns:
            total += number
    return total


def read(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, bytes]:
    """Return the packed moments of those of ``ids`` (numbers of key_id) that are remembered."""
    query = union("SELECT id, moments FROM window WHERE id = ?", len(ids))
    return dict(connection.execute(query, ids).fetchall())


def count(
    connection: sqlite3.Connection, limits: tuple[Limit, ...], number: int, running_ns: int
) -> tuple[bytes, bool]:
    """Count one event of the rule that ``limits`` share by the key of ``number`` (key_id).

    Returns the row's moments with it, and whether the row is new.
    """
    row = connection.execute("SELECT seen, moments FROM window WHERE id = ?", (number,)).fetchone()
    before = [] if row is None else unpack(row[1])
    at_ns = max(running_ns, before[-1][0]) if before else running_ns
    since_ns = running_ns - max(map(window_ns, limits))
    kept = [moment for moment in before if moment[0] > since_ns] + [(at_ns, 1)]
    packed = pack(_bounded(kept, max(limit.max for limit in limits) + 1))
    if row is None:
        connection.execute("INSERT INTO window VALUES (?, ?, ?)", (number, seen_of(at_ns), packed))
    elif row[0] == seen_of(at_ns):
        connection.execute("UPDATE window SET moments = ? WHERE id = ?", (packed, number))
    else:
        connection.execute("UPDATE window SET seen = ?, moments = ? WHERE id = ?", (seen_of(at_ns), packed, number))
    return packed, row is None


def forget(connection: sqlite3.Connection, limits: tuple[Limit, ...], running_ns: int, most: int) -> int:
    """Delete at most ``most`` rows that no window of ``limits`` reaches any more; return how many."""
    longest_ns = max(map(window_ns, limits), default=0)
    return _delete(connection, "WHERE seen < ?", (seen_of(running_ns - longest_ns), most))


def evict(connection: sqlite3.Connection, number: int) -> int:
    """Delete the ``number`` keys that were not seen for longest; return how many there were."""
    return _delete(connection, "", (number,))


def size(connection: sqlite3.Connection) -> int:
    """Return how many keys are remembered; reads the whole index."""
    return int(connection.execute("SELECT count(*) FROM window").fetchone()[0])


def window_ns(limit: Limit) -> int:
    """Return the length of a limit's window in nanoseconds."""
    return int(limit.window_s * 1e9)


def _delete(connection: sqlite3.Connection, where: str, values: tuple[int, ...]) -> int:
    oldest = f"SELECT id FROM window {where} ORDER BY seen LIMIT ?"  # noqa: S608 - from above
    return connection.execute(f"DELETE FROM window WHERE id IN ({oldest})", values).rowcount  # noqa: S608


def _bounded(moments: Moments, most: int) -> Moments:
    """Return the newest ``most`` events in at most _MOST_MOMENTS moments."""
    total = sum(number for _, number in moments)
    while total - moments[0][1] >= most:
        total -= moments.pop(0)[1]
    while len(moments) > _MOST_MOMENTS:
        nearest = min(range(len(moments) - 1), key=lambda index: moments[index + 1][0] - moments[index][0])
        (_, first), (at_ns, second) = moments[nearest : nearest + 2]
        moments[nearest : nearest + 2] = [(at_ns, first + second)]
    return moments
