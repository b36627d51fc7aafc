"""``livegate console tail``: follow what terminals report, prove that nothing is missing, and acknowledge it."""

from __future__ import annotations

import argparse
import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from livegate.config import Mqtt, Protocol, Tls
from livegate.errors import ConfigError, LinkError
from livegate.events.cloudevents import kind_of
from livegate.report.topics import Topics
from livegate_tools.console import evidence
from livegate_tools.console.centre import Rules, Seen
from livegate_tools.console.console import Console

HELP = "the reference console: follow, verify and acknowledge what terminals report"

_STOP_S = 5.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    evidence.add_arguments(actions.add_parser("open-evidence", help=evidence.HELP))
    tail = actions.add_parser("tail", help="show events as they arrive")
    tail.add_argument("--host", default="127.0.0.1", help="the broker (default 127.0.0.1)")
    tail.add_argument("--port", type=int, default=1883, help="its port (default 1883)")
    tail.add_argument("--protocol", choices=list(Protocol), default=Protocol.AUTO, help="MQTT version (default auto)")
    tail.add_argument("--username", help="name at the broker")
    tail.add_argument("--password-file", type=Path, metavar="FILE", help="password on the first line")
    tail.add_argument("--ca", type=Path, metavar="PEM", help="speak TLS, and trust this authority")
    tail.add_argument("--site", default="+", help="one site (default all)")
    tail.add_argument("--terminal", default="+", help="one terminal (default all)")
    tail.add_argument("--consumer", default="console", metavar="NAME",
                      help="acknowledge as NAME; it must be the terminals' [mqtt] releasing_consumer")  # fmt: skip
    tail.add_argument("--no-ack", action="store_true", help="only look on: acknowledge nothing, ask for nothing")
    tail.add_argument("--state", type=Path, metavar="FILE", help="keep what is held over restarts in FILE")
    tail.add_argument("--count", type=int, metavar="N", help="end after N events")
    tail.add_argument("--json", action="store_true", help="print each event as it was published, one a line")


def run(arguments: argparse.Namespace) -> int:
    """Follow until interrupted, or until at least ``--count`` events were shown; return 0."""
    if arguments.action == "open-evidence":
        return evidence.run(arguments)
    if not 1 <= arguments.port <= 65_535:
        raise ConfigError(f"--port {arguments.port}: expected 1 to 65535")
    logging.basicConfig(format="%(levelname)s %(message)s")
    rules = Rules(Topics(arguments.site, arguments.terminal), arguments.consumer, not arguments.no_ack)
    screen = _Screen(arguments.count, as_json=arguments.json)
    console = Console(_mqtt(arguments), screen.show, rules=rules, state_file=arguments.state)
    console.start()
    try:
        # In short waits, so that the keyboard interrupts them.
        while not screen.done.wait(timeout=1.0):
            pass
    except KeyboardInterrupt:
        pass
    finally:
        console.stop(_STOP_S)
    if screen.gone is not None:
        raise screen.gone
    return 0


class _Screen:
    """Prints in the console's thread, so that nothing is acknowledged that was not shown."""

    def __init__(self, count: int | None, *, as_json: bool):
        self.done = threading.Event()
        self.gone: BrokenPipeError | None = None
        self._left = count
        self._as_json = as_json

    def show(self, seen: Seen) -> None:
        try:
            print(seen.event.body.decode() if self._as_json else line(seen), flush=True)
        except BrokenPipeError as exc:
            self.gone = exc
            self.done.set()
            raise LinkError("the reader of our output went away") from exc
        if self._left is not None:
            self._left -= 1
            if self._left <= 0:
                self.done.set()


def line(seen: Seen) -> str:
    """Return an event as one line for people: when, where, what, and why."""
    kind = kind_of(seen.members.get("type", ""))
    data = seen.members.get("data")
    what = data.get("what") if isinstance(data, Mapping) else None
    words = _words(what) if isinstance(what, Mapping) else ""
    where = f"{seen.topics.site}/{seen.topics.terminal}"
    text = f"{seen.members.get('time', '')}  {where}  {seen.event.sequence:>6}  {kind:<16}  {words}"
    # What a terminal says may not steer ours.
    return "".join(letter if letter.isprintable() else "?" for letter in text).rstrip()


def _words(what: Mapping[str, Any]) -> str:
    names = ("outcome", "state", "action", "reason", "cause")
    return " ".join(str(what[name]) for name in names if isinstance(what.get(name), (str, int)))


def _mqtt(arguments: argparse.Namespace) -> Mqtt:
    return Mqtt(
        host=arguments.host,
        port=arguments.port,
        protocol=Protocol(arguments.protocol),
        tls=Tls(arguments.ca) if arguments.ca else None,
        username=arguments.username,
        password_file=arguments.password_file,
    )
