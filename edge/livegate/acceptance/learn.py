"""From what cues said of labelled samples to a calibration, and what it changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from livegate.acceptance.file import Learnt, Source, Tables
from livegate.acceptance.gather import Gathered, Heard
from livegate.config import DecisionPolicy
from livegate.decide.rates import Rates
from livegate.decide.recalibration import Estimate, Labelled, Recalibration, estimate, shifted
from livegate.decide.verdict import Boundaries, boundaries, verdict
from livegate.errors import CalibrationError
from livegate.judge import Judge
from livegate.types import PadDecision


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the samples, and what the same threshold comes to on the dev split of the models.

    ``accept_llr`` is the least evidence accepted, before any calibration. The dev rates assume that this terminal is
    like those of dev: they say what a wrong calibration could cost.
    """

    accept_llr: float
    bona_fide_accepted: int
    bona_fide_inconclusive: int
    attacks_accepted: int
    dev_apcer: float
    dev_bpcer: float


@dataclass(frozen=True, slots=True)
class Learning:
    """What was learnt for the attempts in which ``cues`` spoke, from ``samples``; ``before`` is as it is in force."""

    cues: frozenset[str]
    samples: tuple[Labelled, ...]
    estimate: Estimate
    before: Outcome
    after: Outcome
    left_out: dict[str, int]


def learn(judge: Judge, gathered: Gathered, policy: DecisionPolicy, in_force: Recalibration | None) -> Learning:
    """Return what ``gathered`` says of this terminal, for the cues that spoke together most often.

    CalibrationError where no sample says anything, or the models do not say what their thresholds come to.
    """
    cues = _most_common(gathered.heard, judge)
    used = [each for each in gathered.heard if judge.fused(each.llrs).cues == cues]
    samples = tuple(Labelled(judge.fused(each.llrs).llr, each.bona_fide, each.subject) for each in used)
    rates = judge.fused(dict.fromkeys(cues, 0.0)).rates
    found = estimate(samples, rates)
    now = 0.0 if in_force is None else in_force.shift(cues)
    limits = boundaries(policy, rates)
    left_out = Counter(gathered.left_out) + Counter({"other cues spoke": len(gathered.heard) - len(used)})
    return Learning(
        cues,
        samples,
        found,
        _outcome(samples, limits, rates, now),
        _outcome(samples, limits, rates, found.shift_llr),
        dict(left_out),
    )


def tables(learning: Learning, judge: Judge, source: Source) -> Tables:
    """Return the file to be kept of what was learnt."""
    found = learning.estimate
    made = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    learnt = Learnt(tuple(sorted(learning.cues)), found.shift_llr, found.deviation_llr, made)
    return Tables(learnt, found.bona_fide, found.attack, source, judge.models)


def _most_common(heard: Sequence[Heard], judge: Judge) -> frozenset[str]:
    """Return the set of cues that most samples have; of two as common the larger, which the door goes by.

    A second opinion that was not needed belongs to it.
    """
    counts = Counter(judge.fused(each.llrs).cues for each in heard)
    if not counts:
        expected = ", ".join(cue.name for cue in judge.bank.cues)
        raise CalibrationError(f"calibration: expected samples that {expected} can judge, found none")
    return max(counts, key=lambda cues: (counts[cues], len(cues), sorted(cues)))


def _outcome(samples: Sequence[Labelled], limits: Boundaries, rates: Rates, shift_llr: float) -> Outcome:
    held = shifted(limits, shift_llr)
    said = [(sample.bona_fide, verdict(sample.llr + shift_llr, held)) for sample in samples]
    accept_llr = held.accept_llr - shift_llr
    return Outcome(
        accept_llr=accept_llr,
        bona_fide_accepted=said.count((True, PadDecision.BONA_FIDE)),
        bona_fide_inconclusive=said.count((True, PadDecision.INCONCLUSIVE)),
        attacks_accepted=said.count((False, PadDecision.BONA_FIDE)),
        dev_apcer=rates.apcer_at(accept_llr),
        dev_bpcer=rates.bpcer_at(accept_llr),
    )
