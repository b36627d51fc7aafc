"""``livegate config``: what a configuration holds, what it may hold, whether one is right."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from livegate.configfile import as_table, load, schema
from livegate.secret_options import without_secrets
from livegate.toml_text import toml_lines

HELP = "show or validate a configuration, or print the schema of one"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, text in (
        ("show", "print it with every default filled in, without secrets"),
        ("validate", "say whether it is right"),
    ):
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
    table = as_table(without_secrets(config))
    print(json.dumps(table, indent=2, default=str) if arguments.json else "\n".join(toml_lines(table)).lstrip())
    return 0
