"""The command line of ``livegate train import``."""

from __future__ import annotations

import argparse

from livegate.errors import ConfigError
from livegate_tools.train.readers.shared.importer import BoxesFrom, Wanted


def add_import_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``import`` alone takes."""
    usual = Wanted()
    group = parser.add_argument_group("import")
    group.add_argument(
        "--every", type=int, default=usual.every, metavar="N", help=f"take every N-th frame (default {usual.every})"
    )
    group.add_argument(
        "--boxes",
        type=BoxesFrom,
        choices=list(BoxesFrom),
        default=usual.boxes,
        help="face boxes: the set's, the detector's, or the detector's where the set has none (both, default)",
    )
    group.add_argument("--protocol", metavar="NAME", help="take what this protocol of the set names")
    group.add_argument(
        "--dev-share",
        type=float,
        default=usual.dev_share,
        metavar="S",
        help=f"of the people to train with, keep S for dev where the set has no dev (default {usual.dev_share})",
    )
    group.add_argument(
        "--most", type=int, metavar="N", help="take at most N recordings (or pictures) a split, all people in turn"
    )


def wanted(arguments: argparse.Namespace) -> Wanted:
    """Return what the command line asks of a set; ConfigError names an option out of its bounds."""
    if arguments.every < 1:
        raise ConfigError(f"--every {arguments.every}: expected 1 or more")
    if not 0 <= arguments.dev_share < 1:
        raise ConfigError(f"--dev-share {arguments.dev_share}: expected at least 0 and less than 1")
    if arguments.most is not None and arguments.most < 1:
        raise ConfigError(f"--most {arguments.most}: expected 1 or more")
    return Wanted(arguments.every, arguments.boxes, arguments.protocol, arguments.dev_share, arguments.most)
