"""The stages in which the trees are grown, each against what still passes for a face."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from livegate.detect.cascade import Trees
from livegate.kernels.tree_shape import WINDOW
from livegate_tools.train.finder.boosting import Grower, Recipe
from livegate_tools.train.finder.mining import Miner
from livegate_tools.train.finder.pictures import Picture, Seen
from livegate_tools.train.finder.windows import FOR_TREES, face_windows

_MOST_TIMES = 3


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much a training looks at.

    ``mine_s`` bounds the search of a stage in seconds of this thread; ``tightened_on`` pictures fix the last bounds.
    """

    pictures_of_a_set: int = 6000
    repeats: int = 3
    others: int = 60000
    mine_s: float = 45.0
    tightened_on: int = 4000


def chosen(sets: Sequence[Sequence[Picture]], most: int, rng: np.random.Generator) -> list[Picture]:
    """Return at most ``most`` pictures of each set, those of small sets up to three times."""
    return [
        pictures[i]
        for pictures in sets
        for _ in range(min(_MOST_TIMES, max(1, most // max(2 * len(pictures), 1))))
        for i in np.sort(rng.permutation(len(pictures))[:most])
    ]


def grow_trees(
    pictures: Sequence[Seen], checkpoint: Path, seed: int, say: Callable[[str], None], amounts: Amounts, recipe: Recipe
) -> Trees:
    """Grow the whole cascade, from ``checkpoint`` on where there is one."""
    rng = np.random.default_rng(seed)
    faces, _ = face_windows(pictures, amounts.repeats, WINDOW, FOR_TREES, rng)
    say(f"{len(pictures)} pictures, {len(faces)} windows of faces")
    grower = Grower(faces, recipe, rng)
    miner = Miner(pictures, rng)
    if checkpoint.is_file():
        grower.resume(read_trees(checkpoint))
    for count in recipe.stages:
        if count <= len(grower.trees.least):
            continue
        began, before = time.thread_time(), miner.looked_at
        kept = grower.keep(amounts.others // 2)
        others = miner.mine(grower.trees, amounts.others - kept, amounts.mine_s)
        grower.add(others)
        mined, looked = time.thread_time() - began, miner.looked_at - before
        passed, wrong = grower.grow_to(count)
        write_trees(checkpoint, grower.trees)
        say(
            f"{count} trees: {kept} windows kept, {len(others)} new of {looked} pictures ({mined:.0f} s); "
            f"pass: {passed:.4f} of faces, {wrong:.4f} of the rest ({time.thread_time() - began:.0f} s)"
        )
        if len(others) + kept < amounts.others // 10:
            break
    return grower.trees


def write_trees(path: Path, trees: Trees) -> None:
    """Keep trees for another run."""
    np.savez(path, nodes=trees.nodes, leaves=trees.leaves, least=trees.least)


def read_trees(path: Path) -> Trees:
    """Return the trees that were kept."""
    with np.load(path) as kept:
        return Trees(kept["nodes"], kept["leaves"], kept["least"])
