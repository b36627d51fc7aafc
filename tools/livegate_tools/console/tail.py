"""``livegate console tail``: follow what terminals report, prove that nothing is missing, and acknowledge it."""

from __future__ import annotations

import argparse
import logging
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from livegate.errors import ConfigError, LinkError
from livegate.events.cloudevents import kind_of
from livegate.report.topics import Topics
from livegate.trust.keys import SigningKey
from livegate_tools.console.centre import Rules, Seen
from livegate_tools.console.connecting import ALL, STOP_S, add_connection, in_options, mqtt_of, scope_of
from livegate_tools.console.console import Console
from livegate_tools.console.eventfile import EventFiles
from livegate_tools.console.listserving import ListFolder
from livegate_tools.console.receipts import Receipts

HELP = "show events as they arrive, prove and acknowledge them"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the action's options."""
    add_connection(parser)
    parser.add_argument("--site", default=ALL, help="one site (default all)")
    parser.add_argument("--terminal", default=ALL, help="one terminal (default all)")
    parser.add_argument("--consumer", default="console", metavar="NAME",
                        help="acknowledge as NAME; it must be the terminals' [mqtt] releasing_consumer")  # fmt: skip
    parser.add_argument("--no-ack", action="store_true", help="only look on: acknowledge nothing, ask for nothing")
    parser.add_argument("--out", type=Path, metavar="FILE",
                        help="append each event once to FILE, as it was published, before it is acknowledged, and show "
                             "none; in an existing folder, to a file for each stream of each terminal")  # fmt: skip
    parser.add_argument("--state", type=Path, metavar="FILE", help="keep what is held over restarts in FILE")
    parser.add_argument("--receipts", type=Path, metavar="FILE", help="countersign checkpoints into FILE, with --key")
    parser.add_argument("--key", type=Path, metavar="PEM", help="the private key that signs receipts")
    parser.add_argument("--serve", type=Path, action="append", default=[], metavar="DIR",
                        help="send the list in DIR to terminals that ask for it; may be given again")  # fmt: skip
    parser.add_argument("--count", type=int, metavar="N", help="end after N events")
    parser.add_argument("--json", action="store_true", help="print each event as it was published, one a line")


def run(arguments: argparse.Namespace) -> int:
    """Follow until interrupted, or until at least ``--count`` events were shown; return 0."""
    shown = logging.StreamHandler()
    shown.setFormatter(_InOptions("%(levelname)s %(message)s"))
    logging.basicConfig(handlers=[shown])
    rules = Rules(scope_of(arguments), arguments.consumer, not arguments.no_ack)
    screen = _Screen(arguments.count, as_json=arguments.json, files=_files(arguments))
    server = _Server(tuple(ListFolder.open(path) for path in arguments.serve))
    receipts = _receipts(arguments)
    console = Console(
        mqtt_of(arguments),
        screen.show,
        rules=rules,
        state_file=arguments.state,
        receipts=receipts,
        settle=screen.settle,
    )
    screen.begin(console)
    console.start()
    try:
        # In short waits, so that the keyboard interrupts them.
        while not screen.done.wait(timeout=1.0):
            server.offer(console)
    except KeyboardInterrupt:
        pass
    finally:
        console.stop(STOP_S)
        screen.end()
    if screen.gone is not None:
        raise screen.gone
    return 0


def _receipts(arguments: argparse.Namespace) -> Receipts | None:
    if (arguments.receipts is None) != (arguments.key is None):
        raise ConfigError("--receipts and --key go together; give both or neither")
    if arguments.receipts is None:
        return None
    if arguments.no_ack:
        raise ConfigError("--receipts: a console that only looks on holds nothing; leave out --no-ack")
    return Receipts(arguments.receipts, SigningKey.of_pem(arguments.key), arguments.consumer)


def _files(arguments: argparse.Namespace) -> EventFiles | None:
    if arguments.out is None:
        return None
    if arguments.no_ack:
        raise ConfigError("--out: a console that only looks on is not sent again what it missed; leave out --no-ack")
    return EventFiles(arguments.out)


class _InOptions(logging.Formatter):
    """Speaks of our options where the connection speaks of a terminal's settings."""

    def format(self, record: logging.LogRecord) -> str:
        return in_options(super().format(record))


class _Server:
    """Offers lists to every terminal, each once it is heard of."""

    def __init__(self, folders: tuple[ListFolder, ...]):
        self._folders = folders
        self._told: set[Topics] = set()

    def offer(self, console: Console) -> None:
        if not self._folders:
            return
        for topics in set(console.heard.statuses) - self._told:
            for folder in self._folders:
                console.offer_list(topics, folder)
            self._told.add(topics)


class _Screen:
    """Prints, or keeps in files, in the console's thread: nothing is acknowledged that was not shown or kept."""

    def __init__(self, count: int | None, *, as_json: bool, files: EventFiles | None = None):
        self.done = threading.Event()
        self.gone: BrokenPipeError | None = None
        self._left = count
        self._as_json = as_json
        self._files = files

    def begin(self, console: Console) -> None:
        """Compare what the files hold with what the console's state says is held."""
        if self._files is None:
            return
        for state in console.streams():
            source = f"urn:livegate:{state.topics.site}:{state.topics.terminal}"
            self._files.lacks(source, state.stream, state.through)

    def end(self) -> None:
        """Let go of the files."""
        if self._files is not None:
            self._files.close()

    def settle(self) -> None:
        """Return once what was shown is where it lasts."""
        if self._files is not None:
            self._files.settle()

    def show(self, seen: Seen) -> None:
        if self._files is not None:
            self._files.keep(seen)
        else:
            self._print(seen)
        if self._left is not None:
            self._left -= 1
            if self._left <= 0:
                self.done.set()

    def _print(self, seen: Seen) -> None:
        try:
            sys.stdout.write((seen.event.body.decode() if self._as_json else line(seen)) + "\n")
            sys.stdout.flush()
        except BrokenPipeError as exc:
            self.gone = exc
            self.done.set()
            raise LinkError("the reader of our output went away") from exc


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
    names = ("outcome", "state", "action", "verb", "reason", "cause")
    return " ".join(str(what[name]) for name in names if isinstance(what.get(name), (str, int)))
