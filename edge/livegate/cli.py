"""The command ``livegate``: verbs of the terminal lie in ``livegate.verbs``, those of the tools join by entry point.

A verb is a module with ``HELP`` (one line), ``add_arguments(parser)`` and ``run(arguments) -> status``. It is imported
only when it is asked for, so that ``livegate run`` never loads a simulator.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import pkgutil
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from types import ModuleType

import livegate.verbs
from livegate import __version__
from livegate.errors import ConfigError, LivegateError

GROUP = "livegate.verbs"
OK, FAILED, USAGE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its status: 0 done, 1 failed, 2 usage or configuration."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    verbs = _verbs()
    parser = _parser(verbs, given)
    parsed = parser.parse_args(given)
    if parsed.verb is None:
        parser.print_help()
        return USAGE
    try:
        return int(verbs[parsed.verb]().run(parsed))
    except LivegateError as exc:
        if parsed.debug:
            raise
        print(f"livegate {parsed.verb}: {exc}", file=sys.stderr)
        return USAGE if isinstance(exc, ConfigError) else FAILED
    except BrokenPipeError:
        # The reader of our output went away (`| head`); nothing is left to say, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        return 130


def _verbs() -> dict[str, Callable[[], ModuleType]]:
    """Return how to import each verb, by name."""
    own = {
        module.name.removesuffix("_"): (lambda name=module.name: importlib.import_module(f"livegate.verbs.{name}"))
        for module in pkgutil.iter_modules(livegate.verbs.__path__)
    }
    joined = {point.name: point.load for point in entry_points(group=GROUP)}
    return {name: (own | joined)[name] for name in sorted(own | joined)}


def _parser(verbs: dict[str, Callable[[], ModuleType]], given: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser; only the verb asked for is imported, or all of them for the help."""
    parser = argparse.ArgumentParser(prog="livegate", description="Face access terminal: live or attack, decided here.")
    parser.add_argument("--version", action="version", version=f"livegate {__version__}")
    parser.set_defaults(verb=None)
    commands = parser.add_subparsers(metavar="VERB", title="verbs")
    asked = next((word for word in given if word in verbs), None)
    for name, load in verbs.items():
        if asked is not None and name != asked:
            commands.add_parser(name)
            continue
        module = load()
        command = commands.add_parser(name, help=module.HELP, description=module.HELP)
        command.add_argument("--debug", action="store_true", help="show the traceback of an error")
        module.add_arguments(command)
        command.set_defaults(verb=name)
    return parser


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main())
