"""``livegate check``: would this terminal work here? Changes nothing."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import logging
from collections.abc import Iterator
from pathlib import Path

from livegate.checks.finding import Finding
from livegate.checks.terminal import findings
from livegate.configfile import load
from livegate.errors import ConfigError

HELP = "validate a configuration, its drivers, model, clock and disk on this machine"

_SIGNS = {True: "ok", False: "NOT OK", None: "warning"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--config", type=Path, required=True, metavar="FILE")
    parser.add_argument("--no-cameras", dest="cameras", action="store_false", help="leave the cameras alone")
    parser.add_argument("--json", action="store_true", help="machine-readable")


def run(arguments: argparse.Namespace) -> int:
    """Print what was found; status 0 when nothing is wrong, 1 when something is."""
    found: list[Finding] = []
    with _no_log():
        for finding in _all(arguments.config, cameras=arguments.cameras):
            found.append(finding)
            if not arguments.json:
                print(f"{_SIGNS[finding.ok]:<8} {finding.check}: {finding.text}")
    ok = all(finding.ok is not False for finding in found)
    if arguments.json:
        print(json.dumps({"ok": ok, "findings": [dataclasses.asdict(finding) for finding in found]}, indent=2))
    return 0 if ok else 1


@contextlib.contextmanager
def _no_log() -> Iterator[None]:
    """Keep warnings of the log from between the findings, which say the same: without a handler Python prints them."""
    handler = logging.NullHandler()
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)


def _all(path: Path, *, cameras: bool) -> Iterator[Finding]:
    try:
        config = load(path)
    except ConfigError as exc:
        if isinstance(exc.__cause__, OSError):
            # No file to check: a slip on the command line.
            raise
        yield Finding("configuration", ok=False, text=str(exc))
        return
    yield Finding("configuration", ok=True, text=f"{path}: version {config.version[:12]}")
    yield from findings(config, cameras=cameras)
