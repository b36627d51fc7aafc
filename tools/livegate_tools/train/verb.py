"""``livegate train``: learn the face network, or with ``cue NAME`` the scorer of one cue, from labelled captures.

Both write a folder as models/ holds it: the model, its manifest and its card.
"""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

from livegate.errors import ConfigError, LivegateError

HELP = "train the face network, or the scorer of a cue, on captures you hold a licence for"
_NEEDED = ("torch", "onnx")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("what", nargs="*", metavar="cue NAME", help="a cue's scorer instead of the face network")
    parser.add_argument("--config", type=Path, metavar="FILE", help="the network's recipe: configs/train-face.toml")
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder with the captured sets, for the network")
    parser.add_argument(
        "--simulated", type=Path, nargs="+", default=[], metavar="DIR", help="folders with a manifest.jsonl each"
    )
    parser.add_argument(
        "--dev", type=Path, nargs="+", default=[], metavar="DIR", help="the same to calibrate a cue's scorer on"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="checkpoint, cache and the finished model go here"
    )
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    start.add_argument("--start-from", type=Path, metavar="FILE", help="begin with the weights of this checkpoint")
    parser.add_argument(
        "--export-only", action="store_true", help="write the model from the checkpoint as it is, without training"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the verb; LivegateError names the extra where PyTorch or scikit-learn is missing."""
    if arguments.what:
        return _train_cue(arguments)
    if arguments.config is None or arguments.data is None:
        raise ConfigError("train: the face network needs --config FILE and --data DIR; a cue's scorer: train cue NAME")
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise LivegateError(
            f"train: needs the package{'s' if len(missing) > 1 else ''} {' and '.join(missing)}; "
            "install them with: pip install 'livegate[train]'"
        )
    from livegate_tools.train.session import Session

    session = Session.open(arguments.config, arguments.data, tuple(arguments.simulated), arguments.out)
    if not arguments.export_only:
        session.train(lambda line: print(line, flush=True), resume=arguments.resume, start_from=arguments.start_from)
    print(f"model written to {session.publish()}")
    return 0


def _train_cue(arguments: argparse.Namespace) -> int:
    if len(arguments.what) != 2 or arguments.what[0] != "cue":
        raise ConfigError(f"train {' '.join(arguments.what)}: expected nothing or: cue NAME")
    if not arguments.simulated or not arguments.dev:
        raise ConfigError(
            "train cue: needs captures to fit with --simulated DIR ... and others to calibrate with --dev DIR ..."
        )
    from livegate_tools.train.cue import train_cue

    fit, calibrate = (
        [folder / "manifest.jsonl" for folder in folders] for folders in (arguments.simulated, arguments.dev)
    )
    print(f"scorer written to {train_cue(arguments.what[1], fit, calibrate, arguments.out)}")
    return 0
