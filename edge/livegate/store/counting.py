"""Count a decision: windows fill, lockouts begin and grow, the medium of an attack is remembered."""

from __future__ import annotations

from itertools import groupby

from livegate.config import Limit
from livegate.events import integrity
from livegate.events.integrity import Shortage
from livegate.gate import limits as gate_limits
from livegate.store import lockouts, windows
from livegate.store.plan import EVERYBODY, Asked
from livegate.store.writing import Writing
from livegate.types import Decision, PadDecision


def remember_medium(t: Writing, decision: Decision, canonical: str | None, running_ns: int) -> None:
    """Remember the spoof medium of an attack by the signature ``canonical`` of its first sighting."""
    if canonical is None or decision.pad.decision is not PadDecision.ATTACK:
        return
    media = t.context.upkeep.media
    if media.remember(t.connection, canonical, running_ns, t.opened.wall_s):
        media.bound(t.connection, t.context.limits.max_keys)


def count(t: Writing, decision: Decision, asked: list[Asked], running_ns: int) -> None:
    """Count ``decision`` under those of ``asked`` that it concerns, once a rule, and begin the lockouts that follow."""
    counted = sorted((one for one in asked if gate_limits.counts(one.rule.limit, decision)), key=_rule_of)
    for _, same in groupby(counted, key=_rule_of):
        group = tuple(same)
        _count(t, group[0], tuple(one.rule.limit for one in group), running_ns)


def _count(t: Writing, one: Asked, limits: tuple[Limit, ...], running_ns: int) -> None:
    packed, is_new = windows.count(t.connection, limits, one.id, running_ns)
    if is_new:
        t.context.upkeep.windows.added(t.connection)
        t.context.upkeep.windows.bound(t.connection, t.context.limits.max_keys)
    for limit in limits:
        if limit.lockout_s > 0 and windows.number_in(packed, limit, running_ns) >= limit.max:
            _lock_out(t, limit, one.key, running_ns)
        elif limit.lockout_s > 0:
            lockouts.seen(t.connection, limit, one.id, running_ns)


def _lock_out(t: Writing, limit: Limit, key: str, running_ns: int) -> None:
    upkeep = t.context.upkeep
    room = upkeep.lockouts.has_room(t.connection, t.context.limits.max_keys)
    begun = lockouts.begin(t.connection, limit, key, running_ns, room=room)
    if begun.rows:
        upkeep.lockouts.added(t.connection)
    if begun.lockout.key == EVERYBODY:
        upkeep.everybody.add(begun.lockout.id)
        if begun.is_new:
            rule, environment = begun.lockout.rule, t.context.environment
            t.say_first(integrity.capacity(100, Shortage.LOCKOUTS, t.fill(), t.opened, environment, rule))


def _rule_of(asked: Asked) -> str:
    return asked.rule.name
