"""From pictures of people to models/quality/: measure them, fix the gate, write manifest and card."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from livegate.detect.network import Kind
from livegate.errors import LivegateError
from livegate.pictures.reading import read_picture
from livegate.progress import Progress
from livegate.quality.gate import QualityGate
from livegate.quality.measures import QualityMeasures, measure, reduced
from livegate.quality.turn import FEATURES, TurnModel, features
from livegate.quality_manifest import TurnTable
from livegate.toml_text import toml_lines
from livegate.types import Reason
from livegate_tools.train.quality.card import card_text
from livegate_tools.train.quality.fit import CRITERIA, HALF_A_FACE, Fixed, fit_turn, fix_limit, limits_of
from livegate_tools.train.quality.portraits import Portrait, read_portraits
from livegate_tools.train.quality.spoil import KINDS, TURNED, UNUSABLE

SEED = 1
# So many pictures of each source are spoilt.
SPOILT_EACH = 60


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """All that was measured: by portrait, and by kind of spoiling with the reason it should be refused for."""

    portraits: tuple[Portrait, ...]
    measures: tuple[QualityMeasures, ...]
    spoilt: Mapping[str, tuple[Reason, tuple[QualityMeasures, ...]]]

    def by_source(self, farthest_turn: float = math.inf) -> dict[str, list[QualityMeasures]]:
        """Return the measures of every source that limits go by: simulated pictures are only reported on.

        Heads turned beyond ``farthest_turn`` by their landmarks are left out.
        """
        found: dict[str, list[QualityMeasures]] = defaultdict(list)
        for portrait, measures in zip(self.portraits, self.measures, strict=True):
            if not portrait.simulated and abs(portrait.turn or 0.0) <= farthest_turn:
                found[portrait.source].append(measures)
        return dict(found)


def train_quality(data: Path, simulated: Sequence[Path], out: Path) -> Path:
    """Write manifest.toml and CARD.md into ``out`` and return it; LivegateError says why not."""
    portraits = read_portraits(data, simulated)
    table = learn_turn([portrait for portrait in portraits if portrait.turn is not None and not portrait.held_out])
    turn = TurnModel.of(np.array(table.weight), table.inter_eye_share)
    measured = measure_all(portraits, turn)
    fixed = tuple(_fix(measured))
    limits, advice = limits_of(fixed, lambda one: one.limit), limits_of(fixed, lambda one: one.advice)
    gate = QualityGate(turn, limits, advice)
    out.mkdir(parents=True, exist_ok=True)
    (out / "manifest.toml").write_text(_manifest(gate, table, fixed, measured), "utf-8")
    (out / "CARD.md").write_text(
        card_text(gate, fixed, measured.portraits, measured.measures, measured.spoilt), "utf-8"
    )
    return out


def learn_turn(portraits: Sequence[Portrait]) -> TurnTable:
    """Return the turn learnt from pictures with landmarks; LivegateError when they are fewer than the weights."""
    if len(portraits) < FEATURES:
        raise LivegateError(
            f"train quality: {len(portraits)} pictures with landmarks outside of dev, expected {FEATURES} or more; "
            "name a folder with more of them by --data"
        )
    rows = [features(reduced(read_picture(portrait.path), portrait.box)) for portrait in portraits]
    turns = [portrait.turn for portrait in portraits if portrait.turn is not None]
    frontal = [p.eyes_px / p.box.w for p in portraits if p.eyes_px is not None and abs(p.turn or 0.0) < 0.1]
    weight = tuple(float(f"{value:.4g}") for value in fit_turn(np.array(rows), np.array(turns)))
    return TurnTable(round(float(np.median(frontal)), 4), weight)


def measure_all(portraits: Sequence[Portrait], turn: TurnModel) -> Measured:
    """Measure every picture, and some of each source once for every kind of spoiling."""
    rng = np.random.default_rng(SEED)
    chosen = _chosen(portraits, rng)
    measures: list[QualityMeasures] = []
    spoilt: dict[str, list[QualityMeasures]] = {kind.name: [] for kind in KINDS}
    with Progress("measure", len(portraits)) as progress:
        for number, portrait in enumerate(portraits):
            image = read_picture(portrait.path)
            measures.append(measure(image, portrait.box, turn))
            if number in chosen:
                for kind in KINDS:
                    spoilt[kind.name].append(measure(kind.apply(image, portrait.box, rng), portrait.box, turn))
            progress.advance()
    named = {kind.name: (kind.reason, tuple(spoilt[kind.name])) for kind in KINDS}
    return Measured(tuple(portraits), tuple(measures), named)


def _chosen(portraits: Sequence[Portrait], rng: np.random.Generator) -> set[int]:
    by_source: dict[str, list[int]] = defaultdict(list)
    for number, portrait in enumerate(portraits):
        by_source[portrait.source].append(number)
    return {
        int(number)
        for numbers in by_source.values()
        for number in rng.choice(numbers, min(SPOILT_EACH, len(numbers)), replace=False)
    }


def _fix(measured: Measured) -> list[Fixed]:
    good = measured.by_source()
    turned = [
        abs(measures.turn)
        for portrait, measures in zip(measured.portraits, measured.measures, strict=True)
        if portrait.turn is not None and abs(portrait.turn) >= TURNED
    ]
    found = []
    for criterion in CRITERIA:
        unusable = [
            criterion.read(one)
            for reason, measures in measured.spoilt.values()
            if reason is criterion.reason
            for one in measures
        ]
        usable = good
        if criterion.reason is Reason.TURNED:
            usable, unusable = measured.by_source(HALF_A_FACE), turned
        if criterion.reason in UNUSABLE:
            unusable = [UNUSABLE[criterion.reason]]
        if not unusable:
            raise LivegateError("train quality: no picture of a head turned away; name a folder with some by --data")
        found.append(fix_limit(criterion, usable, unusable))
    return found


def _manifest(gate: QualityGate, turn: TurnTable, fixed: Sequence[Fixed], measured: Measured) -> str:
    sources = {source: len(found) for source, found in measured.by_source().items()}
    whole = {
        "model": {"name": "quality", "version": "1", "kind": Kind.QUALITY_LIMITS, "licence": "Apache-2.0"},
        "limits": asdict(gate.limits),
        "advice": asdict(gate.advice),
        "turn": asdict(turn),
        "training": {
            "seed": SEED,
            "date": str(datetime.now(UTC).date()),
            "pictures": sources,
            "worst_source": {one.criterion.field: one.worst_source for one in fixed},
        },
    }
    return "\n".join(toml_lines(whole)) + "\n"
