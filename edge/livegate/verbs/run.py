"""``livegate run``: the daemon."""

from __future__ import annotations

import argparse
import gc
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from livegate.logs import LogFormat, log_strays, start_logging

HELP = "run the terminal"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the terminal's configuration")
    parser.add_argument("--log-format", type=LogFormat, choices=list(LogFormat), default=LogFormat.TEXT)
    parser.add_argument("--log-level", choices=["DEBUG", "INFO", "WARNING", "ERROR"], default="INFO")


def run(arguments: argparse.Namespace) -> int:
    """Run until SIGTERM or SIGINT; status 0 after an orderly end."""
    start_logging(arguments.log_format, arguments.log_level)
    log_strays()
    with ExitStack() as opened:
        with _nothing_collected():
            # The rooms are most of a start: they are imported here.
            from livegate.configfile import load
            from livegate.daemon import Daemon

            config = load(arguments.config)
            stop = threading.Event()
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: stop.set())
            daemon = opened.enter_context(Daemon(config))
        daemon.run(stop)
    return 0


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """Look for no garbage meanwhile, and never again among what is there at the end: what a start makes, stays.

    Looking through it again and again is a twelfth of a start.
    """
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()
