"""Train the scorer of one cue: measure it on labelled captures, fit, calibrate on dev captures, write models/<cue>/."""

from __future__ import annotations

import dataclasses
import importlib.util
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.cues.protocol import Cue, all_cues
from livegate.cues.scorer import Scorer
from livegate.errors import ConfigError, LivegateError, PictureError
from livegate.samples.frames import read_frame_sets
from livegate.samples.manifest import Sample, read_manifest
from livegate.types import Box, Face, Observation
from livegate_tools.evaluate import metrics

# A detector's box lies this far off the true one (shares of its size, standard deviation); the cue must bear it.
BOX_JITTER = 0.05
# Weights of a handful of standardised numbers; strength of the L2 penalty, scikit-learn's C.
PENALTY_C = 1.0
# Where no error was seen in N the rate may still be 3/N: evidence beyond that was not earned.
RULE_OF_THREE = 3.0


@dataclass(frozen=True, slots=True)
class Measured:
    """A cue's numbers over a set: (N, features) float64, whether each was bona fide, and its PAI species."""

    values: NDArray[np.float64]
    bona_fide: NDArray[np.bool_]
    species: tuple[str, ...]
    unmeasured: int


def find_cue(name: str) -> Cue:
    """Return the cue of a name; ConfigError lists those there are."""
    cues = dict(all_cues())
    if name not in cues:
        raise ConfigError(f"cue '{name}': there is none; known are {', '.join(cues)}")
    return cues[name]


def measure(cue: Cue, manifests: Sequence[Path], seed: int) -> Measured:
    """Measure ``cue`` on every sample that has a box, jittered as a detector's would be.

    Raises LivegateError when one of the two classes is missing.
    """
    rng = np.random.default_rng(seed)
    rows, bona_fide, species, unmeasured = [], [], [], 0
    for manifest in manifests:
        for entry in read_manifest(manifest):
            if not isinstance(entry, Sample) or entry.face is None:
                continue
            values = _measure_one(cue, entry, rng)
            if values is None:
                unmeasured += 1
                continue
            rows.append(values)
            bona_fide.append(entry.pai_species is None)
            species.append(entry.pai_species or "bona_fide")
    if not 0 < sum(bona_fide) < len(bona_fide):
        counted = f"{sum(bona_fide)} bona fide, {len(bona_fide) - sum(bona_fide)} attacks"
        raise LivegateError(f"{', '.join(map(str, manifests))}: expected both classes measured, found {counted}")
    return Measured(np.array(rows), np.array(bona_fide), tuple(species), unmeasured)


def fit(cue: Cue, train: Measured, dev: Measured) -> Scorer:
    """Return the scorer fitted on ``train`` and calibrated on ``dev``, both classes weighing the same.

    frame_correlation is 1: still captures tell nothing of how frames of one appearance differ.
    """
    from sklearn.linear_model import LogisticRegression

    mean, deviation = train.values.mean(axis=0), np.maximum(train.values.std(axis=0), 1e-6)
    model = LogisticRegression(C=PENALTY_C, class_weight="balanced", max_iter=1000)
    model.fit((train.values - mean) / deviation, train.bona_fide)
    raw = Scorer(
        features=tuple(cue.FEATURES),
        mean=tuple(mean.tolist()),
        deviation=tuple(deviation.tolist()),
        weight=tuple(model.coef_[0].tolist()),
        bias=float(model.intercept_[0]),
        max_llr=_earned_llr(dev),
        frame_correlation=1.0,
    )
    line = LogisticRegression(C=1e3, class_weight="balanced").fit(llrs(raw, dev)[:, None], dev.bona_fide)
    slope, offset = float(line.coef_[0, 0]), float(line.intercept_[0])
    if slope <= 0:
        raise LivegateError(
            "calibration: on dev the cue ranks attacks above people; more or other training captures are needed"
        )
    weight = tuple(slope * value for value in raw.weight)
    return dataclasses.replace(raw, weight=weight, bias=slope * raw.bias + offset)


def llrs(scorer: Scorer, measured: Measured) -> NDArray[np.float64]:
    """Return the unbounded log-likelihood ratio (N,) of every measured sample."""
    return np.array([scorer.llr(row) for row in measured.values])


