"""What commands do, but for those that move the door: a function a verb.

Each gets the desk, the transaction that also remembers the command, and its arguments, which are hostile until checked.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from livegate.checks.terminal import own_findings
from livegate.config import LimitKey
from livegate.configfile import as_table
from livegate.errors import LivegateError, Refusal, TrustError
from livegate.events.cloudevents import timestamp
from livegate.report.down.desk import Desk
from livegate.secret_options import without_secrets
from livegate.settings import LogLevel
from livegate.store import lockouts, presence
from livegate.store.list_floor import list_floors
from livegate.store.transaction import Transaction
from livegate.trust.payload import malformed

Result = Mapping[str, Any]
ALL = "all"

_PSEUDONYM = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Done:
    """What a verb came to; ``after`` is called once it is committed."""

    result: Result
    after: Callable[[], None] | None = None


Verb = Callable[[Desk, Transaction, Mapping[str, Any]], Done]


def list_get(desk: Desk, t: Transaction, arguments: Mapping[str, Any]) -> Done:
    """Tell the versions, sizes and ends of the lists."""
    _only(arguments)
    central = {
        str(name): {
            "version": it.version,
            "entries": it.entries,
            "sha256": it.sha256,
            "expires": timestamp(it.expires_s),
        }
        for name, it in desk.central.versions().items()
    }
    local = {
        "credentials": t.connection.execute("SELECT count(*) FROM credential").fetchone()[0],
        "block_entries": t.connection.execute("SELECT count(*) FROM list_entry").fetchone()[0],
    }
    return Done({"central": central, "floors": list_floors(t.connection), "local": local})


def log_level(desk: Desk, t: Transaction, arguments: Mapping[str, Any]) -> Done:  # noqa: ARG001 - a Verb
    """Change how much the log tells, until the next start."""
    level = _one(arguments, "level")
    if level not in list(LogLevel):
        raise malformed(f"'level': expected one of {', '.join(LogLevel)}")
    return Done({"level": level}, lambda: logging.getLogger().setLevel(level))


def lockout_clear(desk: Desk, t: Transaction, arguments: Mapping[str, Any]) -> Done:
    """End the lockouts of one credential or one spoof medium, and forget what led to them."""
    what, value = _either(arguments, LimitKey.CREDENTIAL, LimitKey.MEDIA)
    key, limits = _hex(value, what), tuple(it for it in desk.effective.config.gate.limit if it.key == what)
    cleared = lockouts.clear(t.connection, limits, key) if limits else 0
    t.context.upkeep.lockouts.removed(cleared)
    return Done({"cleared": cleared})


def media_forget(desk: Desk, t: Transaction, arguments: Mapping[str, Any]) -> Done:  # noqa: ARG001 - a Verb
    """Forget one spoof medium, or all of them."""
    what, value = _either(arguments, "signature", ALL)
    return Done({"forgotten": t.context.upkeep.media.forget(t.connection, None if what == ALL else _hex(value, what))})


def presence_clear(desk: Desk, t: Transaction, arguments: Mapping[str, Any]) -> Done:  # noqa: ARG001 - a Verb
    """Forget on which side of the door one credential is, or all are."""
    what, value = _either(arguments, "credential", ALL)
    return Done({"cleared": presence.clear(t.connection, None if what == ALL else _hex(value, what))})


def config_get(desk: Desk, t: Transaction, arguments: Mapping[str, Any]) -> Done:  # noqa: ARG001 - a Verb
    """Tell the configuration in force, without secrets."""
    _only(arguments)
    return Done({"config": as_table(without_secrets(desk.effective.config)), "version": desk.config.version})


def self_test(desk: Desk, arguments: Mapping[str, Any]) -> Callable[[], Result]:
    """Look at what ``livegate check`` looks at, but for the devices, which are in use."""
    _only(arguments)
    config = desk.effective.config

    def task() -> Result:
        try:
            found = [{"check": f.check, "ok": f.ok, "text": f.text} for f in own_findings(config)]
        except (OSError, LivegateError) as exc:
            return {"ok": False, "findings": [], "text": str(exc)}
        return {"ok": all(finding["ok"] is not False for finding in found), "findings": found}

    return task


VERBS: Mapping[str, Verb] = {
    "list.get": list_get,
    "log.level": log_level,
    "lockout.clear": lockout_clear,
    "media.forget": media_forget,
    "presence.clear": presence_clear,
    "config.get": config_get,
}
HELPED: Mapping[str, Callable[[Desk, Mapping[str, Any]], Callable[[], Result]]] = {"self_test": self_test}
"""Verbs that take longer than the MQTT thread may: each returns the task for a helper."""


def _only(arguments: Mapping[str, Any], *known: str) -> None:
    unknown = arguments.keys() - set(known)
    if unknown:
        raise TrustError(Refusal.NOT_ALLOWED, f"command: unknown argument '{min(unknown)[:40]}'")


def _one(arguments: Mapping[str, Any], name: str) -> Any:
    _only(arguments, name)
    if name not in arguments:
        raise malformed(f"lacks the argument '{name}'")
    return arguments[name]


def _either(arguments: Mapping[str, Any], *names: str) -> tuple[str, Any]:
    """Return the one argument there must be, by name; "all" must be true."""
    _only(arguments, *names)
    if len(arguments) != 1:
        raise malformed(f"expected one argument of {', '.join(names)}")
    ((name, value),) = arguments.items()
    if name == ALL and value is not True:
        raise malformed("'all': expected true")
    return name, value


def _hex(value: Any, name: str) -> str:
    if not isinstance(value, str) or not _PSEUDONYM.fullmatch(value):
        raise malformed(f"'{name}': expected 32 hexadecimal digits, as events write it")
    return value
