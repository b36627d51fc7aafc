"""Fix the operating points of cues that speak together: fused evidence on dev captures, one threshold a set of cues."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from livegate.samples.manifest import Sample, read_manifest
from numpy.typing import NDArray

from livegate import config
from livegate.config import DecisionPolicy
from livegate.errors import LivegateError, PictureError
from livegate.judge import Judge
from livegate.progress import Progress
from livegate.samples.frames import read_frame_sets
from livegate.types import Role
from livegate_tools.evaluate import metrics
from livegate_tools.train.tradeoff import choose

# The detector always speaks: without it there is no face to judge.
ALWAYS = "detector"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What every cue said of one dev sample, by name, and its PAI species (None is bona fide)."""

    llr: Mapping[str, float]
    pai_species: str | None


@dataclass(frozen=True, slots=True)
class Point:
    """A threshold for a set of cues, and what it came to on dev."""

    cues: tuple[str, ...]
    threshold_llr: float
    bona_fide: int
    bpcer: float
    apcer: Mapping[str, float]
    auc: float


def gather(manifests: Sequence[Path], judge: Judge) -> list[Evidence]:
    """Judge every sample as a whole attempt and return its cues; samples without a found face say nothing."""
    roles = frozenset({Role.RGB, Role.NIR, Role.DEPTH})
    samples = [entry for path in manifests for entry in read_manifest(path) if isinstance(entry, Sample)]
    found = []
    with Progress("fusion", len(samples)) as progress:
        for sample in samples:
            progress.advance()
            try:
                pad, face = judge.clip(read_frame_sets(sample, roles))
            except PictureError:
                continue
            if face is not None:
                found.append(Evidence({cue.name: cue.llr for cue in pad.cues}, sample.pai_species))
    return found


def points(evidence: Sequence[Evidence], policy: DecisionPolicy) -> list[Point]:
    """Return a point for every set of two and more cues that both people and attacks were measured by."""
    names = sorted({name for seen in evidence for name in seen.llr} - {ALWAYS})
    sets = [(ALWAYS, *more) for n in range(1, len(names) + 1) for more in itertools.combinations(names, n)]
    return [point for cues in sets if (point := _point(cues, evidence, policy)) is not None]


def threshold(bona_fide: NDArray[np.float64], attacks: Sequence[NDArray[np.float64]], policy: DecisionPolicy) -> float:
    """Return the threshold on fused evidence by :func:`choose`, with the APCER of the worst species."""
    candidates = np.unique(np.concatenate([bona_fide, *attacks]))
    apcer = np.max([[np.mean(scores >= t) for t in candidates] for scores in attacks], axis=0)
    bpcer = np.array([np.mean(bona_fide < t) for t in candidates])
    chosen = choose(apcer, bpcer, policy)
    # Half way to the last score that is refused, not on top of the first one that is accepted.
    return float(candidates[max(chosen - 1, 0) : chosen + 1].mean())


def train_fusion(manifests: Sequence[Path], out: Path) -> Path:
    """Fix the operating points on dev ``manifests``; write manifest.toml and CARD.md into ``out`` and return it."""
    policy = DecisionPolicy()
    judge = Judge.open(config.Detector(), policy, frozenset({Role.RGB, Role.NIR, Role.DEPTH}))
    found = points(gather(manifests, judge), policy)
    if not found:
        listed = ", ".join(map(str, manifests))
        raise LivegateError(f"{listed}: expected people and attacks measured by two cues or more, found none")
    out.mkdir(parents=True, exist_ok=True)
    sources = [path.parent.name for path in manifests]
    (out / "manifest.toml").write_text(_manifest(found, sources))
    (out / "CARD.md").write_text(_card(found, sources, policy))
    return out


def _point(cues: tuple[str, ...], evidence: Sequence[Evidence], policy: DecisionPolicy) -> Point | None:
    by_kind: dict[str | None, list[float]] = {}
    for seen in evidence:
        if seen.llr.keys() >= set(cues):
            by_kind.setdefault(seen.pai_species, []).append(sum(seen.llr[name] for name in cues))
    bona_fide = np.array(by_kind.pop(None, []))
    if not by_kind or not bona_fide.size:
        return None
    attacks = {str(species): np.array(scores) for species, scores in sorted(by_kind.items(), key=str)}
    least = threshold(bona_fide, list(attacks.values()), policy)
    return Point(
        cues,
        least,
        bona_fide.size,
        float(np.mean(bona_fide < least)),
        {species: float(np.mean(scores >= least)) for species, scores in attacks.items()},
        metrics.auc(bona_fide, np.concatenate(list(attacks.values()))),
    )


def _manifest(found: Sequence[Point], sources: Sequence[str]) -> str:
    lines = ["[model]", 'name = "fusion"', 'version = "1"', 'kind = "operating_points"', 'licence = "Apache-2.0"']
    for point in found:
        names = ", ".join(f'"{name}"' for name in point.cues)
        lines += ["", "[[point]]", f"cues = [{names}]", f"threshold_llr = {point.threshold_llr:.4f}"]
    names = ", ".join(f'"{name}"' for name in sources)
    lines += ["", "[training]", f"dev = [{names}]", f'date = "{datetime.now(UTC).date()}"']
    return "\n".join(lines) + "\n"


def _card(found: Sequence[Point], sources: Sequence[str], policy: DecisionPolicy) -> str:
    lines = [
        "# Operating points of cues that speak together",
        "",
        f"Fixed on {', '.join(sources)}: simulated captures of rendered heads (CC0) that no cue was fitted on, though",
        f"their calibration lines were. The least threshold with an APCER of at most {policy.max_apcer:.0%} in every",
        f"species and a BPCER of at most {policy.max_bpcer:.0%}; where both cannot be had, both miss by one factor.",
        "These are figures of the split the thresholds were fixed on: no estimate of error rates anywhere else, and",
        "nothing about real people, masks or sensors.",
        "",
        "| cues | threshold | AUC | BPCER | N | APCER by species |",
        "|---|---|---|---|---|---|",
    ]
    for point in found:
        species = ", ".join(f"{name} {rate:.1%}" for name, rate in point.apcer.items())
        lines.append(
            f"| {' + '.join(point.cues)} | {point.threshold_llr:.2f} | {point.auc:.3f} | {point.bpcer:.1%} |"
            f" {point.bona_fide} | {species} |"
        )
    return "\n".join(lines) + "\n"
