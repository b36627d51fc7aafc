"""``livegate train``: learn the face network, the scorer of a cue, or the thresholds of cues that speak together.

Each writes a folder as models/ holds it: the model, its manifest and its card. ``livegate train import`` writes a
manifest instead, from the folder of a licensed set.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from livegate.errors import ConfigError, LivegateError
from livegate.terminal_text import printable
from livegate_tools.train.options import refuse_unread
from livegate_tools.train.readers.shared.options import add_import_arguments, wanted

if TYPE_CHECKING:
    from livegate_tools.train.session import Session

HELP = "train the face network, or the scorer of a cue, on captures you hold a licence for"
_NEEDED = ("torch", "onnx")
_LACKING = {
    "cue": "a cue's name, captures to fit, --train (or --simulated) DIR ..., and others to calibrate, --dev DIR ...",
    "fusion": "captures to fix thresholds on, --dev DIR ...",
    "ablation": "captures that no cue has learnt from, --dev DIR ...",
    "quality": "pictures of people with landmarks, --data DIR",
    "finder": "pictures with faces, --faces FILE ..., without, --negatives DIR ..., and others, --dev FILE ...",
    "teach": "--teachers DIR, pictures, --data DIR or --simulated DIR ..., and --out FILE",
    "convert": "the folder of one model, convert DIR, and --out DIR",
    "import": "a set and its folder, import SET FOLDER, and --out DIR",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument(
        "what",
        nargs="*",
        metavar="WHAT",
        help="crop: a crop classifier; convert DIR: a model to TensorFlow Lite and 8 bits; cue NAME: a cue's scorer; "
        "fusion: thresholds of all cues together; ablation: what each cue adds and costs; quality: limits of the "
        "quality gate; finder: the face finder; import SET FOLDER: a licensed set's folder into a manifest to train "
        "and evaluate with; teach: what published classifiers say of the training pictures; default: the face network",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="the network's recipe: configs/train-face.toml")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="checkpoint, cache and the finished model go here"
    )
    _add_pictures(parser)
    _add_finder_pictures(parser)
    _add_ways(parser)
    add_import_arguments(parser)


def _add_pictures(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder with the captured sets, for the network")
    parser.add_argument(
        "--simulated",
        "--train",
        type=Path,
        nargs="+",
        default=[],
        metavar="DIR",
        help="folders with a manifest.jsonl each; cue: or manifests, captured ones too",
    )
    parser.add_argument(
        "--dev",
        type=Path,
        nargs="+",
        default=[],
        metavar="DIR",
        help="the same to calibrate a cue's scorer on, or to fix thresholds",
    )
    parser.add_argument(
        "--calibration",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="convert: manifests of pictures trained on, which fix the steps of the 8-bit files; convert reads files, "
        "too, where --dev takes folders",
    )


def _add_finder_pictures(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--faces", type=Path, nargs="+", default=[], metavar="FILE", help="finder: manifests of pictures to learn from"
    )
    parser.add_argument(
        "--negatives", type=Path, nargs="+", default=[], metavar="DIR", help="finder: folders of pictures without faces"
    )
    parser.add_argument(
        "--report",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="finder: further manifests, neither learnt from nor used to fix the threshold, for the card's figures",
    )


def _add_ways(parser: argparse.ArgumentParser) -> None:
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    start.add_argument("--start-from", type=Path, metavar="FILE", help="begin with the weights of this checkpoint")
    parser.add_argument(
        "--export-only", action="store_true", help="write the model from the checkpoint as it is, without training"
    )
    parser.add_argument(
        "--teachers", type=Path, metavar="DIR", help="crop, teach: published classifiers with their cards"
    )
    parser.add_argument(
        "--leave-out",
        nargs="+",
        default=[],
        metavar="SOURCE",
        help="instead of a model, report what happens on each source when nothing of it was trained on; all: on every "
        "one (not crop)",
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[1], metavar="N", help="with --leave-out: one run each")
    parser.add_argument(
        "--seed",
        type=int,
        default=1,
        metavar="N",
        help="cue: of the boxes' jitter; finder: of everything drawn by chance",
    )
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="processes that prepare pictures")
    parser.add_argument("--teacher", type=Path, metavar="FILE", help="scores to learn from, as train teach writes them")
    parser.add_argument(
        "--cache",
        type=Path,
        metavar="DIR",
        help="fusion, ablation: keep here what was measured of dev captures, for another run",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the verb; LivegateError names the extra where PyTorch or scikit-learn is missing."""
    refuse_unread(arguments, add_arguments)
    if arguments.what:
        return _train_part(arguments)
    if arguments.config is None or not (arguments.data or arguments.simulated):
        raise ConfigError(
            "train: the face network needs --config FILE and samples, --data DIR or --simulated DIR ...; "
            "a cue's scorer: train cue NAME"
        )
    _require_packages()
    from livegate_tools.train.session import Session

    session = Session.open(
        arguments.config, arguments.data, tuple(arguments.simulated), arguments.out, arguments.teacher
    )
    if arguments.leave_out:
        return _leave_out(session, arguments)
    if not arguments.export_only:
        session.train(lambda line: print(line, flush=True), resume=arguments.resume, start=arguments.start_from)
    print(f"model written to {session.publish()}")
    return 0


def _leave_out(session: Session, arguments: argparse.Namespace) -> int:
    if arguments.start_from or arguments.export_only:
        raise ConfigError("train --leave-out: cannot start from weights, which have seen the source; leave that away")
    report = session.leave_out(arguments.leave_out, arguments.seeds, lambda line: print(line, flush=True))
    print(f"report written to {report} and {report.with_suffix('.json').name}")
    return 0


