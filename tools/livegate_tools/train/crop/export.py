"""Writes a crop classifier as ONNX, proves it equal to what was trained, and describes it in manifest.toml."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from livegate.errors import AssetError
from livegate_tools.train.crop.network import CropNetwork, Deployed, multiply_accumulates, parameter_count
from livegate_tools.train.crop.recipe import Recipe
from livegate_tools.train.export import TOLERANCE, Exported, manifest_toml, write_onnx


def export_onnx(network: CropNetwork, recipe: Recipe, path: Path) -> Exported:
    """Write ``network`` to ``path``; AssetError if onnxruntime and PyTorch differ by more than TOLERANCE."""
    size = recipe.model.size
    deployed = Deployed(network).eval()
    probe = torch.from_numpy(np.random.default_rng(0).uniform(-1, 1, (1, 3, size, size)).astype(np.float32))
    write_onnx(deployed, probe, path, ["classes"])
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    with torch.no_grad():
        expected = deployed(probe).numpy()
    deviation = float(np.abs(expected - session.run(None, {"input": probe.numpy()})[0]).max())
    if deviation > TOLERANCE:
        raise AssetError(f"{path}: onnxruntime differs from PyTorch by {deviation:.2g}, expected at most {TOLERANCE}")
    return Exported(
        path,
        hashlib.sha256(path.read_bytes()).hexdigest(),
        parameter_count(network),
        round(multiply_accumulates(network, size) / 1e6, 1),
        deviation,
    )


def manifest_text(exported: Exported, recipe: Recipe, training: dict[str, object]) -> str:
    """Return manifest.toml without [scorer]: what the numbers weigh is fitted on dev, with all cues together."""
    model = recipe.model
    tables: dict[str, dict[str, object]] = {
        "model": {
            "name": model.name,
            "version": model.version,
            "kind": "crop_classifier",
            "file": exported.path.name,
            "sha256": exported.sha256,
            "licence": model.licence,
            "parameters": exported.parameters,
            "mmacs": exported.mmacs,
        },
        "input": {
            "name": "input",
            "width": model.size,
            "height": model.size,
            "channel_order": "bgr",
            "mean": list(model.mean),
            "scale": model.scale,
            "layout": "nchw",
        },
        "crop": {"scale": model.crop.scale, "rule": str(model.crop.rule), "resize": str(model.crop.resize)},
        "output": {"name": "classes", "kind": "logits", "classes": list(model.classes)},
        "training": training,
    }
    return manifest_toml(tables)
