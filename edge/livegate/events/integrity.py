"""What the store tells of itself: how full it is, and what it found damaged."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from livegate.events.environment import Environment, event
from livegate.events.kinds import CAPACITY
from livegate.gate.facts import Clock
from livegate.types import AccessEvent

TAMPER = "tamper"
# Below the first level told: what the console holds already is no reason to call for help.
_TIGHT_PERCENT = 70
# Some hundred events: what is dropped at once on a full disk.
_LEAST_SLACK_BYTES = 256 << 10


class Shortage(enum.StrEnum):
    """Which room fills: for unacknowledged events, on the disk, or for lockouts."""

    EVENTS = "events"
    BYTES = "bytes"
    LOCKOUTS = "lockouts"


@dataclass(frozen=True, slots=True)
class Fill:
    """How full the store is.

    ``disk_full`` says that the disk itself had no room, whatever the budget; then only ``slack_bytes``, free within the
    database, are left.
    """

    unacknowledged: int
    history_events: int
    used_bytes: int
    max_bytes: int
    when_full: str
    disk_full: bool = False
    slack_bytes: int = 0

    @property
    def percent(self) -> int:
        """The fuller of events and bytes, rounded down."""
        return max(self._events_percent, self._bytes_percent)

    @property
    def shortage(self) -> Shortage:
        """Which of the two is the fuller one."""
        return Shortage.BYTES if self._bytes_percent > self._events_percent else Shortage.EVENTS

    @property
    def is_tight(self) -> bool:
        """Whether bytes run short, so that acknowledged history goes before anything else has to."""
        return self.used_bytes * 100 >= self.max_bytes * _TIGHT_PERCENT

    @property
    def _events_percent(self) -> int:
        return self.unacknowledged * 100 // self.history_events

    @property
    def _bytes_percent(self) -> int:
        if self.disk_full and self.slack_bytes < _LEAST_SLACK_BYTES:
            return 100
        return self.used_bytes * 100 // self.max_bytes


def capacity(
    percent: int, shortage: Shortage, fill: Fill, now: Clock, environment: Environment, rule: str | None = None
) -> AccessEvent:
    """Some room is used to ``percent`` (75, 90 or 100); ``rule`` names the limit that locks everybody out for it."""
    what: dict[str, Any] = {
        "action": "capacity",
        "percent": percent,
        "of": shortage,
        "unacknowledged": fill.unacknowledged,
        "history_events": fill.history_events,
        "used_bytes": fill.used_bytes,
        "max_bytes": fill.max_bytes,
        "disk_full": fill.disk_full,
        "when_full": fill.when_full,
        "rule": rule,
    }
    return event(CAPACITY, what, now, environment, severity="warning" if percent < 100 else "error")


class Damage(enum.StrEnum):
    """What was found damaged, and so what was done about it."""

    CREDENTIAL = "credential"
    """The credential is unknown from now on."""
    LIST_ENTRY = "list_entry"
    """The entry denies from now on, whatever it asked for."""
    LOCKOUT = "lockout"
    """The key is locked out for as long as its limit ever does."""
    EVENT = "event"
    """The event no longer fits its place in the chain; it stays, and verifying names it."""
    PAGE = "page"
    """The file cannot be read there; the next start checks it whole."""


def damaged(what: Damage, place: str, now: Clock, environment: Environment) -> AccessEvent:
    """The store found a row of ``what`` damaged; ``place`` says which: a pseudonym, an entry, a rule, a sequence."""
    told = {"action": "damage", "what": what, "place": place}
    return event(TAMPER, told, now, environment, severity="error")


def loss_accepted(tables: Sequence[str], now: Clock, environment: Environment) -> AccessEvent:
    """Somebody let the door open again although the store had lost ``tables``."""
    told = {"action": "accept", "what": "memory", "place": ", ".join(tables)}
    return event(TAMPER, told, now, environment, severity="warning")
