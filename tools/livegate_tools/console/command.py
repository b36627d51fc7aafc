"""``livegate console command``: have one terminal do something now, and wait for its reply."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from livegate.errors import ConfigError, LinkError
from livegate.trust.keys import SigningKey
from livegate_tools.console.connecting import add_connection, add_terminals, scope_of, speaking, terminals
from livegate_tools.console.payloads import Order
from livegate_tools.console.told import tell

HELP = "have one terminal that is online do something, such as door.pulse, and wait for its reply"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the action's options."""
    parser.add_argument("verb", metavar="VERB", help="door.pulse, door.lock, door.release, list.get, self_test, ...")
    parser.add_argument("--argument", action="append", default=[], metavar="NAME=VALUE",
                        help="an argument of the verb; VALUE is JSON, or else text")  # fmt: skip
    parser.add_argument("--key", type=Path, required=True, metavar="PEM", help="a private key with the role commands")
    parser.add_argument("--timeout", type=float, default=15.0, metavar="S", help="wait so long (default 15 s)")
    parser.add_argument("--json", action="store_true", help="machine-readable")
    add_terminals(parser, one=True)
    add_connection(parser)


def run(arguments: argparse.Namespace) -> int:
    """Send the command; return 0 when it was done, 1 when it was refused or failed."""
    order = Order(arguments.verb, arguments_of(arguments.argument))
    key = SigningKey.of_pem(arguments.key)
    with speaking(arguments) as console:
        (topics,) = terminals(console, scope_of(arguments))
        asked_s = time.time()
        try:
            reply = console.command(key, topics, order, arguments.timeout)
        except LinkError as exc:
            reason = console.refusal(topics, "commands", asked_s)
            if reason is None:
                raise
            raise LinkError(f"{exc}: just then it refused a command: {reason}") from exc
    members = {"verb": reply.verb, "outcome": reply.outcome, "reason": reply.reason, "result": reply.result}
    words = [arguments.verb, reply.outcome, reply.reason or "", json.dumps(reply.result) if reply.result else ""]
    tell(arguments, "  ".join(filter(None, words)), members)
    return 0 if reply.outcome == "done" else 1


def arguments_of(pairs: Iterable[str]) -> dict[str, Any]:
    """Return NAME=VALUE texts as a command's arguments; ConfigError for what is no such text."""
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise ConfigError(f"--argument {pair}: expected NAME=VALUE")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found
