"""``livegate events``: what this terminal recorded, from its own store: to be read, taken away and proved."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import select
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from livegate.audit.proving import read_receipts, verify_file, verify_store
from livegate.audit.telling import as_json, as_lines
from livegate.configfile import load
from livegate.errors import ConfigError
from livegate.events.cloudevents import MAX_SEQUENCE, StoredEvent, kind_of
from livegate.store import StoreReader
from livegate.store.export import export
from livegate.store.whole import whole_stream
from livegate.terminal_text import printable
from livegate.types import Step

HELP = "show, export and verify recorded events"
_POLL_S = 0.2
_PAGE = 500
_MAX_EVENTS = 1_000_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    shown = actions.add_parser("list", help="print the newest events, oldest first")
    told = "print the newest events, then each new one as it is recorded, until it is interrupted or its reader is gone"
    followed = actions.add_parser("tail", help=told, description=f"{told[0].upper()}{told[1:]}.")
    for action, limit in ((shown, 20), (followed, 5)):
        add_store_arguments(action)
        action.add_argument("--limit", type=int, default=limit, metavar="N", help=f"how many (default {limit})")
        action.add_argument("--kind", metavar="KIND", help='only events of this kind, such as "access.attempt"')
    shown.add_argument("--after", type=int, metavar="SEQUENCE", help="the oldest ones after SEQUENCE instead")
    _add_export(actions.add_parser("export", help="write events to a file, byte for byte as they are stored"))
    _add_verify(
        actions.add_parser(
            "verify",
            help="prove that nothing is missing or altered; status 1 if something is; 0 may be UNPROVEN, which is said",
        )
    )


def _add_export(parser: argparse.ArgumentParser) -> None:
    add_store_arguments(parser)
    parser.add_argument("--after", type=int, default=0, metavar="SEQUENCE", help="only what follows SEQUENCE")
    parser.add_argument("--through", type=int, default=MAX_SEQUENCE, metavar="SEQUENCE", help="only up to SEQUENCE")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="a new file, one event a line")


def _add_verify(parser: argparse.ArgumentParser) -> None:
    where = add_store_arguments(parser)
    where.add_argument(
        "--file", type=Path, metavar="EXPORT", help="a file that `events export` or a console wrote, or several joined"
    )
    parser.add_argument(
        "--device-key",
        action="append",
        default=[],
        metavar="KEY",
        help="the terminal's public key, a PEM file or base64, from a place you trust; again for another one",
    )
    parser.add_argument("--receipts", type=Path, metavar="FILE", help="the console's receipts, against a cut-off end")
    parser.add_argument("--console-key", metavar="KEY", help="the console's public key, a PEM file or base64")


def add_store_arguments(parser: argparse.ArgumentParser, *, required: bool = True) -> argparse._MutuallyExclusiveGroup:
    """Declare how a store is named: by the terminal's configuration or by its folder; return the group of the two."""
    where = parser.add_mutually_exclusive_group(required=required)
    where.add_argument("--config", type=Path, metavar="FILE", help="the terminal's configuration")
    where.add_argument("--state-dir", type=Path, metavar="DIR", help="the folder its store lies in")
    parser.add_argument("--json", action="store_true", help="machine-readable")
    return where


