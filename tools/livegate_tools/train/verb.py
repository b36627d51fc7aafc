"""``livegate train``: learn the face network from labelled pictures and write the model with its manifest and card."""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

from livegate.errors import LivegateError

HELP = "train the face network on pictures you hold a licence for"
_NEEDED = ("torch", "onnx")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument(
        "--config", type=Path, required=True, metavar="FILE", help="the recipe: configs/train-face.toml"
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder with the captured sets")
    parser.add_argument(
        "--simulated", type=Path, nargs="+", default=[], metavar="DIR", help="folders with a manifest.jsonl each"
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
    """Run the verb; LivegateError names the extra where PyTorch is missing."""
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
