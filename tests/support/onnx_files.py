"""ONNX files made by hand, field by field (onnx.proto3), so that what no exporter writes can be written too."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

_FLOAT = 1
_INT = 2


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def blob(field: int, content: bytes | str) -> bytes:
    content = content.encode() if isinstance(content, str) else content
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def node(operator: str, inputs: Sequence[str], output: str, *attributes: bytes, domain: str = "") -> bytes:
    named = b"".join(blob(1, name) for name in inputs) + blob(2, output) + blob(4, operator)
    return named + b"".join(blob(5, attribute) for attribute in attributes) + (blob(7, domain) if domain else b"")


def integer(name: str, value: int) -> bytes:
    return blob(1, name) + number(3, value) + number(20, _INT)


def graph_attribute(name: str, graph: bytes) -> bytes:
    return blob(1, name) + blob(6, graph) + number(20, 5)


def tensor(name: str, values: np.ndarray, more: bytes = b"") -> bytes:
    shape = b"".join(number(1, side) for side in values.shape)
    return shape + number(2, _FLOAT) + blob(8, name) + blob(9, values.astype("<f4").tobytes()) + more


def value(name: str, shape: Sequence[int]) -> bytes:
    sides = b"".join(blob(1, number(1, side)) for side in shape)
    return blob(1, name) + blob(2, blob(1, number(1, _FLOAT) + blob(2, sides)))


def graph(nodes: Sequence[bytes], output: bytes, side: int = 16, initializers: Sequence[bytes] = ()) -> bytes:
    parts = b"".join(blob(1, each) for each in nodes) + blob(2, "g")
    parts += b"".join(blob(5, each) for each in initializers)
    return parts + blob(11, value("input", (1, 3, side, side))) + blob(12, output)


def model(whole_graph: bytes, more: bytes = b"") -> bytes:
    return number(1, 8) + blob(7, whole_graph) + blob(8, number(2, 17)) + more


POOL = node("GlobalAveragePool", ["input"], "pooled")
FLAT = node("Flatten", ["pooled"], "output")


def classifier(weight: float = 1.0) -> bytes:
    """Return a network of three logits: the means of blue, green and red, each times ``weight``."""
    scaled = node("Mul", ["pooled", "weight"], "scaled")
    flat = node("Flatten", ["scaled"], "output")
    weights = tensor("weight", np.array([weight], np.float32))
    return model(graph([POOL, scaled, flat], value("output", (1, 3)), initializers=[weights]))


CROP_MANIFEST = """
[model]
name = "{name}"
version = "{version}"
kind = "crop_classifier"
licence = "Apache-2.0"
file = "net.onnx"
sha256 = "{sha256}"
parameters = 1
mmacs = 0.001

[input]
name = "input"
width = 16
height = 16
channel_order = "bgr"
mean = [0.0, 0.0, 0.0]
scale = 0.00392156862745098
layout = "nchw"

[crop]
scale = 1.5
rule = "shift"

[output]
name = "output"
kind = "logits"
classes = ["attack", "bona_fide", "print"]
"""

CALIBRATED = """
[scorer]
features = ["log_odds"]
mean = [0.0]
deviation = [1.0]
weight = [1.0]
bias = 0.0
max_llr = 3.0
frame_correlation = 1.0

[fusion]
own_weight = 0.5
weight = 1.0
offset = 0.0
threshold_llr = 0.6
cues = ["detector"]

[calibration]
date = "2026-11-22"
bona_fide = 20
attack = 30
"""


def write_classifier(
    folder: Path, content: bytes | None = None, *, name: str = "second", version: str = "1", calibrated: bool = True
) -> Path:
    """Write a crop classifier with its manifest, card and licence; return the folder."""
    content = classifier() if content is None else content
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "net.onnx").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    text = CROP_MANIFEST.format(name=name, version=version, sha256=digest)
    (folder / "manifest.toml").write_text(text + (CALIBRATED if calibrated else ""))
    (folder / "CARD.md").write_text("# A card\n")
    (folder / "LICENSE").write_text("Apache-2.0\n")
    return folder
