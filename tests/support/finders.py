"""Face finders for tests: drawn by chance, of the right shape, and of no use."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from livegate.detect.cascade import Trees
from livegate.detect.finder_manifest import Decision, Scan
from livegate.kernels.tree_shape import CONTRAST_STEPS, LEAVES, NODES, WINDOW
from livegate_tools.train.finder.publish import Trained, publish


def random_trees(count: int = 6, seed: int = 0, least: float = -1.0) -> Trees:
    """Return trees that let by about one window in three."""
    rng = np.random.default_rng(seed)
    nodes = rng.integers(0, WINDOW * WINDOW, (count, NODES, 3)).astype(np.int32)
    nodes[..., 2] = rng.integers(-CONTRAST_STEPS // 4, CONTRAST_STEPS // 4, (count, NODES))
    leaves = rng.normal(size=(count, LEAVES)).astype(np.float32)
    return Trees(nodes, leaves, np.full(count, least, np.float32))


def random_network(seed: int = 0) -> dict[str, np.ndarray]:
    """Return a network of another size than ours."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for i, (before, after) in enumerate(((1, 4), (4, 5), (5, 6)), 1):
        arrays[f"kernel_{i}"] = rng.normal(0, 0.5, (3, 3, before, after))
        arrays[f"bias_{i}"] = rng.normal(0, 0.1, after)
    for i, (before, after) in enumerate(((96, 7), (7, 5)), 1):
        arrays[f"matrix_{i}"] = rng.normal(0, 0.2, (before, after))
        arrays[f"offset_{i}"] = rng.normal(0, 0.1, after)
    return {name: array.astype(np.float16) for name, array in arrays.items()}


def random_finder(folder: Path) -> Path:
    """Write a whole model into ``folder`` and return it."""
    training = {"seed": 1, "pictures": 0, "faces": [], "negatives": [], "false_per_frame": 0.0}
    decision = Decision(0.2, 1.0, 0.0)
    return publish(Trained(random_trees(), random_network(), Scan(52.0, 2), decision, training), {}, [], folder)
