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
from livegate.detect.detector import Detector
from livegate.detect.manifest import read_manifest
from livegate.detect.network import ModelFormat
from livegate.detect.runtime import FORMATS, open_runtime

ALL = sorted(path.parent for path in assets.folder("models").glob("*/manifest.toml"))
# The others are the cues' scorers: a few numbers, no network.
SHIPPED = [folder for folder in ALL if tomllib.loads((folder / "manifest.toml").read_text())["model"]["kind"] == "ssd"]
PACKAGES = {Runtime.ONNXRUNTIME: "onnxruntime", Runtime.OPENCV_DNN: "cv2", Runtime.LITERT: "ai_edge_litert"}


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


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_every_onnx_runtime_gives_the_same_numbers(folder: Path) -> None:
    manifest = read_manifest(folder)
    shape = (1, 3, manifest.input.height, manifest.input.width)
    picture = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    opened = [open_runtime(name, manifest.network) for name in (Runtime.ONNXRUNTIME, Runtime.OPENCV_DNN)]
    (boxes, scores), (other_boxes, other_scores) = (each.runtime.run(picture) for each in filter(None, opened))
    assert other_boxes == pytest.approx(boxes, abs=1e-3)
    assert other_scores == pytest.approx(scores, abs=1e-4)


@pytest.mark.parametrize("folder", ALL, ids=lambda folder: folder.name)
def test_a_model_says_where_it_comes_from(folder: Path) -> None:
    manifest = tomllib.loads((folder / "manifest.toml").read_text())
    assert manifest["model"]["name"] == folder.name
    assert manifest["training"]
    assert (folder / "CARD.md").stat().st_size > 500
