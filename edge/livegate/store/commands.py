"""Commands that move the door: taken in by the MQTT thread, carried out by the decision thread, told in between.

The MQTT thread commits a pending row; the decision thread takes it out and records ``command.executed`` in one
transaction, and only then moves the door. So a crash at any point loses a command, and never repeats one.
"""

from __future__ import annotations

import enum
import sqlite3
from dataclasses import dataclass

from livegate.store.writing import Writing

# Somebody stands before the door and waits; later than this the pulse would open it for somebody else.
PENDING_MAX_NS = 10_000_000_000
MAX_PENDING = 16


class DoorVerb(enum.StrEnum):
    """What the centre may ask of the door."""

    PULSE = "door.pulse"
    LOCK = "door.lock"
    RELEASE = "door.release"


class CommandOutcome(enum.StrEnum):
    """What became of a command. ``dropped``: nothing was done, because the terminal restarted or was late."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Pending:
    """A command for the door that was authenticated and accepted; ``accepted_ns`` is monotonic."""

    verb: DoorVerb
    nonce: str
    keyid: str
    correlation: str | None
    accepted_ns: int

    def overdue(self, now_ns: int) -> bool:
        """Return whether it came too long ago to be carried out; ``now_ns`` may be read just before it came."""
        return now_ns - self.accepted_ns > PENDING_MAX_NS


@dataclass(frozen=True, slots=True)
class Executed:
    """What became of a command for the door, as it stands in its event; for the reply."""

    command: Pending
    outcome: CommandOutcome
    reason: str | None = None


def submit(t: Writing, command: Pending) -> bool:
    """Put ``command`` where the decision thread finds it; False, and nothing done, while too many wait already."""
    (waiting,) = t.connection.execute("SELECT count(*) FROM pending_command").fetchone()
    if waiting >= MAX_PENDING:
        return False
    t.connection.execute(
        "INSERT INTO pending_command (nonce, verb, keyid, correlation, accepted_ns) VALUES (?, ?, ?, ?, ?)",
        (command.nonce, str(command.verb), command.keyid, command.correlation, command.accepted_ns),
    )
    return True


def take_pending(t: Writing) -> tuple[Pending, ...]:
    """Take out and return every command that waits, oldest first; the caller tells of each, overdue ones as dropped."""
    rows = t.connection.execute(
        "SELECT verb, nonce, keyid, correlation, accepted_ns FROM pending_command ORDER BY number"
    ).fetchall()
    if rows:
        t.connection.execute("DELETE FROM pending_command")
    return tuple(Pending(DoorVerb(row[0]), *row[1:]) for row in rows)


drop_stale = take_pending
"""At start, before any command is accepted: what waits then is of an earlier process, and never carried out."""


def lock_door(t: Writing, nonce: str, *, locked: bool) -> None:
    """Deny every attempt from now on, or no longer, over restarts too; ``nonce`` names the command that asked."""
    t.connection.execute("DELETE FROM door_lock")
    if locked:
        t.connection.execute("INSERT INTO door_lock VALUES (1, ?, ?)", (t.opened.wall_s, nonce))


def door_locked(connection: sqlite3.Connection) -> bool:
    """Return whether the centre keeps the door locked."""
    return connection.execute("SELECT 1 FROM door_lock").fetchone() is not None