def train_cue(name: str, train: Sequence[Path], dev: Sequence[Path], out: Path, seed: int = 1) -> Path:
    """Train the scorer of cue ``name`` on manifests; write manifest.toml and CARD.md into ``out`` and return it."""
    if importlib.util.find_spec("sklearn") is None:
        raise LivegateError("train: needs the package scikit-learn; install it with: pip install 'livegate[train]'")
    cue = find_cue(name)
    learned, held_out = measure(cue, train, seed), measure(cue, dev, seed + 1)
    scorer = fit(cue, learned, held_out)
    out.mkdir(parents=True, exist_ok=True)
    sources = {"train": [path.parent.name for path in train], "dev": [path.parent.name for path in dev]}
    (out / "manifest.toml").write_text(_manifest(name, scorer, sources, seed, learned, held_out))
    (out / "CARD.md").write_text(_card(name, scorer, learned, held_out))
    return out


def _measure_one(cue: Cue, sample: Sample, rng: np.random.Generator) -> NDArray[np.float64] | None:
    roles = frozenset(role for moment in sample.moments for role in moment.paths)
    if not roles >= cue.NEEDS or sample.face is None:
        return None
    try:
        frame_set = next(read_frame_sets(sample, roles))
    except PictureError:
        return None
    box = sample.face
    dx, dy, dw, dh = rng.normal(0.0, BOX_JITTER, 4)
    jittered = Box(box.x + dx * box.w, box.y + dy * box.h, box.w * math.exp(dw), box.h * math.exp(dh))
    values = cue.measure(Observation(frame_set, Face(jittered, 0.5, 0.5)))
    return values if values is not None and np.isfinite(values).all() else None


def _earned_llr(dev: Measured) -> float:
    fewer = min(np.count_nonzero(dev.bona_fide), np.count_nonzero(~dev.bona_fide))
    return round(math.log(max(fewer / RULE_OF_THREE, math.e)), 3)


def _manifest(
    name: str, scorer: Scorer, sources: dict[str, list[str]], seed: int, learned: Measured, held_out: Measured
) -> str:
    def listed(values: Sequence[Any]) -> str:
        return "[" + ", ".join(f'"{v}"' if isinstance(v, str) else f"{v:.6g}" for v in values) + "]"

    lines = [
        "[model]",
        f'name = "{name}"',
        'version = "1"',
        'kind = "logistic"',
        'licence = "Apache-2.0"',
        "",
        "[scorer]",
    ]
    for field in dataclasses.fields(scorer):
        value = getattr(scorer, field.name)
        lines.append(f"{field.name} = {listed(value) if isinstance(value, tuple) else format(value, '.6g')}")
    lines += ["", "[training]", f"seed = {seed}", f'date = "{datetime.now(UTC).date()}"']
    lines += [f"{split} = {listed(names)}" for split, names in sources.items()]
    lines += [f"train_samples = {len(learned.species)}", f"dev_samples = {len(held_out.species)}"]
    return "\n".join(lines) + "\n"


def _card(name: str, scorer: Scorer, learned: Measured, held_out: Measured) -> str:
    lines = [
        f"# Cue `{name}`",
        "",
        f"Logistic regression on the numbers of `edge/livegate/cues/{name}.py`, fitted and calibrated on simulated",
        "captures of rendered heads (CC0). Materials, noise and optics are assumed constants: the figures show that",
        "the cue works on what was simulated, and nothing about real people, real masks or a real sensor.",
        "",
        f"Evidence is bounded at an LLR of ±{scorer.max_llr:g}: what the size of the dev set can support.",
        "",
        "| set | bona fide | attacks | AUC | BPCER at LLR 0 | worst APCER at LLR 0 | not measurable |",
        "|---|---|---|---|---|---|---|",
    ]
    for title, measured in (("train", learned), ("dev", held_out)):
        scores = llrs(scorer, measured)
        live, attack = scores[measured.bona_fide], scores[~measured.bona_fide]
        rates = _apcer(scores, measured)
        worst = max(rates, key=lambda species: rates[species])
        lines.append(
            f"| {title} | {live.size} | {attack.size} | {metrics.auc(live, attack):.3f} | {np.mean(live < 0):.3f} |"
            f" {rates[worst]:.3f} ({worst}) | {measured.unmeasured} |"
        )
    lines += ["", "APCER at LLR 0 by species, dev:", "", "| species | N | APCER |", "|---|---|---|"]
    counts = Counter(held_out.species)
    for species, rate in sorted(_apcer(llrs(scorer, held_out), held_out).items()):
        lines.append(f"| {species} | {counts[species]} | {rate:.3f} |")
    return "\n".join(lines) + "\n"


def _apcer(scores: NDArray[np.float64], measured: Measured) -> dict[str, float]:
    species = np.array(measured.species)
    return {str(s): float(np.mean(scores[species == s] >= 0)) for s in np.unique(species[~measured.bona_fide])}
