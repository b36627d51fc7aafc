"""Train a cue with weights: describe captures, learn, score by margins of unseen subjects, write models/<cue>/."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from livegate.cues.protocol import Cue
from livegate.cues.scorer import Scorer
from livegate.toml_text import toml_lines
from livegate.weights import write_weights
from livegate_tools.train.cue import fit
from livegate_tools.train.cue_card import card
from livegate_tools.train.cue_evidence import Evidence
from livegate_tools.train.samples import Sample, Split
from livegate_tools.train.weights.common import Weights, find_learner, opened
from livegate_tools.train.weights.describing import Described, basis, captures, describe, drawn
from livegate_tools.train.weights.folds import learnt, margins_of_others
from livegate_tools.whole import write_whole

KIND = "weights"
# A model without a source is for the card alone; two folds halve what it costs.
_FOLDS_LEFT_OUT = 2


@dataclass(frozen=True, slots=True)
class Trained:
    """A cue with what it learnt, its scorer, and what both say of dev captures."""

    weights: Weights
    cue: Cue
    scorer: Scorer
    dev: Evidence


def train_weights(name: str, train: Sequence[Path], dev: Sequence[Path], out: Path, seed: int, jobs: int) -> Path:
    """Train cue ``name`` on manifests; write manifest.toml, weights.npz and CARD.md into ``out`` and return it.

    Of manifests that name splits, train lines teach and dev lines calibrate. Errors as :func:`captures`.
    """
    seen = drawn(captures(train, Split.TRAIN), find_learner(name).MOST_CAPTURES, seed)
    held_out = captures(dev, Split.DEV)
    found = basis(name, seen, seed)
    rows, others = describe(name, seen, found, seed, jobs), describe(name, held_out, found, seed + 1, jobs, views=0)
    whole = trained(name, rows, others, found, seed)
    out.mkdir(parents=True, exist_ok=True)
    sha256 = write_weights(out, whole.weights)
    model = {"name": name, "version": "1", "kind": KIND, "licence": "Apache-2.0", "weights_sha256": sha256}
    about = _about(rows, others, train, dev, seed)
    tables = {"model": model, "scorer": dataclasses.asdict(whole.scorer), "training": about}
    write_whole(out / "manifest.toml", "\n".join(toml_lines(tables)).lstrip() + "\n")
    apart = {source: left_out(name, rows, others, found, source, seed) for source in _sources(rows, others)}
    evidence = _evidence(name, rows, whole.weights)
    told = {source: (one.scorer, one.dev) for source, one in apart.items() if one is not None}
    write_whole(out / "CARD.md", card(name, whole.scorer, evidence, whole.dev, told, _said(name, rows)))
    return out


def _said(name: str, rows: Described) -> list[str]:
    return [
        f"Weights of `edge/livegate/cues/{name}.py`, learnt from {len(rows.samples)} views of the captures below, and",
        "an additive logistic regression in straight pieces on margins of subjects that the weights had not seen",
    ]


def trained(name: str, rows: Described, dev: Described, basis: Weights, seed: int, folds: int | None = None) -> Trained:
    """Return what is learnt from all ``rows``, scored by margins of folds, calibrated on ``dev``."""
    learner = find_learner(name)
    weights = {**basis, **_kept(learnt(learner, rows.rows, rows.labels, seed))}
    cue = opened(name, _read(weights))
    fold_margins = margins_of_others(learner, rows.rows, rows.labels, basis, seed, *([folds] if folds else []))
    evidence = _evidence(name, dev, weights)
    scorer = fit(name, cue, Evidence(fold_margins, rows.labels, rows.unmeasured), evidence)
    return Trained(weights, cue, scorer, evidence)


def left_out(name: str, rows: Described, dev: Described, basis: Weights, source: str, seed: int) -> Trained | None:
    """Return what is learnt without a source and all that was made of it, and says of the source's dev captures.

    None where the rest, or what is left of dev to calibrate on, lacks one of the classes.
    """
    theirs = np.array([sample.comes_from(source) for sample in rows.samples])
    of_dev = np.array([sample.source == source for sample in dev.samples])
    made = np.array([sample.comes_from(source) for sample in dev.samples])
    rest, calibrating, judged = rows.take(~theirs), dev.take(~made), dev.take(of_dev)
    if not all(_both(part.samples) for part in (rest, calibrating, judged)):
        return None
    found = trained(name, rest, calibrating, basis, seed, _FOLDS_LEFT_OUT)
    return dataclasses.replace(found, dev=_evidence(name, judged, found.weights))


def _both(samples: Sequence[Sample]) -> bool:
    return len({sample.presentation for sample in samples}) > 1


def _sources(rows: Described, dev: Described) -> list[str]:
    shared = set(rows.labels.sources) & set(dev.labels.sources)
    return sorted(shared) if len(set(rows.labels.sources)) > 1 else []


def _evidence(name: str, rows: Described, weights: Weights) -> Evidence:
    margins = find_learner(name).margins(rows.rows, _read(weights))
    return Evidence(margins, rows.labels, rows.unmeasured)


def _kept(weights: Weights) -> Weights:
    """Return contiguous arrays, as they are written."""
    return {name: np.ascontiguousarray(array) for name, array in weights.items()}


def _read(weights: Weights) -> Weights:
    """Return the weights as the terminal reads them: floats of either kind as float32."""
    return {name: a.astype(np.float32) if a.dtype.kind == "f" else a for name, a in weights.items()}


def _about(rows: Described, dev: Described, train: Sequence[Path], held: Sequence[Path], seed: int) -> dict[str, Any]:
    return {
        "seed": seed,
        "date": str(datetime.now(UTC).date()),
        "train": sorted({path.parent.name for path in train}),
        "dev": sorted({path.parent.name for path in held}),
        "train_samples": int(rows.plain.sum()),
        "train_views": len(rows.samples),
        "dev_samples": len(dev.samples),
    }
