"""What the store keeps in mind between transactions: how many rows its tables hold, whether the disk is full."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field

from livegate.config import Limit
from livegate.events.cloudevents import Identity
from livegate.store import lockouts, windows
from livegate.store.media import Media
from livegate.store.plan import Plan

# Evicting a share at once keeps counting rare.
_EVICT_SHARE = 64


@dataclass(slots=True)
class Tally:
    """About how many rows a table holds: never less than it does, but for what other processes write.

    ``size`` counts them, ``evict`` deletes the longest unseen and returns how many.
    """

    size: Callable[[sqlite3.Connection], int]
    evict: Callable[[sqlite3.Connection, int], int]
    number: int | None = None
    _settled: int | None = None

    def measure(self, connection: sqlite3.Connection) -> int:
        """Count the rows; return how many there are."""
        self.number = self.size(connection)
        return self.number

    def settle(self) -> None:
        """Take what was noted for true: it was committed."""
        self._settled = self.number

    def unsettle(self) -> None:
        """Forget what was noted since: it was rolled back."""
        self.number = self._settled

    def has_room(self, connection: sqlite3.Connection, most: int) -> bool:
        """Return whether the table holds fewer than ``most`` rows; not counted anew, a million take 50 ms."""
        return (self.measure(connection) if self.number is None else self.number) < most

    def added(self, connection: sqlite3.Connection) -> None:
        """Note that a row was added."""
        self.number = self.measure(connection) if self.number is None else self.number + 1

    def removed(self, rows: int) -> None:
        """Note that so many rows were deleted."""
        if self.number is not None:
            self.number -= rows

    def bound(self, connection: sqlite3.Connection, most: int) -> None:
        """Evict the longest unseen when there are more than ``most`` rows."""
        if self.number is not None and self.number <= most:
            return
        held = self.measure(connection)
        if held > most:
            self.number = held - self.evict(connection, held - most + most // _EVICT_SHARE)


def _never(_connection: sqlite3.Connection, _number: int) -> int:
    return 0


@dataclass(slots=True)
class Upkeep:
    """The changing state of an open store, guarded by the lock of its transactions."""

    windows: Tally = field(default_factory=lambda: Tally(windows.size, windows.evict))
    media: Media = field(default_factory=Media)
    lockouts: Tally = field(default_factory=lambda: Tally(lockouts.size, _never))
    plan: Plan | None = None
    """What the newest policy's limits ask."""
    everybody: set[int] = field(default_factory=set)
    """Numbers of the rules of that policy that were locked for everybody, now or once."""
    disk_full: bool = False
    """The disk refused a commit, and has not had room to spare since."""

    def measure(self, connection: sqlite3.Connection) -> None:
        """Count and read what is remembered, so that no attempt has to wait for it."""
        for tally in (self.windows, self.lockouts):
            tally.measure(connection)
        self.media.size(connection)
        self.settle()

    def settle(self) -> None:
        """Take what a transaction noted for true: it was committed."""
        for kept in (self.windows, self.lockouts, self.media):
            kept.settle()

    def unsettle(self) -> None:
        """Forget what a transaction noted: it was rolled back."""
        for kept in (self.windows, self.lockouts, self.media):
            kept.unsettle()

    def plan_of(self, connection: sqlite3.Connection, limits: tuple[Limit, ...], identity: Identity) -> Plan:
        """Return the plan for ``limits``, worked out when they are others than the last time."""
        if self.plan is None or self.plan.limits is not limits:
            self.plan = Plan.of(limits, identity.terminal, identity.door)
            rules = [rule.everybody for rule in self.plan.rules]
            self.everybody = set(lockouts.read(connection, rules)) if rules else set()
        return self.plan
