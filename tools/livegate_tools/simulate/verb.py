"""The verb ``livegate simulate``: make labelled pictures with exact truth."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from livegate.errors import ConfigError

if TYPE_CHECKING:
    from livegate_tools.simulate.dataset import Simulator

_SPECIES = {"print_flat", "print_bent", "replay_phone", "replay_tablet", "cutout_mask", "screens"}

HELP = "render labelled pictures of living people and presentation attacks"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("what", nargs="?", choices=("samples", "visits"), default="samples",
                        help="single samples (default), or the short clips of the demo")  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write into")
    parser.add_argument("--seed", type=int, required=True, metavar="S", help="equal seeds give equal pictures")
    parser.add_argument("--count", type=int, default=1000, metavar="N", help="how many samples (default 1000)")
    parser.add_argument("--split", choices=("train", "dev", "test"), default="train", help="whose identities and rooms")
    parser.add_argument(
        "--assets", type=Path, metavar="DIR", help="the makehuman_cc0 folder: rendered heads, 3 sensors"
    )
    parser.add_argument("--backgrounds", type=Path, metavar="DIR", help="the backgrounds folder, with --assets")
    parser.add_argument("--pictures", type=Path, metavar="DIR",
                        help="a data folder of portraits and backgrounds: colour pictures of photographed people, "
                        "in place of --assets and --backgrounds")  # fmt: skip
    parser.add_argument("--lifted", action="store_true", help="with --pictures: near infrared and depth besides "
                        "colour, people lifted off their photographs")  # fmt: skip
    parser.add_argument("--alive-share", type=float, metavar="P", help="share of living people, 0 to 1 "
                        "(default: the simulator's own), in a fixed order")  # fmt: skip
    parser.add_argument("--species", type=_species, default=(), metavar="NAME,...", help="only these attacks, all as "
                        "often; 'screens' stands for any of the replay_ ones (default: all)")  # fmt: skip
    parser.add_argument("--least-face-px", type=float, default=0.0, metavar="PX", help="with --lifted: no face "
                        "narrower than this, as of people who stand before a terminal (default 0)")  # fmt: skip
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), metavar="N", help="processes")


def run(arguments: argparse.Namespace) -> int:
    """Render what was asked for; return 0. Raise LivegateError where a folder is missing or wrong."""
    _check(arguments)
    # The renderer compiles kernels on import; `livegate --help` should not wait for that.
    from livegate_tools.simulate.dataset import Job, write_dataset
    from livegate_tools.simulate.held_out import Split
    from livegate_tools.simulate.mixture import Mixture

    if arguments.what == "visits":
        return _visits(arguments)
    job = Job(_simulator(arguments), arguments.out, arguments.count, arguments.seed, Split(arguments.split),
              Mixture(arguments.alive_share, arguments.species, arguments.least_face_px))  # fmt: skip
    drawn = write_dataset(job, arguments.jobs)
    print(f"{arguments.out}/manifest.jsonl: {arguments.count} samples, {drawn} of them drawn now")
    return 0


def _check(arguments: argparse.Namespace) -> None:
    needed = ("assets", "backgrounds") if arguments.pictures is None else ("pictures",)
    for option in needed:
        folder = getattr(arguments, option)
        if folder is None or not folder.is_dir():
            raise ConfigError(f"--{option} {folder or '(not given)'}: expected a folder; see livegate simulate --help")
    if arguments.pictures is not None and (arguments.assets or arguments.backgrounds or arguments.what == "visits"):
        raise ConfigError(
            "--pictures: goes without --assets, --backgrounds and visits; run the two one after the other"
        )
    if arguments.lifted and arguments.pictures is None:
        raise ConfigError("--lifted: goes with --pictures DIR, whose portraits it lifts")
    if arguments.alive_share is not None and not 0 <= arguments.alive_share <= 1:
        raise ConfigError(f"--alive-share {arguments.alive_share}: expected a share from 0 to 1")
    _check_species(arguments)
    if arguments.count < 1 or arguments.jobs < 1 or arguments.seed < 0:
        raise ConfigError("--count and --jobs must be at least 1, --seed at least 0")


def _check_species(arguments: argparse.Namespace) -> None:
    known = _SPECIES | {"mask_3d" if arguments.pictures is None else "replay_monitor"}
    for name in arguments.species:
        if name not in known:
            raise ConfigError(f"--species {name}: this simulator draws {', '.join(sorted(known))}")


def _species(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _simulator(arguments: argparse.Namespace) -> Simulator:
    if arguments.lifted:
        from livegate_tools.simulate.lifted import LiftedSimulator

        return LiftedSimulator(arguments.pictures)
    if arguments.pictures is not None:
        from livegate_tools.simulate.picture_frames import PictureSimulator

        return PictureSimulator(arguments.pictures)
    from livegate_tools.simulate.heads import HeadSimulator

    return HeadSimulator(arguments.assets, arguments.backgrounds)


def _visits(arguments: argparse.Namespace) -> int:
    from livegate_tools.simulate.heads import HeadSimulator
    from livegate_tools.simulate.visits import write_visits

    size = write_visits(HeadSimulator(arguments.assets, arguments.backgrounds), arguments.out, arguments.seed)
    print(f"{arguments.out}/visits.jsonl: written, {size / 1e6:.1f} MB in all")
    return 0
