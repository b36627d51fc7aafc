"""The card of a crop classifier; every number in it comes from a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from livegate_tools.train.crop.judge import Ranking
from livegate_tools.train.crop.left_out import LeftOut, summary
from livegate_tools.train.crop.recipe import Recipe
from livegate_tools.train.export import Exported
from livegate_tools.train.samples import Presentation, Sample

_LIMITS = (
    "No error rate for a product, a door or a population: few sources come from a camera, and those have few people.",
    "Attacks that are simulated only prove nothing about real ones of their kind: paper, gloss, screens and light were "
    "drawn from assumed ranges.",
    "A good 3D mask cannot be told from a face in one colour picture; use near infrared and depth.",
    "The species is a guess for the console and plays no part in the decision.",
    "It knows nothing of faces that the detector did not find, or whose box is far off.",
)


def card_text(
    exported: Exported,
    recipe: Recipe,
    training: dict[str, object],
    dev: Sequence[Ranking],
    left_out: Sequence[LeftOut],
    samples: Sequence[Sample],
) -> str:
    """Return CARD.md."""
    model, sources = recipe.model, {sample.source for sample in samples}
    lines = [
        f"# {model.name} {model.version}",
        "",
        f"A small network that looks at a found face and what is around it, {model.crop.scale:g} times the face's box, "
        f"{model.size}x{model.size} px, and says: {', '.join(model.classes)}.",
        "This card and the manifest are written by `livegate train crop`.",
        "",
        f"- {exported.parameters:,} parameters, {exported.mmacs} MMAC, licence {model.licence}, SHA-256 "
        f"`{exported.sha256}`.",
        f"- {training['presentations']:,} presentations, seed {training['seed']}, {training['date']}, commit "
        f"{training['commit']}.",
        f"- onnxruntime and PyTorch differ by at most {exported.deviation:.1e} on a random input.",
        *_taught(training),
        "",
        "## Data",
        "",
        *_data(samples),
        *(f"- {source}: {words}" for source, words in recipe.provenance.items() if source in sources),
        "",
        "## On dev",
        "",
        "Chance that a living face scores above an attack (AUC), before any threshold; rates of the whole terminal "
        "are those of `models/fusion` and `livegate evaluate`. A source without attacks is ranked against all others'.",
        "",
        *_dev(dev),
        "",
        "## Sources left out",
        "",
        *_left_out(left_out),
        "",
        "## What may not be claimed",
        "",
        *(f"- {limit}" for limit in _LIMITS),
    ]
    return "\n".join(lines) + "\n"


def _taught(training: dict[str, object]) -> list[str]:
    teachers = training["teachers"]
    if not isinstance(teachers, list) or not teachers:
        return []
    return [
        f"- Learnt, besides labels, from the outputs of {', '.join(teachers)} (distillation); it has none of their "
        "weights."
    ]


def _data(samples: Sequence[Sample]) -> list[str]:
    lines = ["| source | split | bona fide | attack | subjects |", "|---|---|---|---|---|"]
    groups = dict.fromkeys((sample.source, sample.split) for sample in samples)
    for source, split in groups:
        rows = [sample for sample in samples if sample.source == source and sample.split is split]
        kinds = Counter(row.presentation for row in rows)
        subjects = len({row.subject for row in rows})
        lines.append(
            f"| {source} | {split} | {kinds[Presentation.BONA_FIDE]} | {kinds[Presentation.ATTACK]} | {subjects} |"
        )
    return [*lines, ""]


def _dev(rankings: Sequence[Ranking]) -> list[str]:
    lines = ["| source | bona fide | attacks | AUC | by species |", "|---|---|---|---|---|"]
    for row in rankings:
        whole = "-" if row.auc is None else f"{row.auc:.3f}"
        species = ", ".join(f"{name} {value:.3f}" for name, value in row.by_species.items()) or "-"
        lines.append(f"| {row.source} | {row.bona_fide} | {row.attacks} | {whole} | {species} |")
    return lines


def _left_out(results: Sequence[LeftOut]) -> list[str]:
    if not results:
        return ["Not measured for these weights."]
    return [
        "Trained anew, shorter, without the source and without anything simulated from it. APCER and BPCER are at "
        "the threshold that lets 5 % of the other sources' dev attacks in: what a terminal would meet without "
        "calibration on the spot. Mean over seeds, least and largest in brackets.",
        "",
        summary(results),
    ]
