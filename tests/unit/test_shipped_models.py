"""Every model that ships: it is the file its manifest names, and every runtime here reads it alike."""

from __future__ import annotations

import importlib.util
import tomllib
from pathlib import Path

import cv2
import numpy as np
import pytest

from livegate import assets
from livegate.config import Precision, Runtime
from livegate.detect.crop_manifest import read_crop_manifest
from livegate.detect.detector import Detector
from livegate.detect.manifest import read_manifest
from livegate.detect.network import Kind, ModelFormat, Network
from livegate.detect.runtime import FORMATS, open_runtime, usable_file
from livegate.installed.shelf import kind_of

ALL = sorted(path.parent for path in assets.folder("models").glob("*/manifest.toml"))
# The others are the cues' scorers: a few numbers, no network.
SHIPPED = [folder for folder in ALL if tomllib.loads((folder / "manifest.toml").read_text())["model"]["kind"] == "ssd"]
NETWORKS = [folder for folder in ALL if kind_of(folder) in {Kind.SSD, Kind.CROP_CLASSIFIER}]
PACKAGES = {
    Runtime.ONNXRUNTIME: "onnxruntime",
    Runtime.OPENCV_DNN: "cv2",
    Runtime.LITERT: "ai_edge_litert",
    # It belongs to the legacy environment: under NumPy 2 it does not run.
    Runtime.TFLITE_RUNTIME: "tflite_runtime" if np.__version__.startswith("1.") else "no_such_package",
}


def _network(folder: Path) -> Network:
    return (read_manifest if kind_of(folder) == Kind.SSD else read_crop_manifest)(folder).network


def _detectors(folder: Path, form: ModelFormat) -> list[Detector]:
    """Return the model in every installed runtime of that format."""
    manifest = read_manifest(folder)
    if manifest.network.pick(form, Precision.AUTO) is None:
        return []
    names = [name for name, package in PACKAGES.items() if importlib.util.find_spec(package) and FORMATS[name] is form]
    opened = [open_runtime(name, manifest.network) for name in names]
    return [Detector(manifest, each.runtime, each.name) for each in filter(None, opened)]


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
@pytest.mark.parametrize("form", ModelFormat)
def test_no_face_is_seen_where_there_is_none(folder: Path, form: ModelFormat) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3)).astype(np.uint8)
    pictures = [np.full((480, 640, 3), 128, np.uint8), noise, cv2.GaussianBlur(noise, (0, 0), 9)]
    for detector in _detectors(folder, form):
        assert [detector.detect(picture) for picture in pictures] == [(), (), ()]


@pytest.mark.parametrize("folder", NETWORKS, ids=lambda folder: folder.name)
@pytest.mark.parametrize("precision", [Precision.FP32, Precision.INT8])
def test_every_file_says_the_same_in_every_runtime(folder: Path, precision: Precision) -> None:
    network = _network(folder)
    rng = np.random.default_rng(0)
    rough = rng.uniform(-1, 1, network.shape).astype(np.float32)
    pictures = [rough, np.stack([cv2.GaussianBlur(plane, (0, 0), 5) for plane in rough[0]])[None] * 3]
    reference = open_runtime(Runtime.ONNXRUNTIME, network, Precision.FP32)
    assert reference is not None
    # The last output holds the scores; a step of 8 bits is a 256th of what an activation reaches, layer upon layer.
    share = 1e-3 if precision is Precision.FP32 else 0.1 if kind_of(folder) == Kind.SSD else 0.25
    for name, package in PACKAGES.items():
        if usable_file(name, network, precision) is None or importlib.util.find_spec(package) is None:
            continue
        opened = open_runtime(name, network, precision)
        assert opened is not None
        for picture in pictures:
            expected = reference.runtime.run(picture)[-1].copy()
            # Probabilities lie within 1; logits are compared by how far they lie apart.
            reach = max(1.0, float(np.ptp(expected)))
            assert opened.runtime.run(picture)[-1] == pytest.approx(expected, abs=share * reach), name


@pytest.mark.parametrize("folder", NETWORKS, ids=lambda folder: folder.name)
def test_a_network_is_as_small_as_promised(folder: Path) -> None:
    network = _network(folder)
    for file in network.files:
        limit = 1_500_000 if file.precision is Precision.FP32 else 500_000
        assert len(network.content(file)) <= limit


@pytest.mark.parametrize("folder", ALL, ids=lambda folder: folder.name)
def test_a_model_says_where_it_comes_from(folder: Path) -> None:
    manifest = tomllib.loads((folder / "manifest.toml").read_text())
    assert manifest["model"]["name"] == folder.name
    assert manifest["training"]
    assert (folder / "CARD.md").stat().st_size > 500
