"""The events about what came down from the centre: commands, refused messages, settings and lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from livegate.events.cloudevents import timestamp
from livegate.events.environment import Environment, date_text, event
from livegate.events.kinds import LIST_APPLIED
from livegate.gate.facts import Clock
from livegate.types import AccessEvent

COMMAND_EXECUTED = "command.executed"
MESSAGE_REFUSED = "message.refused"
CONFIG_APPLIED = "config.applied"

_CALM = frozenset({"done"})


class Ordered(Protocol):
    """A command as its event names it."""

    @property
    def verb(self) -> str:
        """What was asked for."""

    @property
    def nonce(self) -> str:
        """The random text that makes it the only one of its kind."""

    @property
    def keyid(self) -> str:
        """The key that signed it."""

    @property
    def correlation(self) -> str | None:
        """What the centre calls it, None when it did not say."""


@dataclass(frozen=True, slots=True)
class ListChange:
    """A central list was replaced: ``base`` is the version a delta began with, ``expires_s`` Unix seconds.

    ``keyid`` is None where a restart lay between.
    """

    name: str
    version: int
    base: int | None
    sha256: str
    entries: int
    expires_s: float | None
    keyid: str | None


def command_executed(
    command: Ordered, outcome: str, now: Clock, environment: Environment, *, reason: str | None = None
) -> AccessEvent:
    """A command of the centre ended as ``outcome`` ("done", "refused", "failed", "dropped"), and why if not done."""
    what = {
        "action": "command",
        "verb": command.verb,
        "outcome": outcome,
        "reason": reason,
        "nonce": command.nonce,
        "keyid": command.keyid,
        "correlation": command.correlation,
    }
    return event(COMMAND_EXECUTED, what, now, environment, severity="info" if outcome in _CALM else "warning")


@dataclass(frozen=True, slots=True)
class Refused:
    """``count`` messages were refused for ``reason`` since ``since_s`` (Unix seconds); topic and key of the last."""

    topic: str
    reason: str
    keyid: str | None
    count: int
    since_s: float


def message_refused(refused: Refused, now: Clock, environment: Environment) -> AccessEvent:
    """Messages of the centre, or of who passed for it, changed nothing."""
    what = {
        "action": "refuse",
        "topic": refused.topic,
        "reason": refused.reason,
        "keyid": refused.keyid,
        "count": refused.count,
        "since": timestamp(refused.since_s),
    }
    return event(MESSAGE_REFUSED, what, now, environment, severity="warning")


def config_applied(
    version: int, keyid: str, settings: Mapping[str, Any], now: Clock, environment: Environment
) -> AccessEvent:
    """The desired configuration ``version`` is in force: ``settings`` as they were signed."""
    what = {"action": "apply", "source": "twin", "version": version, "keyid": keyid, "settings": dict(settings)}
    return event(CONFIG_APPLIED, what, now, environment, severity="notice")


def list_replaced(change: ListChange, now: Clock, environment: Environment) -> AccessEvent:
    """The central list "block" or "allow" is another from now on."""
    what = {
        "action": "replaced",
        "list": change.name,
        "source": "central",
        "version": change.version,
        "base": change.base,
        "sha256": change.sha256,
        "entries": change.entries,
        "expires": date_text(change.expires_s),
        "keyid": change.keyid,
    }
    return event(LIST_APPLIED, what, now, environment, severity="notice")
