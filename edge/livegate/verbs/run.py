"""``livegate run``: the daemon."""

from __future__ import annotations

import argparse
import signal
import threading
from pathlib import Path

from livegate.configfile import load
from livegate.daemon import Daemon
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
    config = load(arguments.config)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with Daemon(config) as daemon:
        daemon.run(stop)
    return 0
