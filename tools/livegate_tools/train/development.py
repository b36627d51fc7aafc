"""How the averaged network does on dev after an epoch: the source that does worst is what counts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

from livegate_tools.train.figures import FOUND_IOU, area_under_curve, by_source
from livegate_tools.train.judge import Floats, judge
from livegate_tools.train.network import Deployed, FaceNetwork
from livegate_tools.train.recipe import Recipe
from livegate_tools.train.samples import Sample


@dataclass(frozen=True, slots=True)
class Development:
    """By source: the share of faces found, of pictures without faces that show one, and the AUC; where there is one."""

    recall: Mapping[str, float]
    false_faces: Mapping[str, float]
    auc: Mapping[str, float]

    @property
    def worst_auc(self) -> float | None:
        """AUC of the source that does worst; None where no source has both classes."""
        return min(self.auc.values(), default=None)

    def line(self) -> str:
        """Return all of it in one line, the worst first."""
        worst = min(self.auc, key=lambda source: self.auc[source], default=None)
        head = "no dev source with both classes" if worst is None else f"worst auc {self.auc[worst]:.3f} ({worst})"
        parts = [head]
        for source in {**self.recall, **self.false_faces}:
            named = {"recall": self.recall, "false faces": self.false_faces, "auc": self.auc}
            values = [f"{name} {value[source]:.3f}" for name, value in named.items() if source in value]
            parts.append(" ".join([source, *values]))
        return "; ".join(parts)


def torch_inference(network: FaceNetwork) -> Callable[[Floats], tuple[Floats, Floats]]:
    """Return ``network`` as a function from normalised input to boxes and scores."""
    deployed = Deployed(network).eval()
    device = next(network.parameters()).device

    def infer(inputs: Floats) -> tuple[Floats, Floats]:
        with torch.no_grad():
            boxes, scores = deployed(torch.from_numpy(inputs).to(device).contiguous(memory_format=torch.channels_last))
        return boxes.cpu().numpy(), scores.cpu().numpy()

    return infer


def thinned(samples: Sequence[Sample], limit: int) -> list[Sample]:
    """Return at most ``limit`` samples of each source, evenly spread over its order."""
    groups: dict[str, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(sample.source, []).append(sample)
    kept: list[Sample] = []
    for group in groups.values():
        stride = max(1, math.ceil(len(group) / limit))
        kept += group[::stride]
    return kept


def judged_on_dev(dev: Sequence[Sample], network: FaceNetwork, recipe: Recipe) -> Development:
    """Judge ``network`` on at most the recipe's number of pictures of each source."""
    results = judge(thinned(dev, recipe.judgement.evaluation_limit), torch_inference(network), recipe)
    groups = by_source(results)
    with_faces = {source: [row for row in rows if row.sample.faces] for source, rows in groups.items()}
    without = {source: [row for row in rows if not row.sample.faces] for source, rows in groups.items()}
    areas = {source: area_under_curve(rows) for source, rows in groups.items()}
    return Development(
        recall={
            name: sum(r.overlap >= FOUND_IOU for r in rows) / len(rows) for name, rows in with_faces.items() if rows
        },
        false_faces={name: sum(r.face is not None for r in rows) / len(rows) for name, rows in without.items() if rows},
        auc={source: area for source, area in areas.items() if area is not None},
    )
