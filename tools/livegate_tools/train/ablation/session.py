"""``livegate train ablation``: what each cue and the cascade adds and costs, as tables, JSON and a picture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import cv2

from livegate.config import DecisionPolicy
from livegate.errors import LivegateError
from livegate.installed.shelf import SHIPPED, Shelf
from livegate_tools.evaluate.page.picture import write_picture
from livegate_tools.train.ablation.arms import fallback_groups, network_groups
from livegate_tools.train.ablation.chart import ablation_chart
from livegate_tools.train.ablation.cost import Costs, costs
from livegate_tools.train.ablation.page import as_json, tables
from livegate_tools.train.ablation.standing import Compared, compare
from livegate_tools.train.dev_measurers import Way
from livegate_tools.train.fusion import dev_samples, learn, ways
from livegate_tools.whole import write_whole

NAME = "ablation"


def ablate(places: Sequence[Path], out: Path, jobs: int = 1, cache: Path | None = None, shelf: Shelf = SHIPPED) -> Path:
    """Measure dev ``places`` and write ablation.md, ablation.json and ablation.png into ``out``; return it.

    Nothing else is written: the models stay as they are. LivegateError where people or attacks are missing.
    """
    cv2.setNumThreads(1)
    policy, samples = DecisionPolicy(), dev_samples(places)
    measured: list[tuple[Compared, Costs]] = []
    for way in ways(shelf):
        learnt = learn(way, samples, jobs, cache, shelf)
        names = tuple(learnt.equipment.measurer.cues)
        groups = (network_groups if way is Way.NETWORK else fallback_groups)(names, learnt.needs)
        found = [compare(group, learnt.evidence, policy) for group in groups]
        taken = costs(learnt.equipment, samples)
        measured += [(compared, taken) for compared in found if compared is not None]
    if not measured:
        raise LivegateError(f"{', '.join(map(str, places))}: expected people and attacks with a face, found none")
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / f"{NAME}.md", tables(measured, policy))
    write_whole(out / f"{NAME}.json", json.dumps(as_json(measured), indent=1, allow_nan=False) + "\n")
    write_picture(out / f"{NAME}.png", ablation_chart(measured))
    return out
