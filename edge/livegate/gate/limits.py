"""Frequency limits: what each one is called, what it counts, and by whom it counts.

At most ``max`` events in any ``window_s``. The event that fills the window starts a lockout of ``lockout_s``: an
attempt during it is LOCKED_OUT, one without a lockout while the window is still full is refused as LIMIT. Neither
refusal is itself counted, so waiting ends a lockout; a presentation attack always counts, so an attacker renews it.
Nor is counted what the terminal refuses to everybody: that says nothing of who came.
"""

from __future__ import annotations

from livegate.config import Limit, LimitKey
from livegate.types import Decision, Reason

_NOT_COUNTED = frozenset(
    {
        Reason.LIMIT,
        Reason.LOCKED_OUT,
        Reason.DOOR_LOCKED,
        Reason.MEMORY_LOST,
        Reason.LIST_STALE,
        Reason.CLOCK_UNSURE,
        Reason.LEFT,
    }
)


def limit_name(limit: Limit) -> str:
    """Return the name of ``limit`` in counters, rules and the store: "credential.denied.60s"."""
    return f"{limit.key}.{limit.event}.{limit.window_s:g}s"


def counts(limit: Limit, decision: Decision) -> bool:
    """Return whether ``decision`` is an event that ``limit`` counts."""
    if decision.reason in _NOT_COUNTED:
        return False
    return limit.event in ("attempt", str(decision.outcome), str(decision.reason))


def key_value(limit: Limit, pseudonym: str | None, media: str | None, terminal: str, door: str) -> str | None:
    """Return what ``limit`` counts by in this attempt, or None when the attempt has no such key."""
    values = {LimitKey.CREDENTIAL: pseudonym, LimitKey.MEDIA: media, LimitKey.TERMINAL: terminal, LimitKey.DOOR: door}
    return values[limit.key]
