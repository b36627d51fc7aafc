"""The command ``livegate``: find the verb that is asked for, run it, and turn what ends it into a status.

Only that verb is imported, so that ``livegate run`` never loads a simulator; the help alone imports all of them.
"""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from livegate import __version__
from livegate.errors import ConfigError, LivegateError
from livegate.output import checked_output
from livegate.terminal_text import printable

if TYPE_CHECKING:
    from livegate.known_verbs import Verb

OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
_DEBUG = "--debug"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its status: 0 done, 1 failed, 2 usage or configuration, 130 interrupted."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    # Read when NumPy is first imported: its matrix products must not take the cores that the cameras' threads need.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        return _status(given)
    except KeyboardInterrupt:
        return INTERRUPTED


def _status(given: list[str]) -> int:
    # Wherever it stands, after the verb of a verb too.
    words = [word for word in given if word != _DEBUG]
    name = next((word for word in words if not word.startswith("-")), None)
    try:
        with checked_output():
            return _run(words, name)
    except LivegateError as exc:
        if _DEBUG in given:
            raise
        print(f"livegate{f' {name}' if name else ''}: {printable(str(exc))}", file=sys.stderr)
        return USAGE if isinstance(exc, ConfigError) else FAILED
    except BrokenPipeError:
        # The reader of our output went away (`| head`): nothing is left to say.
        return FAILED


def _run(words: list[str], name: str | None) -> int:
    # Most of the time this module takes to import; here an interrupt is a status already.
    from livegate.known_verbs import known_verbs

    verbs = known_verbs()
    parser = argparse.ArgumentParser(prog="livegate", description="Face access terminal: live or attack, decided here.")
    parser.add_argument("--version", action="version", version=f"livegate {__version__}")
    _add_debug(parser)
    commands = parser.add_subparsers(metavar="VERB", title="verbs", prog="livegate")
    if name is not None:
        verb = _asked(name, verbs)
        module = verb.load()
        command = commands.add_parser(name, description=module.HELP)
        _add_debug(command)
        module.add_arguments(command)
        return int(module.run(parser.parse_args(words)))
    if "--version" not in words:
        for verb in verbs.values():
            commands.add_parser(verb.name, help=_help(verb))
    parser.parse_args(words)
    parser.print_help()
    return USAGE


def _asked(name: str, verbs: dict[str, Verb]) -> Verb:
    if name in verbs:
        return verbs[name]
    near = difflib.get_close_matches(name, verbs, 1)
    meant = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(verbs)}."
    raise ConfigError(f"is no verb; {meant} See livegate --help")


def _help(verb: Verb) -> str:
    """Return the verb's line of help; one that cannot be loaded must not hide the others."""
    try:
        return str(verb.load().HELP).replace("%", "%%")
    except LivegateError as exc:
        return f"[not usable: {exc}]".replace("%", "%%")


def _add_debug(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(_DEBUG, action="store_true", help="show the traceback of an error")


if __name__ == "__main__":
    sys.exit(main())
