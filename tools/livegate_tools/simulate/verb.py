"""The verb ``livegate simulate``: make labelled multi-sensor pictures with exact truth."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from livegate.errors import ConfigError

HELP = "render labelled pictures of living people and presentation attacks"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("what", nargs="?", choices=("samples", "visits"), default="samples",
                        help="single multi-sensor samples (default), or the short clips of the demo")  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write into")
    parser.add_argument("--seed", type=int, required=True, metavar="S", help="equal seeds give equal pictures")
    parser.add_argument("--count", type=int, default=1000, metavar="N", help="how many samples (default 1000)")
    parser.add_argument("--split", choices=("train", "dev", "test"), default="train", help="whose identities and rooms")
    parser.add_argument("--assets", type=Path, metavar="DIR", help="the makehuman_cc0 folder")
    parser.add_argument("--backgrounds", type=Path, metavar="DIR", help="the backgrounds folder")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), metavar="N", help="processes")


def run(arguments: argparse.Namespace) -> int:
    """Render what was asked for; return 0. Raise LivegateError where a folder is missing or wrong."""
    for option in ("assets", "backgrounds"):
        folder = getattr(arguments, option)
        if folder is None or not folder.is_dir():
            raise ConfigError(f"--{option} {folder or '(not given)'}: expected a folder; see livegate simulate --help")
    if arguments.count < 1 or arguments.jobs < 1:
        raise ConfigError("--count and --jobs must be at least 1")
    # The renderer compiles kernels on import; `livegate --help` should not wait for that.
    from livegate_tools.simulate.dataset import Job, write_dataset
    from livegate_tools.simulate.heads import HeadSimulator
    from livegate_tools.simulate.held_out import Split
    from livegate_tools.simulate.visits import write_visits

    simulator = HeadSimulator(arguments.assets, arguments.backgrounds)
    if arguments.what == "visits":
        size = write_visits(simulator, arguments.out, arguments.seed)
        print(f"{arguments.out}/visits.jsonl: written, {size / 1e6:.1f} MB in all")
        return 0
    job = Job(simulator, arguments.out, arguments.count, arguments.seed, Split(arguments.split))
    drawn = write_dataset(job, arguments.jobs)
    print(f"{arguments.out}/manifest.jsonl: {arguments.count} samples, {drawn} of them drawn now")
    return 0
