"""``livegate console``: the reference console; one module an action."""

from __future__ import annotations

import argparse

from livegate_tools.console import command, evidence, keymaking, listmaking, pseudonym, push, tail

HELP = "the reference console: follow, verify and acknowledge what terminals report; keys, commands, lists"

_ACTIONS = {
    "tail": tail,
    "command": command,
    "push": push,
    "keys": keymaking,
    "list": listmaking,
    "pseudonym": pseudonym,
    "open-evidence": evidence,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, action in _ACTIONS.items():
        action.add_arguments(actions.add_parser(name, help=action.HELP, description=action.HELP))


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked; return the status."""
    status: int = _ACTIONS[arguments.action].run(arguments)
    return status
