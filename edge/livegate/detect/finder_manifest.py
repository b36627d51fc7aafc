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
from livegate.errors import AssetError
from livegate.kernels.tree_shape import CONTRAST_STEPS, LEAVES, LOOK, NODES, WINDOW
from livegate.options import Between
from livegate.weights import read_weights

_TREES = ("nodes", "leaves", "least")
_NETWORK = tuple(
    f"{name}_{i}"
    for name, many in (("kernel", 3), ("bias", 3), ("matrix", 2), ("offset", 2))
    for i in range(1, many + 1)
)
_OUTPUTS = 5
# Every picture waits for the finder, and whoever made one need not mean well. With trees that let every window by the
# largest that these bounds take needs 0.2 s a picture, 4,096 trees before 256 channels 2.3 s, ours 0.01 s: up to four
# times our 50 trees, twice our 64 channels.
_MOST_TREES, _MOST_CHANNELS = 200, 128


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

    # Half of each makes four times the windows: no more than twice ours.
    smallest_px: Annotated[float, Between(40, 240)]
    stride: Annotated[int, Between(2, 4)]


@dataclass(frozen=True, slots=True)
class Decision:
    """Table [decision]: what the network's odds mean, confidence = 1 / (1 + exp(-(offset + slope * odds))).

    A face has at least ``confidence``.
    """

    confidence: Annotated[float, Between(1e-6, 1 - 1e-6)]
    slope: Annotated[float, Between(0.001, 100)]
    offset: Annotated[float, Between(-1000, 1000)]

    @property
    def least_odds(self) -> float:
        """The odds, in natural logarithms, that a face has at least."""
        return (math.log(self.confidence / (1 - self.confidence)) - self.offset) / self.slope

    def of(self, odds: float) -> float:
        """Return the confidence that what has these odds, in natural logarithms, is a face."""
        return 1 / (1 + math.exp(-min(max(self.offset + self.slope * odds, -50.0), 50.0)))


@dataclass(frozen=True, slots=True)
class _Tables:
    model: Identity
    scan: Scan
    decision: Decision
    training: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class FinderModel:
    """A whole face finder, ready to be used."""

    path: Path
    model: Identity
    scan: Scan
    decision: Decision
    trees: Trees
    network: Mapping[str, NDArray[np.float32]]
    """Weights of the second look: kernel_1..3, bias_1..3, matrix_1..2, offset_1..2."""


def read_finder(folder: Path) -> FinderModel:
    """Return the face finder in ``folder``; AssetError names file, key and remedy for anything missing or damaged."""
    path = folder / MANIFEST
    tables = read_tables(_Tables, path)
    if tables.model.kind is not Kind.FACE_CASCADE:
        raise AssetError(
            f"{path}: [model] 'kind': expected '{Kind.FACE_CASCADE}', found '{tables.model.kind}'; {REMEDY}"
        )
    arrays = read_weights(folder, tables.model.weights_sha256)
    fault = _fault(arrays)
    if fault:
        raise AssetError(f"{path}: its weights {fault}; {REMEDY}")
    trees = Trees(
        np.ascontiguousarray(arrays["nodes"], dtype=np.int32),
        np.ascontiguousarray(arrays["leaves"], dtype=np.float32),
        np.ascontiguousarray(arrays["least"], dtype=np.float32),
    )
    network = {name: np.ascontiguousarray(arrays[name], dtype=np.float32) for name in _NETWORK}
    return FinderModel(path, tables.model, tables.scan, tables.decision, trees, network)


def _fault(arrays: Mapping[str, NDArray[Any]]) -> str | None:
    """Return what is wrong with a finder's arrays; one that has no fault cannot make a kernel read elsewhere."""
    if set(arrays) != {*_TREES, *_NETWORK}:
        return f"hold {', '.join(sorted(arrays)) or 'nothing'}, expected {', '.join((*_TREES, *_NETWORK))}"
    return _tree_fault(*(arrays[name] for name in _TREES)) or _network_fault(arrays)


def _tree_fault(nodes: NDArray[Any], leaves: NDArray[Any], least: NDArray[Any]) -> str | None:
    count = least.size
    if not 1 <= count <= _MOST_TREES or least.shape != (count,) or leaves.shape != (count, LEAVES):
        expected = f"expected (T, {LEAVES}) and (T,), at most {_MOST_TREES} trees"
        return f"hold {leaves.shape} leaves and {least.shape} bounds, {expected}"
    if nodes.shape != (count, NODES, 3) or nodes.dtype.kind not in "iu":
        return f"hold nodes {nodes.shape} {nodes.dtype}, expected ({count}, {NODES}, 3) of whole numbers"
    wide = nodes.astype(np.int64)
    if wide[..., :2].min() < 0 or wide[..., :2].max() >= WINDOW * WINDOW or abs(wide[..., 2]).max() > CONTRAST_STEPS:
        return f"compare pixels outside a window of {WINDOW} by {WINDOW}, or against more than {CONTRAST_STEPS}"
    return None


def _network_fault(arrays: Mapping[str, NDArray[Any]]) -> str | None:
    side, channels = LOOK, 1
    for i in (1, 2, 3):
        kernel, bias = arrays[f"kernel_{i}"], arrays[f"bias_{i}"]
        if bias.ndim != 1 or not 1 <= bias.size <= _MOST_CHANNELS or kernel.shape != (3, 3, channels, bias.size):
            expected = f"expected (3, 3, {channels}, D) and (D,), D up to {_MOST_CHANNELS}"
            return f"hold kernel_{i} {kernel.shape} and bias_{i} {bias.shape}, {expected}"
        side, channels = (side + 1) // 2, bias.size
    inputs = side * side * channels
    for i, most in ((1, _MOST_CHANNELS), (2, _OUTPUTS)):
        matrix, offset = arrays[f"matrix_{i}"], arrays[f"offset_{i}"]
        if offset.ndim != 1 or not 1 <= offset.size <= most or matrix.shape != (inputs, offset.size):
            expected = f"expected ({inputs}, D) and (D,), D up to {most}"
            return f"hold matrix_{i} {matrix.shape} and offset_{i} {offset.shape}, {expected}"
        inputs = offset.size
    return None if inputs == _OUTPUTS else f"answer with {inputs} numbers, expected {_OUTPUTS}"
