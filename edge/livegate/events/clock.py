"""The event that tells what became of the wall clock."""

from __future__ import annotations

from livegate.events.environment import Environment, date_text, event
from livegate.gate.facts import Clock
from livegate.trust.clockwatch import ClockCause, ClockChange
from livegate.types import AccessEvent

CLOCK_CHANGED = "clock.changed"

_SEVERITIES = {
    ClockCause.STEP: "warning",
    ClockCause.ASLEEP: "info",
    ClockCause.SYNCHRONISED: "info",
    ClockCause.UNSYNCHRONISED: "notice",
    ClockCause.BELOW_FLOOR: "warning",
}


def clock_changed(change: ClockChange, now: Clock, environment: Environment) -> AccessEvent:
    """The wall clock was set, lost or found its time server, or shows a time known to be past."""
    what = {
        "action": "clock",
        "cause": change.cause,
        "seconds": None if change.seconds is None else round(change.seconds, 3),
        "floor": date_text(now.floor_s or None),
    }
    return event(CLOCK_CHANGED, what, now, environment, severity=_SEVERITIES[change.cause])
