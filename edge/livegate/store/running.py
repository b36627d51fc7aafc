"""Running time: how long this terminal was switched on, summed over its boots.

Within a boot it follows the monotonic clock; a new boot goes on from the last value that reached the disk. So time
spent powered off counts as no time at all, and neither a lockout nor a window is ever shortened by it (a power cut may
lengthen one by what had not yet been written).
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from livegate.gate.facts import Clock


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
