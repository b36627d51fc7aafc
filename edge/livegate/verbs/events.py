"""``livegate events``: what this terminal recorded, from its own store."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from livegate.configfile import load
from livegate.errors import ConfigError
from livegate.events.cloudevents import MAX_SEQUENCE, StoredEvent, kind_of
from livegate.store import StoreReader
from livegate.terminal_text import printable

HELP = "show recorded events"
_POLL_S = 0.2
_PAGE = 500
_MAX_EVENTS = 1_000_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    shown = actions.add_parser("list", help="print the newest events, oldest first")
    followed = actions.add_parser("tail", help="print the newest events, then each new one as it is recorded")
    for action, limit in ((shown, 20), (followed, 5)):
        add_store_arguments(action)
        action.add_argument("--limit", type=int, default=limit, metavar="N", help=f"how many (default {limit})")
        action.add_argument("--kind", metavar="KIND", help='only events of this kind, such as "access.attempt"')
    shown.add_argument("--after", type=int, metavar="SEQUENCE", help="the oldest ones after SEQUENCE instead")


def add_store_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare how a store is named: by the terminal's configuration or by its folder."""
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--config", type=Path, metavar="FILE", help="the terminal's configuration")
    where.add_argument("--state-dir", type=Path, metavar="DIR", help="the folder its store lies in")
    parser.add_argument("--json", action="store_true", help="machine-readable")


def state_dir(arguments: argparse.Namespace) -> Path:
    """Return the folder of the store that ``arguments`` name."""
    folder: Path = arguments.state_dir or load(arguments.config).terminal.state_dir
    return folder


def run(arguments: argparse.Namespace) -> int:
    """Print events; ``tail`` goes on until it is interrupted."""
    if not 0 <= arguments.limit <= _MAX_EVENTS:
        raise ConfigError(f"--limit {arguments.limit}: expected 0 to {_MAX_EVENTS}")
    if arguments.action == "list" and not 0 <= (arguments.after or 0) <= MAX_SEQUENCE:
        raise ConfigError(f"--after {arguments.after}: expected 0 to {MAX_SEQUENCE}")
    with StoreReader(state_dir(arguments)) as store:
        if arguments.action == "tail":
            return _tail(store, arguments)
        if arguments.after is None:
            _tell(store.newest(arguments.limit, arguments.kind), as_json=arguments.json)
        else:
            _list(store, arguments)
    return 0


def _list(store: StoreReader, arguments: argparse.Namespace) -> None:
    after, left = arguments.after, arguments.limit
    while left > 0 and (page := store.events(after, min(left, _PAGE), arguments.kind)):
        _tell(page, as_json=arguments.json)
        after, left = page[-1].sequence, left - len(page)


def _tail(store: StoreReader, arguments: argparse.Namespace) -> int:
    after = store.last().sequence
    _tell(store.newest(arguments.limit, arguments.kind), as_json=arguments.json)
    while True:
        page = [event for event in store.events(after, _PAGE, arguments.kind) if event.sequence > after]
        _tell(page, as_json=arguments.json)
        after = page[-1].sequence if page else after
        if len(page) < _PAGE:
            time.sleep(_POLL_S)


def _tell(events: list[StoredEvent], *, as_json: bool) -> None:
    for event in events:
        sys.stdout.write((event.body.decode() if as_json else line(json.loads(event.body))) + "\n")
    # A reader of the pipe wants each line when it is true.
    sys.stdout.flush()


def line(event: dict[str, Any]) -> str:
    """Return an event as one line for people."""
    kind = kind_of(event["type"])
    data = event["data"]
    credential = data["who"]["credential"]
    words = [event["sequence"], event["time"], f"{kind:<18}", _summary(kind, data["what"])]
    if credential is not None:
        words.append(f"{data['who']['credential_kind']} {credential}")
    return printable("  ".join(words))


def _summary(kind: str, what: dict[str, Any]) -> str:
    if kind == "access.attempt":
        rule = what["policy"]["matched_rule"]
        return f"{what['outcome']}: {what['reason']}" + (f" ({rule})" if rule else "")
    if kind == "gap":
        return f"{what['from']} to {what['to']} dropped: {what['reason']}"
    plain = [f"{key}={value}" for key, value in what.items() if isinstance(value, (str, int)) and value != ""]
    return " ".join(word for word in plain if not word.startswith("onvif_"))
