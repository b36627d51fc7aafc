"""``livegate calibrate``: fit the decision to this terminal, within bounds; measure where its cameras stand."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from livegate.acceptance.file import Kept, Source, ensemble_sha256, keep, undo
from livegate.acceptance.following import found
from livegate.acceptance.gather import Gathered, from_labels, from_manifest
from livegate.acceptance.learn import Learning, Outcome, learn, tables
from livegate.building import open_shelf
from livegate.config import Config
from livegate.configfile import load
from livegate.errors import CalibrationError, ConfigError
from livegate.geometry.calibrating import command as cameras
from livegate.judge import Judge
from livegate.judging import open_judge
from livegate.terminal_text import printable

HELP = "fit the decision to this terminal from labelled samples; measure lenses and places of its cameras"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    decision = actions.add_parser("decision", help="learn how far this terminal's scores lie from those of training")
    decision.add_argument("--config", type=Path, required=True, metavar="FILE", help="the terminal's configuration")
    decision.add_argument("--manifest", type=Path, metavar="JSONL", help="labelled pictures taken by this terminal")
    decision.add_argument("--labels", action="store_true", help="the verdicts operators sent on past attempts")
    decision.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")
    decision.add_argument("--undo", action="store_true", help="bring back what was in force before the last time")
    decision.add_argument("--json", action="store_true", help="machine-readable")
    decision.set_defaults(carry_out=_decision)
    seeing = actions.add_parser("cameras", help="lenses and places of the cameras, from pictures of a chessboard")
    cameras.add_arguments(seeing)
    seeing.set_defaults(carry_out=cameras.run)


def run(arguments: argparse.Namespace) -> int:
    """Carry out the action that was asked for."""
    status: int = arguments.carry_out(arguments)
    return status


def _decision(arguments: argparse.Namespace) -> int:
    """Learn and keep, or take back; a running terminal goes by it within a second."""
    learns = arguments.manifest is not None or arguments.labels
    if arguments.undo and (learns or arguments.dry_run):
        raise ConfigError("--undo: stands alone; leave out --manifest, --labels and --dry-run")
    if not arguments.undo and not learns:
        raise ConfigError("calibrate decision: give --manifest JSONL, --labels, or both; or --undo")
    config = load(arguments.config)
    return _undo(config, arguments) if arguments.undo else _learn(config, arguments)


def _undo(config: Config, arguments: argparse.Namespace) -> int:
    kept = undo(config.terminal.state_dir)
    shift = None if kept is None else kept.tables.recalibration.shift_llr
    if arguments.json:
        _print_json({"undone": True, "sha256": _sha256(kept), "shift_llr": shift})
    elif kept is None:
        sys.stdout.write("no calibration is in force any more: the thresholds of the models hold\n")
    else:
        sys.stdout.write(f"the calibration before is in force again: shift {shift:+.2f}\n")
    return 0


def _learn(config: Config, arguments: argparse.Namespace) -> int:
    judging = open_judge(config, open_shelf(config))
    judge = judging.judge
    if judging.faults:
        # It would take the place of the network's own calibration, and hold for no longer than until that is mended.
        raise CalibrationError(
            f"calibrate decision: the terminal judges by less than it is configured to ({next(iter(judging.faults))} "
            "cannot be used); mend that first, see livegate check"
        )
    state_dir = config.terminal.state_dir
    gathered, source = _gather(config, judge, arguments)
    in_force = found(state_dir, judge.models).recalibration
    learning = learn(judge, gathered, config.decision, in_force)
    kept = None if arguments.dry_run else keep(state_dir, tables(learning, judge, source))
    for problem in gathered.problems:
        sys.stderr.write(printable(f"left out: {problem}") + "\n")
    if arguments.json:
        _print_json(_as_json(learning, gathered, kept))
    else:
        sys.stdout.writelines(line + "\n" for line in _as_lines(learning, kept))
    return 0


def _gather(config: Config, judge: Judge, arguments: argparse.Namespace) -> tuple[Gathered, Source]:
    gathered, digest, labels = Gathered(), None, 0
    if arguments.manifest is not None:
        gathered = from_manifest(arguments.manifest, judge, frozenset(camera.role for camera in config.camera))
        digest = hashlib.sha256(arguments.manifest.read_bytes()).hexdigest()
    if arguments.labels:
        said = from_labels(config.terminal.state_dir, ensemble_sha256(judge.models))
        gathered, labels = gathered.with_more(said), len(said.heard)
    return gathered, Source(digest, labels)


def _sha256(kept: Kept | None) -> str | None:
    return None if kept is None else kept.sha256


def _print_json(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")


def _as_json(learning: Learning, gathered: Gathered, kept: Kept | None) -> dict[str, Any]:
    return {
        "applied": kept is not None,
        "sha256": _sha256(kept),
        "cues": sorted(learning.cues),
        "estimate": asdict(learning.estimate),
        "before": asdict(learning.before),
        "after": asdict(learning.after),
        "left_out": learning.left_out,
        "problems": list(gathered.problems),
    }


def _as_lines(learning: Learning, kept: Kept | None) -> list[str]:
    estimate = learning.estimate
    living, attacks = estimate.bona_fide, estimate.attack
    lines = [
        f"judged by {', '.join(sorted(learning.cues))}",
        f"{living.samples} bona fide samples, worth {living.weight:.1f} independent ones; "
        f"{attacks.samples} attacks, worth {attacks.weight:.1f}",
        *(f"left out: {number} ({why})" for why, number in sorted(learning.left_out.items())),
        f"shift {estimate.shift_llr:+.2f} ± {estimate.deviation_llr:.2f}, "
        f"held between {estimate.tightest_llr:+.2f} and {estimate.loosest_llr:+.2f} (above 0 more faces are accepted)",
        *_outcome_lines("before", learning.before, living.samples, attacks.samples),
        *_outcome_lines("after", learning.after, living.samples, attacks.samples),
        "the samples it was learnt from cannot prove it: present others to the terminal (evaluate does not apply it)",
    ]
    if kept is None:
        return [*lines, "nothing was changed (--dry-run)"]
    return [*lines, f"in force within a second where the terminal runs; calibration {kept.sha256[:12]}"]


def _outcome_lines(when: str, outcome: Outcome, living: int, attacks: int) -> list[str]:
    return [
        f"{when}: accepted are {outcome.bona_fide_accepted} of {living} bona fide "
        f"({outcome.bona_fide_inconclusive} inconclusive) and {outcome.attacks_accepted} of {attacks} attacks; "
        f"that threshold had APCER {outcome.dev_apcer:.1%} and BPCER {outcome.dev_bpcer:.1%} on dev"
    ]
