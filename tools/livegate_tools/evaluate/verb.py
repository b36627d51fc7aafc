"""``livegate evaluate``: judge labelled samples and print the figures of ISO/IEC 30107-3; or count false faces."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import cv2

from livegate.config import Detector, Precision, Runtime
from livegate.detect.detector import open_detector
from livegate.errors import ConfigError
from livegate.progress import Progress
from livegate.samples.frames import Terminal
from livegate.samples.manifest import NOT_STATED, BadLine, Sample, read_manifest
from livegate.terminal_text import printable
from livegate.types import Role
from livegate_tools.evaluate.comparison import NOTHING, Comparison, compared, tables
from livegate_tools.evaluate.comparison import as_json as comparison_json
from livegate_tools.evaluate.disturb.catalogue import DISTURBANCES
from livegate_tools.evaluate.faceless import FaceFinder, lines, search
from livegate_tools.evaluate.faceless import as_json as false_faces_as_json
from livegate_tools.evaluate.page.report import write_report
from livegate_tools.evaluate.predicting import predict_all, predict_variants
from livegate_tools.evaluate.predictions import JudgeOpener, Prediction
from livegate_tools.evaluate.report import as_json, by_traits, groups
from livegate_tools.evaluate.table import table, trait_table
from livegate_tools.evaluate.terminal import Models, models_of
from livegate_tools.evaluate.variants import disturbed, subsets
from livegate_tools.lines import Lines, check_place, make_folder

HELP = "judge labelled samples and print ISO/IEC 30107-3 figures"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--manifest", type=Path, metavar="M.jsonl", help="labelled samples")
    parser.add_argument("--predictions-out", type=Path, metavar="P.jsonl", help="one line a sample is written here")
    parser.add_argument(
        "--faceless",
        type=Path,
        metavar="DIR",
        help="instead of a manifest: count the faces found in views cut from the pictures of DIR, which show nobody",
    )
    parser.add_argument(
        "--views", type=_views, default=1000, metavar="N", help="how many views, with --faceless (default 1000)"
    )
    parser.add_argument("--report", type=Path, metavar="R.json", help="write the figures here, too")
    parser.add_argument(
        "--html", type=Path, metavar="DIR", help="write a page to read, and DET curves and score histograms as PNG"
    )
    parser.add_argument(
        "--modalities",
        type=_modalities,
        metavar="rgb,nir,...",
        help="all the sensors the terminal has (default: each sample's own)",
    )
    parser.add_argument("--split", metavar="NAME", help="only samples whose field 'split' says NAME")
    parser.add_argument(
        "--by",
        type=_names,
        default=(),
        metavar="FIELD,...",
        help="figures by the values of these fields of the manifest, too: by group, session, notes.phone, ...",
    )
    parser.add_argument(
        "--subsets", action="store_true", help="figures for every set of the sensors, too, the networks run once"
    )
    parser.add_argument(
        "--disturb",
        type=_disturbances,
        metavar="NAME,...",
        default=(),
        help=f"figures under disturbances, too, as curves over their strength: all, or {', '.join(DISTURBANCES)}",
    )
    parser.add_argument("--jobs", type=_jobs, default=1, metavar="N", help="processes to spread the work over")
    parser.add_argument("--model", default=Detector().model, help="name of a model, or a folder with a manifest.toml")
    parser.add_argument(
        "--runtime",
        type=Runtime,
        choices=list(Runtime),
        default=Detector().runtime,
        help="what runs it; none: no network, as a terminal judges that has none",
    )
    parser.add_argument(
        "--precision",
        type=Precision,
        choices=list(Precision),
        default=Detector().precision,
        help="which of its files: 32-bit floats or 8-bit integers",
    )
    parser.add_argument(
        "--state-dir", type=Path, metavar="DIR", help="a terminal's state_dir: the models installed there judge, too"
    )
    parser.add_argument(
        "--without", type=_names, metavar="CUE,...", help="leave these cues out, to see what they are worth"
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON instead of a table")


def run(arguments: argparse.Namespace) -> int:
    """Run the verb; 1 when a line of the manifest was no sample, 0 otherwise."""
    cv2.setNumThreads(1)
    _check_what(arguments)
    models = models_of(arguments)
    if arguments.faceless:
        return count_false_faces(arguments, _opened(models), models.about)
    return evaluate(arguments, models.open_judge, models.about)


def count_false_faces(arguments: argparse.Namespace, finder: FaceFinder, model: Mapping[str, Any]) -> int:
    """Look for faces where there are none; 1 when a picture could not be read, 0 otherwise."""
    if arguments.report:
        check_place(arguments.report, "--report")
    found = search(arguments.faceless, arguments.views, finder)
    for problem in found.problems:
        print(printable(problem), file=sys.stderr)
    report = json.dumps(false_faces_as_json(found, {"model": dict(model)}), indent=1, allow_nan=False)
    if arguments.report:
        with Lines(arguments.report) as out:
            out.write(report)
    print(report if arguments.json else "\n".join(printable(line) for line in lines(found)))
    return 1 if found.problems else 0


def evaluate(arguments: argparse.Namespace, open_judge: JudgeOpener, model: Mapping[str, Any]) -> int:
    """Do what the command line says, with judges of ``open_judge``; ``model`` says in the report what they use."""
    _refuse_overwriting(arguments)
    if arguments.html:
        make_folder(arguments.html)
    entries = list(read_manifest(arguments.manifest, arguments.split, arguments.by))
    bad = [entry for entry in entries if isinstance(entry, BadLine)]
    for line in bad:
        print(f"{arguments.manifest}: line {line.line}: {line.problem}", file=sys.stderr)
    judged, comparison = _judge(arguments, entries, open_judge)
    if not judged and not bad:
        raise ConfigError(f"{arguments.manifest}: {_nothing(arguments.split)}")
    found, by = groups(judged), by_traits(judged, arguments.by)
    about = {
        "manifest": arguments.manifest.name,
        "split": arguments.split,
        "modalities": sorted(arguments.modalities) if arguments.modalities else None,
        "model": dict(model),
        "bad_lines": [{"line": line.line, "problem": line.problem} for line in bad],
        "unreadable": sum(prediction.latency_ms is None for _, prediction in judged),
    }
    report = json.dumps(as_json(found, about, by) | comparison_json(comparison), indent=1, allow_nan=False)
    if arguments.report:
        with Lines(arguments.report) as out:
            out.write(report)
    if arguments.html:
        write_report(arguments.html, found, judged, about, by, comparison)
    words = (table(found), *(trait_table(*trait) for trait in by.items()), *tables(comparison))
    print(report if arguments.json else "\n\n".join(words))
    _warn(arguments, judged, bad)
    return 1 if bad else 0


def _opened(models: Models) -> FaceFinder:
    from livegate.detect.finder import open_finder

    return open_detector(models.detector, shelf=models.shelf) or open_finder(models.shelf)


def _check_what(arguments: argparse.Namespace) -> None:
    if arguments.faceless:
        for option in ("manifest", "predictions_out", "html", "split", "modalities"):
            if getattr(arguments, option) is not None:
                raise ConfigError(f"--{option.replace('_', '-')}: has no meaning with --faceless; leave one out")
        if not arguments.faceless.is_dir():
            raise ConfigError(f"{arguments.faceless}: is no folder; give --faceless a folder of photographs")
        return
    needed = {"--manifest M.jsonl": arguments.manifest, "--predictions-out P.jsonl": arguments.predictions_out}
    missing = [option for option, given in needed.items() if given is None]
    if missing:
        raise ConfigError(f"needs {' and '.join(missing)}, or --faceless DIR alone")
    if not arguments.manifest.exists():
        raise ConfigError(f"{arguments.manifest}: is not there; give --manifest the labelled samples, one a line")


def _judge(
    arguments: argparse.Namespace, entries: list[Sample | BadLine], open_judge: JudgeOpener
) -> tuple[list[tuple[Sample, Prediction]], Comparison]:
    """Write the predictions of the terminal; return those of the samples, and how its variants compare."""
    samples = [entry for entry in entries if isinstance(entry, Sample)]
    roles = _roles(arguments, samples)
    some = subsets(roles) if arguments.subsets and samples else ()
    worse = disturbed(roles, arguments.disturb) if samples else ()
    if not some and not worse:
        return _predict(arguments, entries, open_judge), NOTHING
    terminal, variants = Terminal(arguments.modalities), (*some, *worse)
    named = [entry for entry in entries if entry.id]
    judged: list[tuple[Sample, tuple[Prediction, ...]]] = []
    predictions = predict_variants(named, open_judge, terminal, variants, arguments.jobs)
    with Lines(arguments.predictions_out) as out, Progress("evaluate", len(named)) as progress:
        for entry, of_all in zip(named, predictions, strict=True):
            out.write(of_all[0].line())
            progress.advance()
            if isinstance(entry, Sample):
                judged.append((entry, of_all))
    first, *others = ([(sample, of_all[i]) for sample, of_all in judged] for i in range(1 + len(variants)))
    pairs = list(zip(variants, others, strict=True))
    # Curves begin with the terminal that has all sensors, as the disturbed ones have.
    whole = pairs[len(some) - 1][1] if some else first
    return first, compared(pairs[: len(some)], pairs[len(some) :], whole)


def _roles(arguments: argparse.Namespace, samples: Iterable[Sample]) -> frozenset[Role]:
    """Return the sensors the terminal has, those of all samples together where nobody says."""
    return arguments.modalities or frozenset(role for s in samples for moment in s.moments for role in moment.paths)


def _idle(arguments: argparse.Namespace, judged: list[tuple[Sample, Prediction]]) -> list[str]:
    roles = _roles(arguments, (sample for sample, _ in judged))
    return [name for name in arguments.disturb if judged and not DISTURBANCES[name].roles & roles]


def _predict(
    arguments: argparse.Namespace, entries: list[Sample | BadLine], open_judge: JudgeOpener
) -> list[tuple[Sample, Prediction]]:
    """Write the prediction of every entry that has an id; return those of the samples."""
    named = [entry for entry in entries if entry.id]
    judged: list[tuple[Sample, Prediction]] = []
    predictions = predict_all(named, open_judge, Terminal(arguments.modalities), arguments.jobs)
    with Lines(arguments.predictions_out) as out, Progress("evaluate", len(named)) as progress:
        for entry, prediction in zip(named, predictions, strict=True):
            out.write(prediction.line())
            progress.advance()
            if isinstance(entry, Sample):
                judged.append((entry, prediction))
    return judged


def _warn(arguments: argparse.Namespace, judged: list[tuple[Sample, Prediction]], bad: list[BadLine]) -> None:
    for name in _idle(arguments, judged):
        print(f"--disturb {name}: touches no sensor that this terminal has; it was left out", file=sys.stderr)
    for name in arguments.by:
        if judged and all(sample.traits[name] == NOT_STATED for sample, _ in judged):
            print(f"--by {name}: no line of {arguments.manifest} has this field", file=sys.stderr)
    unread = [prediction for _, prediction in judged if prediction.latency_ms is None]
    if unread:
        first = f"the first is '{unread[0].id}': {unread[0].reason}"
        print(f"{len(unread)} of {len(judged)} samples could not be judged, {first}", file=sys.stderr)
    if bad:
        print(f"{arguments.manifest}: {len(bad)} lines are no samples and not in the figures", file=sys.stderr)


def _refuse_overwriting(arguments: argparse.Namespace) -> None:
    paths = [("--manifest", arguments.manifest), ("--predictions-out", arguments.predictions_out)]
    paths += [("--report", arguments.report)] if arguments.report else []
    seen: dict[Path, str] = {}
    for option, path in paths:
        other = seen.setdefault(path.resolve(), option)
        if other != option:
            raise ConfigError(f"{path}: {other} and {option} name the same file; give each its own")
        if option != "--manifest":
            check_place(path, option)


def _nothing(split: str | None) -> str:
    if split is None:
        return "holds no samples; write one a line, see docs/evaluation.md"
    return f"no sample's field 'split' says '{split}'; leave --split out or name one that is there"


def _modalities(text: str) -> frozenset[Role]:
    names = [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in list(Role)]
    if unknown:
        raise argparse.ArgumentTypeError(f"'{unknown[0]}' is no modality; known are {', '.join(Role)}")
    if Role.RGB not in names:
        raise argparse.ArgumentTypeError("'rgb' must be among them: faces are found in the rgb picture")
    return frozenset(Role(name) for name in names)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _disturbances(text: str) -> tuple[str, ...]:
    names = tuple(DISTURBANCES) if text == "all" else _names(text)
    for name in names:
        if name not in DISTURBANCES:
            raise argparse.ArgumentTypeError(f"'{name}' is no disturbance; known are all, {', '.join(DISTURBANCES)}")
    return names


def _views(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1_000_000:
        raise argparse.ArgumentTypeError(f"expected a number of views from 1 to 1000000, found '{text}'")
    return int(text)


def _jobs(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 256:
        raise argparse.ArgumentTypeError(f"expected a number of processes from 1 to 256, found '{text}'")
    return int(text)
