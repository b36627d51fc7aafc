"""The manifest of a face finder: a cascade of trees, and what its numbers mean."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from livegate.detect.cascade import Trees
from livegate.detect.network import MANIFEST, REMEDY, Kind, Sha256
from livegate.detect.tables import read_tables
from livegate.detect.windows import BoxRule
from livegate.errors import AssetError
from livegate.kernels.tree_shape import CONTRAST_STEPS, LEAVES, NODES, WINDOW
from livegate.options import Between
from livegate.weights import read_weights

_TREES = ("nodes", "leaves", "least")
_MOST_TREES = 4096


@dataclass(frozen=True, slots=True)
class Identity:
    """Table [model]: what it is called, and the hash of its weights.npz."""

    name: str
    version: str
    kind: Kind
    licence: str
    weights_sha256: Sha256


@dataclass(frozen=True, slots=True)
class Scan:
    """Table [scan]: side of the smallest window in pixels of a picture of 640 by 480, and pixels between windows.

    In a larger picture the smallest window is larger by as much, so that every picture takes about as long.
    """

    smallest_px: Annotated[float, Between(WINDOW, 240)]
    stride: Annotated[int, Between(1, 4)]


@dataclass(frozen=True, slots=True)
class Decision:
    """Table [decision]: confidence is 1 / (1 + exp(-(offset + slope * ln(evidence)))); a face has ``confidence``."""

    confidence: Annotated[float, Between(0, 1)]
    slope: Annotated[float, Between(0, 100)]
    offset: Annotated[float, Between(-1000, 1000)]

    def of(self, evidence: float) -> float:
        """Return the confidence that so much evidence, above 0, is a face."""
        odds = self.offset + self.slope * math.log(evidence)
        return 1 / (1 + math.exp(-min(max(odds, -50.0), 50.0)))


@dataclass(frozen=True, slots=True)
class _Tables:
    model: Identity
    scan: Scan
    box: BoxRule
    decision: Decision
    training: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class FinderModel:
    """A whole face finder, ready to be used."""

    path: Path
    model: Identity
    scan: Scan
    box: BoxRule
    decision: Decision
    trees: Trees


def read_finder(folder: Path) -> FinderModel:
    """Return the face finder in ``folder``; AssetError names file, key and remedy for anything missing or damaged."""
    path = folder / MANIFEST
    tables = read_tables(_Tables, path)
    if tables.model.kind is not Kind.FACE_CASCADE:
        raise AssetError(f"{path}: [model] 'kind': expected '{Kind.FACE_CASCADE}', found '{tables.model.kind}'; {REMEDY}")
    arrays = read_weights(folder, tables.model.weights_sha256)
    fault = _fault(arrays)
    if fault:
        raise AssetError(f"{path}: its weights {fault}; {REMEDY}")
    trees = Trees(
        np.ascontiguousarray(arrays["nodes"], dtype=np.int32),
        np.ascontiguousarray(arrays["leaves"], dtype=np.float32),
        np.ascontiguousarray(arrays["least"], dtype=np.float32),
    )
    return FinderModel(path, tables.model, tables.scan, tables.box, tables.decision, trees)


def _fault(arrays: Mapping[str, NDArray[Any]]) -> str | None:
    """Return what is wrong with a cascade's arrays; one that has no fault cannot make the kernel read elsewhere."""
    if set(arrays) != set(_TREES):
        return f"hold {', '.join(sorted(arrays)) or 'nothing'}, expected {', '.join(_TREES)}"
    nodes, leaves, least = (arrays[name] for name in _TREES)
    count = least.size
    if not 1 <= count <= _MOST_TREES or least.shape != (count,) or leaves.shape != (count, LEAVES):
        return f"hold {leaves.shape} leaves and {least.shape} bounds, expected (T, {LEAVES}) and (T,)"
    if nodes.shape != (count, NODES, 3) or nodes.dtype.kind not in "iu":
        return f"hold nodes {nodes.shape} {nodes.dtype}, expected ({count}, {NODES}, 3) of whole numbers"
    if nodes[..., :2].min() < 0 or nodes[..., :2].max() >= WINDOW * WINDOW or abs(nodes[..., 2]).max() > CONTRAST_STEPS:
        return f"compare pixels outside a window of {WINDOW} by {WINDOW}, or against more than {CONTRAST_STEPS}"
    return None
