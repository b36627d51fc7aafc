"""What happens on a source that training never saw: the only honest ranking of recipes, since dev is solved by all.

Every run trains without one source and without everything that was made of its pictures, fixes calibration and
threshold on the dev split of the others, and is judged on all of the source. Several seeds show what differences mean
nothing.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from livegate.config import DecisionPolicy
from livegate.errors import ConfigError
from livegate_tools.train.cache import PictureCache
from livegate_tools.train.calibrate import operating_point
from livegate_tools.train.development import torch_inference
from livegate_tools.train.figures import source_figures
from livegate_tools.train.judge import judge
from livegate_tools.train.loop import Run, chosen, train
from livegate_tools.train.samples import Presentation, Sample, require_both_classes
from livegate_tools.train.seeds import left_out_table

REPORT = "leave-one-source-out"
ALL = "all"
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """One seed's figures on ``source``; None where it lacks the class. A missed face is an error of a bona fide one."""

    source: str
    seed: int
    bona_fide: int
    attacks: int
    recall: float | None
    auc: float | None
    bpcer: float | None
    apcer: float | None
    """Of the worst species ..."""
    species: Mapping[str, float]
    """... of these."""


def labelled_sources(samples: Sequence[Sample]) -> tuple[str, ...]:
    """Return the sources with liveness classes, in order."""
    return tuple(dict.fromkeys(s.source for s in samples if s.presentation in _CLASSES))


def leave_out(run: Run, sources: Sequence[str], seeds: Sequence[int], say: Say) -> tuple[HeldOut, ...]:
    """Train without each of ``sources`` once a seed, and write the report after each run; "all" means every one.

    ``run`` has all the data; its folder keeps the runs, the report, and goes on where it was cut off. ConfigError where
    a source is not known or leaves less than both classes to learn from.
    """
    samples = (*run.train, *run.dev)
    parts = [_without(run, source, seed) for source in _wanted(run, sources, say) for seed in seeds]
    PictureCache(run.train, run.cache)
    found: list[HeldOut] = []
    for source, seed, part in parts:
        say(f"without {source}, seed {seed}: {len(part.train)} pictures to learn from")
        found.append(_measured(part, source, seed, [s for s in samples if s.source == source], say))
        (run.folder / f"{REPORT}.json").write_text(
            json.dumps([dataclasses.asdict(f) for f in found], indent=1), "utf-8"
        )
        (run.folder / f"{REPORT}.md").write_text(table(found) + "\n", "utf-8")
    return tuple(found)


def _wanted(run: Run, sources: Sequence[str], say: Say) -> list[str]:
    known = labelled_sources((*run.train, *run.dev))
    for source in sources:
        if source not in (*known, ALL):
            raise ConfigError(
                f"--leave-out {source}: no labelled picture is of that source; there are {', '.join(known)}"
            )
    if ALL not in sources:
        return list(sources)
    wanted = []
    for source in known:
        try:
            _without(run, source, seed=0)
            wanted.append(source)
        except ConfigError as exc:
            say(f"{source} is not left out: {exc}")
    if not wanted:
        raise ConfigError("--leave-out all: no source leaves both classes to learn from and to fix a threshold on")
    return wanted


def _without(run: Run, source: str, seed: int) -> tuple[str, int, Run]:
    """Return the run without ``source``; its folder's name says of what recipe and data it is."""
    learnt, dev = (tuple(s for s in part if not s.comes_from(source)) for part in (run.train, run.dev))
    require_both_classes(learnt, f"split train without {source}")
    require_both_classes(dev, f"split dev without {source}")
    recipe = dataclasses.replace(run.recipe, optimisation=dataclasses.replace(run.recipe.optimisation, seed=seed))
    part = dataclasses.replace(run, recipe=recipe, train=learnt, dev=dev, shared_cache=run.cache)
    mark = hashlib.sha256(f"{recipe} {part.data_digest()}".encode()).hexdigest()[:8]
    return source, seed, dataclasses.replace(part, folder=run.folder / f"without-{source}-{seed}-{mark}")


def _measured(run: Run, source: str, seed: int, held: Sequence[Sample], say: Say) -> HeldOut:
    run.folder.mkdir(parents=True, exist_ok=True)
    train(run, say, resume=run.checkpoint.exists())
    infer = torch_inference(chosen(run).network)
    point = operating_point(list(judge(run.dev, infer, run.recipe)), DecisionPolicy())
    figures = source_figures(source, list(judge(held, infer, run.recipe)), point.calibration)
    counts = [sum(sample.presentation is kind for sample in held) for kind in _CLASSES]
    species = {name: rate.value for name, rate in figures.apcer.items()}
    return HeldOut(
        source=source,
        seed=seed,
        bona_fide=counts[0],
        attacks=counts[1],
        recall=None if figures.recall is None else figures.recall.value,
        auc=figures.auc,
        bpcer=None if figures.bpcer is None else figures.bpcer.value,
        apcer=max(species.values(), default=None),
        species=species,
    )


def table(results: Sequence[HeldOut]) -> str:
    """Return a Markdown table: mean over seeds, and in brackets the least and the largest."""
    figures = {"recall": "face recall", "auc": "AUC", "bpcer": "BPCER", "apcer": "APCER, worst species"}
    return left_out_table(results, figures)


_CLASSES = (Presentation.BONA_FIDE, Presentation.ATTACK)
