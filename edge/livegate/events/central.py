"""The events about what came down from the centre: commands, refused messages, settings and lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from livegate.events.cloudevents import timestamp
from livegate.events.environment import Environment, date_text, event
from livegate.gate.facts import Clock
from livegate.types import AccessEvent

COMMAND_EXECUTED = "command.executed"
MESSAGE_REFUSED = "message.refused"
CONFIG_APPLIED = "config.applied"
LIST_APPLIED = "list.applied"

_CALM = frozenset({"done"})


def command_executed(
    verb: str,
    outcome: str,
    nonce: str,
    keyid: str,
    correlation: str | None,
    now: Clock,
    environment: Environment,
    *,
    reason: str | None = None,
) -> AccessEvent:
    """A command of the centre ended as ``outcome`` ("done", "refused", "failed", "dropped"), and why if not done."""
    what = {
        "action": "command",
        "verb": verb,
        "outcome": outcome,
        "reason": reason,
        "nonce": nonce,
        "keyid": keyid,
        "correlation": correlation,
    }
    return event(COMMAND_EXECUTED, what, now, environment, severity="info" if outcome in _CALM else "warning")


def message_refused(
    topic: str, reason: str, keyid: str | None, count: int, since_s: float, now: Clock, environment: Environment
) -> AccessEvent:
    """``count`` messages were refused for ``reason`` since ``since_s`` (Unix seconds); topic and key of the last."""
    what = {
        "action": "refuse",
        "topic": topic,
        "reason": reason,
        "keyid": keyid,
        "count": count,
        "since": timestamp(since_s),
    }
    return event(MESSAGE_REFUSED, what, now, environment, severity="warning")


def config_applied(
    version: int, keyid: str, settings: Mapping[str, Any], now: Clock, environment: Environment
) -> AccessEvent:
    """The desired configuration ``version`` is in force: ``settings`` as they were signed."""
    what = {"action": "apply", "source": "twin", "version": version, "keyid": keyid, "settings": dict(settings)}
    return event(CONFIG_APPLIED, what, now, environment, severity="notice")


def list_replaced(
    name: str,
    version: int,
    base: int | None,
    sha256: str,
    entries: int,
    expires_s: float | None,
    keyid: str,
    now: Clock,
    environment: Environment,
) -> AccessEvent:
    """The central list ``name`` ("block", "allow") is ``version`` from now on; a delta names its ``base``."""
    what = {
        "action": "replaced",
        "list": name,
        "source": "central",
        "version": version,
        "base": base,
        "sha256": sha256,
        "entries": entries,
        "expires": date_text(expires_s),
        "keyid": keyid,
    }
    return event(LIST_APPLIED, what, now, environment, severity="notice")
