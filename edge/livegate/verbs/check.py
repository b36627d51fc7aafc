"""``livegate check``: would this terminal work here? Changes nothing."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

from livegate.checks import Finding, findings
from livegate.configfile import load

HELP = "validate a configuration, its drivers, model, clock and disk on this machine"

_SIGNS = {True: "ok", False: "NOT OK", None: "warning"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--config", type=Path, required=True, metavar="FILE")
    parser.add_argument("--json", action="store_true", help="machine-readable")


def run(arguments: argparse.Namespace) -> int:
    """Print what was found; status 0 when nothing is wrong, 1 when something is."""
    config = load(arguments.config)
    found: list[Finding] = []
    for finding in findings(config):
        found.append(finding)
        if not arguments.json:
            print(f"{_SIGNS[finding.ok]:<8} {finding.check}: {finding.text}")
    ok = all(finding.ok is not False for finding in found)
    if arguments.json:
        print(json.dumps({"ok": ok, "findings": [dataclasses.asdict(finding) for finding in found]}, indent=2))
    return 0 if ok else 1
