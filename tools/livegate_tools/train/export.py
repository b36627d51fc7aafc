"""Writes the network as ONNX, proves it equal to what was trained, and describes it in manifest.toml."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from livegate.errors import AssetError
from livegate.toml_text import toml_lines
from livegate_tools.train.calibrate import OperatingPoint
from livegate_tools.train.judge import Floats
from livegate_tools.train.network import Deployed, FaceNetwork, multiply_accumulates, parameter_count
from livegate_tools.train.recipe import Recipe

OPSET = 17
TOLERANCE = 1e-4


@dataclass(frozen=True, slots=True)
class Exported:
    """The shipped file: its digest, size, and the largest difference to PyTorch seen when it was checked."""

    path: Path
    sha256: str
    parameters: int
    mmacs: float
    deviation: float


@dataclass(frozen=True, slots=True)
class Training:
    """What the manifest says of how the weights came about."""

    data: tuple[str, ...]
    splits: tuple[str, ...]
    seed: int
    date: str
    commit: str
    epochs: int
    epochs_planned: int
    presentations: int
    presentations_before: int
    """Of these, in an earlier run whose weights this one began with."""
    epochs_run: int
    """How far the run was; ``epochs`` is where the weights are from."""
    ended: bool
    """Whether the schedule was at its end, or the patience; weights of a run that goes on are interim."""
    chosen: bool
    """Whether the weights are those of the epoch whose worst dev source was the best."""
    teachers: tuple[str, ...] = ()
    """Networks whose scores of the pictures were learnt from, with their licences ..."""
    taught: int = 0
    """... and the number of pictures they scored."""


def export_onnx(network: FaceNetwork, recipe: Recipe, path: Path) -> Exported:
    """Write ``network`` to ``path``; AssetError if onnxruntime and PyTorch differ by more than TOLERANCE."""
    model = recipe.model
    deployed = Deployed(network).eval()
    rng = np.random.default_rng(0)
    probe = rng.uniform(-1, 1, (1, 3, model.height, model.width)).astype(np.float32)
    write_onnx(deployed, torch.from_numpy(probe), path, ["boxes", "scores"])
    infer = onnx_inference(path)
    with torch.no_grad():
        expected = [out.numpy() for out in deployed(torch.from_numpy(probe))]
    deviation = max(float(np.abs(a - b).max()) for a, b in zip(expected, infer(probe), strict=True))
    if deviation > TOLERANCE:
        raise AssetError(f"{path}: onnxruntime differs from PyTorch by {deviation:.2g}, expected at most {TOLERANCE}")
    return Exported(
        path=path,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        parameters=parameter_count(network),
        mmacs=round(multiply_accumulates(network, model.width, model.height) / 1e6, 1),
        deviation=deviation,
    )


def write_onnx(deployed: torch.nn.Module, probe: torch.Tensor, path: Path, outputs: list[str]) -> None:
    """Write ``deployed`` to ``path`` with the input "input" of the shape of ``probe`` and these outputs."""
    with warnings.catch_warnings():
        # The exporter that was found bit-close announces its own retirement.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            deployed,
            (probe,),
            str(path),
            input_names=["input"],
            output_names=outputs,
            opset_version=OPSET,
            dynamo=False,
        )


def onnx_inference(path: Path, threads: int = 2) -> Callable[[Floats], tuple[Floats, Floats]]:
    """Return the file as a function from normalised input (B, 3, H, W) to boxes and scores, picture by picture."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def infer(inputs: Floats) -> tuple[Floats, Floats]:
        rows = [session.run(["boxes", "scores"], {"input": picture[None]}) for picture in inputs]
        return np.concatenate([boxes for boxes, _ in rows]), np.concatenate([scores for _, scores in rows])

    return infer


def manifest_text(exported: Exported, recipe: Recipe, point: OperatingPoint, training: Training) -> str:
    """Return manifest.toml: all the terminal needs to run the model, and where it came from."""
    model, judgement = recipe.model, recipe.judgement
    tables: dict[str, dict[str, object]] = {
        "model": {
            "name": model.name,
            "version": model.version,
            "kind": "ssd",
            "file": exported.path.name,
            "sha256": exported.sha256,
            "licence": model.licence,
            "parameters": exported.parameters,
            "mmacs": exported.mmacs,
        },
        "input": {
            "name": "input",
            "width": model.width,
            "height": model.height,
            "channel_order": "bgr",
            "mean": list(model.mean),
            "scale": model.scale,
            "layout": "nchw",
        },
        "output": {"boxes": "boxes", "scores": "scores"},
        "priors": {"strides": list(model.strides), "heights": [list(h) for h in model.heights], "aspect": model.aspect},
        "decision": {
            "confidence": judgement.confidence,
            "nms_iou": judgement.nms_iou,
            "llr_slope": round(point.calibration.slope, 6),
            "llr_offset": round(point.calibration.offset, 6),
            "threshold_llr": round(point.calibration.threshold_llr, 6),
            "max_llr": round(point.calibration.max_llr, 6),
            "rates": asdict(point.rates),
        },
        "training": {
            "data": list(training.data),
            "splits": list(training.splits),
            "seed": training.seed,
            "date": training.date,
            "commit": training.commit,
            "epochs": training.epochs,
            "epochs_planned": training.epochs_planned,
            "presentations": training.presentations,
            "presentations_before": training.presentations_before,
            "epochs_run": training.epochs_run,
            "teachers": list(training.teachers),
        },
    }
    return manifest_toml(tables)


def manifest_toml(tables: Mapping[str, Mapping[str, object]]) -> str:
    """Return a manifest's tables as TOML."""
    return "\n".join(toml_lines(tables)).lstrip() + "\n"
