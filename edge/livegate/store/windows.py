"""Frequency windows and lockouts in SQLite, measured in running time.

Running time is the time this terminal was switched on, summed over its boots: within a boot it follows the monotonic
clock; a new boot goes on from the last value that reached the disk. So time spent powered off counts as no time at
all, and neither a lockout nor a window is ever shortened by it (a power cut may lengthen one by what had not yet been
written).
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from livegate.config import Limit
from livegate.gate.facts import Clock, LimitState
from livegate.gate.limits import limit_name


@dataclass(frozen=True, slots=True)
class RunningTime:
    """How this boot's monotonic clock maps to running time; fixed for as long as the boot lasts."""

    first_monotonic_ns: int
    first_running_ns: int

    def at(self, now: Clock) -> int:
        """Return the running time of ``now`` in nanoseconds."""
        return self.first_running_ns + max(0, now.monotonic_ns - self.first_monotonic_ns)


def begin_boot(connection: sqlite3.Connection, boot_id: str, now: Clock) -> tuple[RunningTime, bool]:
    """Return this boot's running time, and whether it begins only now. Needs an open transaction."""
    known = "SELECT first_monotonic_ns, first_running_ns FROM boot WHERE boot_id = ?"
    row = connection.execute(known, (boot_id,)).fetchone()
    begins = row is None
    if begins:
        row = (now.monotonic_ns, last_running_ns(connection))
        connection.execute("DELETE FROM boot")
        connection.execute("INSERT INTO boot VALUES (?, ?, ?)", (boot_id, *row))
    return RunningTime(*row), begins


def last_running_ns(connection: sqlite3.Connection) -> int:
    """Return the newest running time on the disk."""
    (event,) = connection.execute(
        "SELECT max(running_ns) FROM (SELECT * FROM event ORDER BY sequence DESC LIMIT 1)"
    ).fetchone()
    (tick,) = connection.execute("SELECT max(running_ns) FROM running").fetchone()
    (boot,) = connection.execute("SELECT max(first_running_ns) FROM boot").fetchone()
    return max(event or 0, tick or 0, boot or 0)


def save_running_ns(connection: sqlite3.Connection, running_ns: int) -> None:
    """Write running time down, so that a power cut from now on costs none of it."""
    connection.execute(
        "INSERT INTO running VALUES (1, ?) ON CONFLICT (one)"
        " DO UPDATE SET running_ns = max(running_ns, excluded.running_ns)",
        (running_ns,),
    )


def state(connection: sqlite3.Connection, limit: Limit, key: str, running_ns: int) -> LimitState:
    """Return how ``limit`` stands for ``key`` at ``running_ns``."""
    rule = limit_name(limit)
    (count,) = connection.execute(
        "SELECT count(*) FROM occurrence WHERE rule = ? AND key = ? AND at_ns > ?",
        (rule, key, running_ns - _window_ns(limit)),
    ).fetchone()
    row = connection.execute("SELECT until_ns FROM lockout WHERE rule = ? AND key = ?", (rule, key)).fetchone()
    return LimitState(limit, count, max(0, row[0] - running_ns) if row else 0)


def count(connection: sqlite3.Connection, limit: Limit, key: str, running_ns: int) -> None:
    """Count one event of ``limit`` by ``key`` at ``running_ns``, and lock ``key`` out when that fills the window."""
    rule = limit_name(limit)
    (newest,) = connection.execute(
        "SELECT max(at_ns) FROM occurrence WHERE rule = ? AND key = ?", (rule, key)
    ).fetchone()
    # Two events of one nanosecond are still two.
    at_ns = running_ns if newest is None else max(running_ns, newest + 1)
    connection.execute(
        "DELETE FROM occurrence WHERE rule = ? AND key = ? AND at_ns <= ?", (rule, key, running_ns - _window_ns(limit))
    )
    connection.execute("INSERT INTO occurrence VALUES (?, ?, ?)", (rule, key, at_ns))
    if limit.lockout_s > 0 and state(connection, limit, key, running_ns).count >= limit.max:
        connection.execute(
            "INSERT INTO lockout VALUES (?, ?, ?) ON CONFLICT (rule, key)"
            " DO UPDATE SET until_ns = max(until_ns, excluded.until_ns)",
            (rule, key, running_ns + int(limit.lockout_s * 1e9)),
        )


def forget(connection: sqlite3.Connection, limits: tuple[Limit, ...], running_ns: int) -> None:
    """Delete what no window and no lockout needs any more."""
    for limit in limits:
        connection.execute(
            "DELETE FROM occurrence WHERE rule = ? AND at_ns <= ?", (limit_name(limit), running_ns - _window_ns(limit))
        )
    connection.execute("DELETE FROM lockout WHERE until_ns <= ?", (running_ns,))


def _window_ns(limit: Limit) -> int:
    return int(limit.window_s * 1e9)