def _require_packages(needed: tuple[str, ...] = _NEEDED) -> None:
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        raise LivegateError(
            f"train: needs the package{'s' if len(missing) > 1 else ''} {' and '.join(missing)}; "
            "install them with: pip install 'livegate[train,litert]'"
        )


def _train_crop(arguments: argparse.Namespace) -> int:
    if arguments.config is None or not (arguments.data or arguments.simulated):
        raise ConfigError(
            "train crop: needs --config FILE (configs/train-crop.toml) and samples, --data DIR or --simulated DIR ..."
        )
    _require_packages()
    from livegate_tools.train.crop.session import Session

    def say(line: str) -> None:
        print(line, flush=True)

    paths = (arguments.config, arguments.data, tuple(arguments.simulated), arguments.out, arguments.teachers)
    session = Session.open(*paths, say, arguments.jobs)
    if arguments.leave_out:
        session.leave_out(arguments.leave_out, arguments.seeds, say)
        return 0
    if not arguments.export_only:
        session.train(say)
    print(f"model written to {session.publish()}")
    return 0


def _train_part(arguments: argparse.Namespace) -> int:
    """Train what is named instead of the network."""
    fit, dev = ([_manifest(place) for place in places] for places in (arguments.simulated, arguments.dev))
    match arguments.what:
        case ["crop"]:
            return _train_crop(arguments)
        case ["cue", name] if fit and dev:
            from livegate_tools.train.cue import train_cue

            written = train_cue(name, fit, dev, arguments.out, arguments.seed, arguments.jobs)
            print(f"scorer written to {written}")
        case ["fusion"] if dev:
            from livegate_tools.train.fusion import train_fusion

            written = train_fusion(arguments.dev, arguments.out, arguments.jobs, arguments.cache)
            print(f"operating points written to {written}")
        case ["ablation"] if dev:
            from livegate_tools.train.ablation.session import ablate

            print(f"ablation written to {ablate(arguments.dev, arguments.out, arguments.jobs, arguments.cache)}")
        case ["teach"] if arguments.teachers and (arguments.data or arguments.simulated):
            _teach(arguments)
        case ["convert", folder]:
            _require_packages(("onnx", "ai_edge_litert"))
            from livegate_tools.train.convert.session import convert

            paths = (Path(folder), arguments.calibration, arguments.dev, arguments.out)
            print(f"model written to {convert(*paths, lambda line: print(line, flush=True))}")
        case ["import", name, folder]:
            return _import(name, Path(folder), arguments)
        case ["finder"] if arguments.faces and arguments.negatives and dev:
            _train_finder(arguments, dev)
        case ["quality"] if arguments.data is not None:
            from livegate_tools.train.quality.train import train_quality

            print(f"quality gate written to {train_quality(arguments.data, arguments.simulated, arguments.out)}")
        case [what, *_] if what in _LACKING:
            raise ConfigError(f"train {what}: needs {_LACKING[what]}")
        case _:
            known = ", or: ".join(("crop", *_LACKING))
            raise ConfigError(f"train {' '.join(arguments.what)}: expected nothing, or: {known}")
    return 0


def _train_finder(arguments: argparse.Namespace, dev: list[Path]) -> None:
    _require_packages(("torch",))
    from livegate_tools.train.finder.session import Sources, train_finder

    faces, report = ([_manifest(place) for place in places] for places in (arguments.faces, arguments.report))
    sources = Sources(faces, arguments.negatives, dev, report)
    written = train_finder(sources, arguments.out, arguments.seed, lambda line: print(line, flush=True))
    print(f"face finder written to {written}")


def _manifest(place: Path) -> Path:
    return place / "manifest.jsonl" if place.is_dir() else place


def _teach(arguments: argparse.Namespace) -> None:
    """Write what published networks say of the training pictures, and tell by source how often they are right."""
    _require_packages()
    from livegate_tools.train.samples import Split, of_split, read_all
    from livegate_tools.train.teach import agreement, teach
    from livegate_tools.train.teacher import read_teacher

    samples = of_split(read_all(arguments.data, arguments.simulated), Split.TRAIN)
    count = teach(samples, arguments.teachers, arguments.out)
    print(f"{arguments.out}: scores of {count} pictures")
    for source, (right, asked) in agreement(samples, read_teacher(arguments.out)).items():
        print(f"  {source}: right about {right} of {asked}")


def _import(name: str, folder: Path, arguments: argparse.Namespace) -> int:
    """Turn a licensed set's folder into a manifest; 1 where a recording could not be read, 0 otherwise."""
    from livegate_tools.train.readers import find_reader
    from livegate_tools.train.readers.shared.finder import open_finder
    from livegate_tools.train.readers.shared.importer import MANIFEST, recordings_of, summary, write_manifest

    source, reader = find_reader(name)
    asked = wanted(arguments)
    recordings = recordings_of(reader, folder, asked)
    imported = write_manifest(source, recordings, arguments.out, asked, open_finder)
    for failure in imported.failures:
        print(f"livegate train: {printable(failure)}", file=sys.stderr)
    print(f"{arguments.out / MANIFEST}: {sum(imported.counts.values())} samples of {len(recordings)} recordings")
    for line in summary(imported):
        print(f"  {line}")
    return 1 if imported.failures else 0
