"""The model's card: what it is, what it was measured at, and what may not be claimed; every number comes from a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from livegate.config import DecisionPolicy
from livegate_tools.evaluate.bootstrap import FEWEST_SUBJECTS
from livegate_tools.train.calibrate import OperatingPoint
from livegate_tools.train.export import Exported, Training
from livegate_tools.train.figures import Rate, SourceFigures
from livegate_tools.train.recipe import Recipe
from livegate_tools.train.samples import Presentation, Sample

LIMITS = (
    "No error rate for a product, a door or a population: of the {both} dev sources with both classes {real} came from "
    "a camera, the others are simulated.",
    "Nothing about presentations, cameras, rooms or light that are not in the tables; a threshold does not carry over "
    "to another camera, calibrate on the terminal.",
    "Nothing about skin tones, ages or sexes: no source has them in numbers that would show a difference.",
    "Species without a row, or with simulated rows only, have never been met in a real capture.",
    "A high score from RGB alone is no proof of life: use near-infrared and depth where the terminal has them.",
)

ASKED = DecisionPolicy()


@dataclass(frozen=True, slots=True)
class Measured:
    """All the card reports."""

    exported: Exported
    recipe: Recipe
    point: OperatingPoint
    training: Training
    dev: tuple[SourceFigures, ...]
    seen: tuple[SourceFigures, ...]
    train_samples: tuple[Sample, ...]
    dev_samples: tuple[Sample, ...]


def card_text(measured: Measured) -> str:
    """Return CARD.md."""
    parts = [
        *_head(measured),
        *_data(measured),
        "## On dev: data not trained on",
        "",
        "Operating point and calibration were fitted on these very pictures, and runs and recipes were compared on",
        "them: the errors here are optimistic.",
        "",
        *_tables(measured.dev),
        "## On the training sources: data trained on",
        "",
        "These say only whether the network learnt what it was shown; they predict nothing.",
        "",
        *_tables(measured.seen),
        *_limits(measured),
    ]
    return "\n".join(parts) + "\n"


def _head(measured: Measured) -> list[str]:
    model, point, training = measured.recipe.model, measured.point, measured.training
    line = point.calibration
    state = (
        f"Trained to the end of its schedule{_chosen(training)}."
        if training.ended
        else f"**Interim weights: {training.epochs} of {training.epochs_planned} planned epochs.**"
    )
    before = training.presentations_before
    earlier = f" ({before:,} of them in earlier runs whose weights this one began with)" if before else ""
    return [
        f"# {model.name} {model.version}",
        "",
        "A single-shot detector (Song et al. 2019; Liu et al. 2016) with the classes background, bona fide and attack.",
        f"{state} {training.presentations:,} presentations{earlier}, seed {training.seed}, {training.date}, "
        f"commit {training.commit}.",
        "This card and the manifest are written by `livegate train`.",
        *_taught(training),
        "",
        f"- {measured.exported.parameters:,} parameters, {measured.exported.mmacs} MMAC at "
        f"{model.width}×{model.height}, licence {model.licence}, SHA-256 `{measured.exported.sha256}`.",
        f"- onnxruntime and PyTorch differ by at most {measured.exported.deviation:.1e} on a random input.",
        f"- Evidence: llr = {line.slope:.3f} · logit + {line.offset:.3f}, held to ±{line.max_llr:.2f} (the "
        "logarithm of the number of dev subjects of the rarer class, plus one).",
        f"- Operating point: bona fide from llr {line.threshold_llr:.3f}; on dev, all sources weighing the same, APCER "
        f"{point.apcer:.3f} and BPCER {point.bpcer:.3f} (asked: at most {ASKED.max_apcer} and {ASKED.max_bpcer}; where "
        "both cannot be had, both are missed by one factor).",
        "",
    ]


def _chosen(training: Training) -> str:
    """Return which epoch the weights are of."""
    early = "" if training.epochs_run >= training.epochs_planned else f" of {training.epochs_planned} planned"
    epochs = f", {training.epochs_run}{early} epochs"
    if training.chosen and training.epochs < training.epochs_run:
        return f"{epochs}; the weights are of epoch {training.epochs}, whose worst dev source was the best"
    return epochs


def _taught(training: Training) -> list[str]:
    """Return what was learnt from other networks."""
    if not training.teachers:
        return []
    return [
        f"Distilled: beside the labels, the scores that {' and '.join(training.teachers)} gave {training.taught:,} of "
        "the training pictures were a soft target. None of their weights are in the file; whom and what they were "
        "trained on is as little known here as from their publishers."
    ]


def _data(measured: Measured) -> list[str]:
    rows = ["## Data", "", "| source | split | bona fide | attack | other | subjects |", "|---|---|---|---|---|---|"]
    for split, samples in (("train", measured.train_samples), ("dev", measured.dev_samples)):
        for source in dict.fromkeys(sample.source for sample in samples):
            mine = [sample for sample in samples if sample.source == source]
            rows.append(f"| {source} | {split} | {_counts(mine)} | {len({sample.subject for sample in mine})} |")
    sources = dict.fromkeys(s.source for s in (*measured.train_samples, *measured.dev_samples))
    words = measured.recipe.provenance
    return [*rows, "", *(f"- {source}: {words.get(source, 'provenance not stated')}" for source in sources), ""]


def _counts(samples: Sequence[Sample]) -> str:
    bona_fide = sum(sample.presentation is Presentation.BONA_FIDE for sample in samples)
    attack = sum(sample.presentation is Presentation.ATTACK for sample in samples)
    return f"{bona_fide} | {attack} | {len(samples) - bona_fide - attack}"


def _tables(figures: Iterable[SourceFigures]) -> list[str]:
    rows = [
        "| source | figure | value | 95 % interval by subject | count | subjects | note |",
        "|---|---|---|---|---|---|---|",
    ]
    for source in figures:
        if source.auc is not None:
            rows.append(f"| {source.source} | AUC | {source.auc:.3f} | | | | a missed face ranks as an error |")
        named = {
            "face recall, IoU ≥ 0.5": source.recall,
            "pictures without a face in which one is found": source.false_faces,
            "BPCER": source.bpcer,
            **{f"APCER {name}": rate for name, rate in source.apcer.items()},
        }
        rows += [_row(source.source, figure, rate) for figure, rate in named.items() if rate is not None]
    return [*rows, ""]


def _row(source: str, figure: str, rate: Rate) -> str:
    interval = "null" if rate.interval is None else f"{rate.interval[0]:.3f} to {rate.interval[1]:.3f}"
    share = f"{rate.hits} of {rate.count}"
    return f"| {source} | {figure} | {rate.value:.3f} | {interval} | {share} | {rate.subjects} | {rate.note} |"


def _limits(measured: Measured) -> list[str]:
    both = [figures.source for figures in measured.dev if figures.auc is not None]
    real = sum(not source.startswith("simulated") for source in both)
    few = [
        figures.source
        for figures in measured.dev
        if figures.bpcer is not None and figures.bpcer.subjects < FEWEST_SUBJECTS
    ]
    lines = ["## What may not be claimed", "", *(f"- {text.format(real=real, both=len(both))}" for text in LIMITS)]
    if few:
        lines.append(f"- No interval for {', '.join(few)}: fewer than {FEWEST_SUBJECTS} living subjects.")
    return lines