def state_dir(arguments: argparse.Namespace) -> Path:
    """Return the folder of the store that ``arguments`` name."""
    folder: Path = arguments.state_dir or load(arguments.config).terminal.state_dir
    return folder


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked; ``verify`` ends with 1 where something is wrong.

    ``tail`` goes on until it is interrupted, and ends with 0 once nobody reads its output any more.
    """
    if arguments.action == "export":
        return _export(arguments)
    if arguments.action == "verify":
        return _verify(arguments)
    return _show(arguments)


def _show(arguments: argparse.Namespace) -> int:
    if not 0 <= arguments.limit <= _MAX_EVENTS:
        raise ConfigError(f"--limit {arguments.limit}: expected 0 to {_MAX_EVENTS}")
    if arguments.action == "list" and not 0 <= (arguments.after or 0) <= MAX_SEQUENCE:
        raise ConfigError(f"--after {arguments.after}: expected 0 to {MAX_SEQUENCE}")
    with StoreReader(state_dir(arguments)) as store:
        if arguments.action == "tail":
            with contextlib.suppress(BrokenPipeError):
                _tail(store, arguments)
            return 0
        if arguments.after is None:
            _tell(store.newest(arguments.limit, arguments.kind), as_json=arguments.json)
        else:
            _list(store, arguments)
    return 0


def _export(arguments: argparse.Namespace) -> int:
    if not 0 <= arguments.after <= arguments.through <= MAX_SEQUENCE:
        raise ConfigError(
            f"--after {arguments.after} --through {arguments.through}: expected 0 to {MAX_SEQUENCE}, rising"
        )
    with whole_stream(state_dir(arguments)) as whole:
        done = export(whole, arguments.after, arguments.through, arguments.out)
    if arguments.json:
        sys.stdout.write(json.dumps(asdict(done)) + "\n")
    else:
        sys.stdout.write(
            f"{done.events} events of stream {done.stream}, {done.first} to {done.last}: {arguments.out}\n"
        )
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    if arguments.console_key is not None and arguments.receipts is None:
        raise ConfigError("--console-key: is for --receipts, which is not given")
    pinned = arguments.console_key is not None
    receipts = None if arguments.receipts is None else read_receipts(arguments.receipts, arguments.console_key)
    if arguments.file is not None:
        report = verify_file(arguments.file, arguments.device_key, receipts, receipts_pinned=pinned)
    else:
        report = verify_store(state_dir(arguments), arguments.device_key, receipts, receipts_pinned=pinned)
    if arguments.json:
        sys.stdout.write(json.dumps(as_json(report)) + "\n")
    else:
        sys.stdout.writelines(printable(text) + "\n" for text in as_lines(report))
    return 0 if report.ok else 1


def _list(store: StoreReader, arguments: argparse.Namespace) -> None:
    after, left = arguments.after, arguments.limit
    while left > 0 and (page := store.events(after, min(left, _PAGE), arguments.kind)):
        _tell(page, as_json=arguments.json)
        after, left = page[-1].sequence, left - len(page)


def _tail(store: StoreReader, arguments: argparse.Namespace) -> None:
    after = store.last().sequence
    _tell(store.newest(arguments.limit, arguments.kind), as_json=arguments.json)
    while True:
        page = [event for event in store.events(after, _PAGE, arguments.kind) if event.sequence > after]
        _tell(page, as_json=arguments.json)
        after = page[-1].sequence if page else after
        if len(page) < _PAGE and _reader_gone_within(_POLL_S):
            return


def _reader_gone_within(seconds: float) -> bool:
    """Wait, and return whether whoever reads our output has gone: a pipe would tell only when the next event comes."""
    try:
        output = sys.stdout.fileno()
    except io.UnsupportedOperation:
        time.sleep(seconds)
        return False
    poll = select.poll()
    poll.register(output, 0)
    return bool(poll.poll(seconds * 1e3))


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
    step = data["environment"].get("step")
    if kind == "access.attempt" and step not in (None, Step.ALL):
        words.append(f"step {step}")
    if credential is not None:
        words.append(f"{data['who']['credential_kind']} {credential}")
    if (severity := event.get("severity", "info")) != "info":
        words.append(f"[{severity}]")
    return printable("  ".join(words))


def _summary(kind: str, what: dict[str, Any]) -> str:
    if kind == "access.attempt":
        rule = what["policy"]["matched_rule"]
        return f"{what['outcome']}: {what['reason']}" + (f" ({rule})" if rule else "")
    if kind == "gap":
        return f"{what['from']} to {what['to']} dropped: {what['reason']}"
    if kind == "chain.checkpoint":
        return f"signed up to {what['through']} by key {what['keyid']}"
    if kind == "model.activated":
        version = what["model"]["version"] if what["model"] else ""
        return " ".join([what["action"], what["name"], version, what["reason"] or ""]).rstrip()
    plain = {key: value for key, value in what.items() if isinstance(value, (str, int)) and value != ""}
    if what.get("faults"):
        plain["faults"] = ",".join(what["faults"])
    return " ".join(f"{key}={value}" for key, value in plain.items() if not key.startswith("onvif_"))
