"""Train the scorer of one cue: measure it on labelled captures, fit, calibrate on dev captures, write models/<cue>/."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livegate.cues.protocol import Cue
from livegate.cues.scorer import Scorer
from livegate.decide.fitting import balanced, fit_line
from livegate.errors import ConfigError, LivegateError
from livegate.toml_text import toml_lines
from livegate_tools.train.additive import Bounds, fit_additive
from livegate_tools.train.cue_card import card
from livegate_tools.train.cue_evidence import Evidence, find_cue, measure
from livegate_tools.train.fusion_evidence import tells
from livegate_tools.train.weighing import evenly
from livegate_tools.train.weights.common import is_weighted
from livegate_tools.whole import write_whole

_LEAST_DEVIATION = 1e-6
_LEAST_SLOPE = 1e-3
_DIGITS = 6


def train_cue(name: str, train: Sequence[Path], dev: Sequence[Path], out: Path, seed: int = 1, jobs: int = 1) -> Path:
    """Train the scorer of cue ``name`` on manifests; write manifest.toml and CARD.md into ``out`` and return it.

    Of a cue with weights these are learnt, too, and written beside it. ConfigError where ``out`` holds another model.
    """
    _check_out(name, out)
    if is_weighted(name):
        from livegate_tools.train.weights.session import train_weights

        return train_weights(name, train, dev, out, seed, jobs)
    cue = find_cue(name)
    learned, held_out = measure(name, train, seed, jobs), measure(name, dev, seed + 1, jobs)
    scorer = fit(name, cue, learned, held_out)
    out.mkdir(parents=True, exist_ok=True)
    about = {
        "seed": seed,
        "date": str(datetime.now(UTC).date()),
        "train": sorted({path.parent.name for path in train}),
        "dev": sorted({path.parent.name for path in dev}),
        "train_samples": len(learned.values),
        "dev_samples": len(held_out.values),
    }
    model = {"name": name, "version": "1", "kind": "logistic", "licence": "Apache-2.0"}
    tables = {"model": model, "scorer": dataclasses.asdict(scorer), "training": about}
    write_whole(out / "manifest.toml", "\n".join(toml_lines(tables)).lstrip() + "\n")
    write_whole(out / "CARD.md", card(name, scorer, learned, held_out, _left_out(name, cue, learned, held_out)))
    return out


def _check_out(name: str, out: Path) -> None:
    """Refuse to write over a model of another name; a cue may be trained anew in its own folder."""
    manifest = out / "manifest.toml"
    if not manifest.exists():
        return
    try:
        held = tomllib.loads(manifest.read_text())["model"]["name"]
    except (OSError, ValueError, LookupError, TypeError) as exc:
        raise ConfigError(f"{manifest}: holds something else than a scorer ({exc}); give another --out") from exc
    if held != name:
        raise ConfigError(f"{manifest}: holds '{held}', not '{name}'; give another --out")


def fit(name: str, cue: Cue, train: Evidence, dev: Evidence) -> Scorer:
    """Return the scorer fitted on ``train`` and calibrated on ``dev``.

    Both classes weigh the same; so do, within a class, its sources and species, and within those the subjects. Species
    that this cue cannot tell from a face are left out of both. frame_correlation is 1: still captures tell nothing of
    how frames of one appearance differ.
    """
    train, dev = _told(name, train), _told(name, dev)
    weights = evenly(train.labels)
    mean = weights @ train.values
    deviation = np.maximum(np.sqrt(weights @ (train.values - mean) ** 2), _LEAST_DEVIATION)
    found = fit_additive((train.values - mean) / deviation, train.labels.bona_fide, weights, _bounds(cue))
    raw = Scorer(
        features=tuple(cue.FEATURES),
        mean=_rounded(mean),
        deviation=_rounded(deviation),
        weight=(1.0,) * len(cue.FEATURES),
        bias=found.bias,
        max_llr=round(dev.labels.earned_llr(), 3),
        frame_correlation=1.0,
        knots=tuple(map(_rounded, found.knots)),
        levels=tuple(map(_rounded, found.levels)),
    )
    line = fit_line(llrs(raw, dev)[:, None], dev.labels.bona_fide, balanced(dev.labels))
    slope = line.weights[0]
    if slope < _LEAST_SLOPE:
        raise LivegateError(
            "calibration: on dev the cue ranks attacks above people; more or other training captures are needed"
        )
    weight = (round(slope, _DIGITS),) * len(cue.FEATURES)
    return dataclasses.replace(raw, weight=weight, bias=round(slope * raw.bias + line.offset, _DIGITS))


def llrs(scorer: Scorer, evidence: Evidence) -> NDArray[np.float64]:
    """Return the unbounded log-likelihood ratio (N,) of every capture."""
    return np.array([scorer.llr(row) for row in evidence.values])


def _told(name: str, evidence: Evidence) -> Evidence:
    return evidence.take(np.array([tells((name,), species) for species in evidence.labels.species], dtype=np.bool_))


def _bounds(cue: Cue) -> Bounds:
    """Return what a cue's own module says of its features: RISING can only speak for a face, FALLING only against."""
    columns = {feature: column for column, feature in enumerate(cue.FEATURES)}
    rising: frozenset[str] = getattr(cue, "RISING", frozenset())
    falling: frozenset[str] = getattr(cue, "FALLING", frozenset())
    return Bounds({columns[name] for name in rising}, {columns[name] for name in falling})


def _left_out(name: str, cue: Cue, train: Evidence, dev: Evidence) -> dict[str, tuple[Scorer, Evidence]]:
    """Return, for every source there is in both, a scorer that saw nothing of it, and its dev captures."""
    found = {}
    sources = set(train.labels.sources)
    for source in sorted(sources & set(dev.labels.sources)) if len(sources) > 1 else ():
        of_train = np.array([each == source for each in train.labels.sources])
        of_dev = np.array([each == source for each in dev.labels.sources])
        others = dev.take(~of_dev) if len(set(dev.labels.sources)) > 1 else train.take(~of_train)
        found[source] = (fit(name, cue, train.take(~of_train), others), dev.take(of_dev))
    return found


def _rounded(values: Sequence[float] | NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(round(float(value), _DIGITS) for value in values)
