"""``livegate bench``: how quick and how large Livegate is on this machine."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2

from livegate import assets
from livegate.config import Detector, Precision, Runtime
from livegate.errors import ConfigError, LivegateError
from livegate.progress import Progress
from livegate_tools.bench.daemon_probe import Startup, measure_daemon
from livegate_tools.bench.machine import describe
from livegate_tools.bench.material import read_material
from livegate_tools.bench.report import BenchReport, as_json, table
from livegate_tools.bench.session import GROUPS, Bench
from livegate_tools.bench.timing import WARM_UP
from livegate_tools.evaluate.terminal import installed
from livegate_tools.lines import Lines, check_place

HELP = "time every stage, start-up and memory on this machine"

FRAMES = 300


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here, too")
    parser.add_argument("--peers", type=Path, metavar="DIR", help="folder of published models to compare with")
    parser.add_argument(
        "--frames", type=_frames, default=FRAMES, metavar="N", help=f"frames to time (default {FRAMES})"
    )
    parser.add_argument("--model", default=Detector().model, help="name of a model, or a folder with a manifest.toml")
    parser.add_argument(
        "--runtime",
        type=_runtime,
        choices=[runtime for runtime in Runtime if runtime is not Runtime.NONE],
        default=Detector().runtime,
        help="what runs it; without a network is a variant of its own, `fallback`",
    )
    parser.add_argument(
        "--precision",
        type=Precision,
        choices=list(Precision),
        default=Detector().precision,
        help="which of its files: 32-bit floats or 8-bit integers",
    )
    parser.add_argument(
        "--state-dir", type=Path, metavar="DIR", help="a terminal's state_dir: time the models installed there, too"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the verb; 1 when the daemon could not be measured, whose figures are then null."""
    _check(arguments)
    cv2.setNumThreads(1)
    material = read_material(assets.visits())
    with TemporaryDirectory(dir=_disk(), prefix="livegate-bench-") as folder:
        scratch = Path(folder)
        machine = describe(scratch)
        detector = Detector(arguments.model, arguments.runtime, arguments.precision)
        bench = Bench(detector, scratch, arguments.frames, arguments.peers, installed(arguments.state_dir))
        with Progress("bench", GROUPS * (WARM_UP + arguments.frames)) as progress:
            figures = bench.measure(material, progress.advance)
        startup, fallback = _startup(scratch), _startup(scratch, fallback=True)
    report = BenchReport(machine, 1, startup, figures, fallback)
    if arguments.json:
        with Lines(arguments.json) as out:
            out.write(json.dumps(as_json(report), indent=1, allow_nan=False))
    print(table(report))
    return 0 if startup and fallback else 1


def _startup(scratch: Path, *, fallback: bool = False) -> Startup | None:
    try:
        return measure_daemon(assets.config("demo"), scratch, fallback=fallback)
    except LivegateError as exc:
        which = "daemon without a network" if fallback else "daemon"
        print(f"livegate bench: the {which} was not measured: {exc}", file=sys.stderr)
        return None


def _check(arguments: argparse.Namespace) -> None:
    """Refuse before the work what would fail after it."""
    if arguments.json:
        check_place(arguments.json, "--json")
    if arguments.peers and not arguments.peers.is_dir():
        raise ConfigError(f"{arguments.peers}: is no folder; give --peers the folder with the peer models")


def _disk() -> Path:
    """Return a folder of the user's on a disk: a commit to /tmp in memory would cost nothing."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "livegate"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise LivegateError(
            f"{folder}: cannot be made ({exc.strerror}); set XDG_CACHE_HOME to a folder on a disk"
        ) from exc
    return folder


def _runtime(text: str) -> Runtime:
    if text not in list(Runtime) or text == Runtime.NONE:
        known = ", ".join(runtime for runtime in Runtime if runtime is not Runtime.NONE)
        raise argparse.ArgumentTypeError(
            f"'{text}' runs no network; known are {known} (`fallback` is always timed, too)"
        )
    return Runtime(text)


def _frames(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1_000_000:
        raise argparse.ArgumentTypeError(f"expected a number of frames from 1 to 1000000, found '{text}'")
    return int(text)
