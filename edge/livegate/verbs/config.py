"""``livegate config``: what a configuration holds, what it may hold, whether one is right."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

from livegate.configfile import load, schema

HELP = "show, describe or validate a configuration"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, text in (("show", "print it with every default filled in"), ("validate", "say whether it is right")):
        action = actions.add_parser(name, help=text)
        action.add_argument("--config", type=Path, required=True, metavar="FILE")
        action.add_argument("--json", action="store_true", help="machine-readable")
    actions.add_parser("schema", help="print the JSON schema of configuration files")


def run(arguments: argparse.Namespace) -> int:
    """Print what was asked for; a configuration that is wrong ends in status 2 with a sentence."""
    if arguments.action == "schema":
        print(json.dumps(schema(), indent=2))
        return 0
    config = load(arguments.config)
    if arguments.action == "validate":
        print(json.dumps({"ok": True, "version": config.version}) if arguments.json else f"{config.path}: ok")
        return 0
    values = dataclasses.asdict(config)
    print(json.dumps(values, indent=2, default=str) if arguments.json else "\n".join(_lines(values)))
    return 0


def _lines(value: Any, name: str = "") -> list[str]:
    """Return ``value`` as one line a key: ``gate.limit.1.max = 3``."""
    if isinstance(value, dict):
        return [line for key, inner in value.items() for line in _lines(inner, f"{name}.{key}".lstrip("."))]
    if isinstance(value, (list, tuple)):
        return [line for number, inner in enumerate(value, 1) for line in _lines(inner, f"{name}.{number}")]
    return [f"{name} = {json.dumps(value, default=str)}"]
