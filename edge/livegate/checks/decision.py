"""What the terminal decides by: the boundaries for the rates that were asked for, and its own calibration."""

from __future__ import annotations

from collections.abc import Iterator

from livegate.acceptance.file import Kept, check_models, load
from livegate.checks.finding import Finding
from livegate.config import Config
from livegate.errors import CalibrationError, LivegateError
from livegate.installed.library import Library
from livegate.judge import Judge
from livegate.judging import open_judge
from livegate.types import Step


def decision_findings(config: Config) -> Iterator[Finding]:
    """Yield what the checks find of the decision; of the judge nothing where it cannot be opened: other checks say."""
    yield from _least_step(config)
    try:
        judge = open_judge(config, Library.of(config.terminal.state_dir).shelf()).judge
    except LivegateError:
        return
    if judge.detector is None:
        return
    yield _boundaries(config, judge)
    yield _calibration(config, judge)


def _boundaries(config: Config, judge: Judge) -> Finding:
    """Warn where the rates asked for cannot both be had: who lies between the boundaries is held inconclusive."""
    limits = judge.boundaries
    text = f"accepts from {limits.accept_llr:.2f}, rejects up to {limits.reject_llr:.2f}"
    rates = judge.fused({cue.name: 0.0 for cue in judge.bank.cues}).rates
    if limits.reject_llr >= limits.accept_llr:
        return Finding("decision", ok=True, text=text)
    refused = rates.bpcer_at(limits.accept_llr)
    policy = config.decision
    return Finding(
        "decision",
        None,
        f"{text}; max_apcer {policy.max_apcer:g} and max_bpcer {policy.max_bpcer:g} cannot both be had: "
        f"{refused:.0%} of the people of the dev split stay below the accepting boundary",
    )


def _least_step(config: Config) -> Iterator[Finding]:
    """Warn where the door opens without a sensor that is there: then covering it makes entry easier."""
    least, roles = config.decision.least_step, [str(camera.role) for camera in config.camera]
    if len(roles) > 1 and least is not Step.ALL:
        text = (
            f"'{least}' with {', '.join(roles)}: whoever covers or unplugs one of them for some seconds, with no face"
        )
        remedy = 'in view, is judged without it; set [decision] least_step = "all" where that must not be'
        yield Finding("least_step", None, f"{text} {remedy}")


def _calibration(config: Config, judge: Judge) -> Finding:
    try:
        kept = load(config.terminal.state_dir)
        if kept is None:
            return Finding("calibration", ok=True, text="none: the thresholds of the models hold")
        check_models(kept, judge.models)
    except CalibrationError as exc:
        return Finding("calibration", ok=False, text=str(exc))
    return Finding("calibration", ok=True, text=_told(kept))


def _told(kept: Kept) -> str:
    tables = kept.tables
    learnt = tables.recalibration
    return (
        f"shift {learnt.shift_llr:+.2f} ± {learnt.deviation_llr:.2f} for {', '.join(learnt.cues)}, made {learnt.made} "
        f"from {tables.bona_fide.samples} bona fide and {tables.attack.samples} attack samples ({kept.sha256[:12]})"
    )
