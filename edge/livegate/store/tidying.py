"""The chores of a quiet moment: note running time, forget what is outlived, a bounded share at a time."""

from __future__ import annotations

from livegate.gate.facts import GatePolicy
from livegate.store import lockouts, running, windows
from livegate.store.transaction import Transaction

# Bounds how long forgetting may keep a decision waiting; the rest goes with the next chores.
_AT_ONCE = 1_000
_DAY_NS = 86_400 * 10**9


def tidy(t: Transaction, policy: GatePolicy) -> None:
    """Note running time and forget counters, lockouts and spoof media that nothing asks for any more."""
    now_ns = t.context.running.at(t.opened)
    running.save_running_ns(t.connection, now_ns)
    windows.forget(t.connection, policy.limits, now_ns, _AT_ONCE)
    t.context.upkeep.lockouts.removed(lockouts.forget(t.connection, now_ns, _AT_ONCE))
    media = t.context.upkeep.media
    media.expire(t.connection, now_ns - int(t.context.limits.media_days * _DAY_NS), _AT_ONCE)
    t.context.upkeep.windows.bound(t.connection, t.context.limits.max_keys)
    media.bound(t.connection, t.context.limits.max_keys)
