"""One conversion, from a model folder and labelled pictures to all its files, manifest and card."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from livegate import config
from livegate.config import Precision
from livegate.detect.network import MANIFEST, ModelFormat
from livegate.detect.runtime import open_runtime
from livegate.errors import ConfigError, LivegateError
from livegate_tools.train.convert.agreement import agreements
from livegate_tools.train.convert.graph import read_graph
from livegate_tools.train.convert.lower import tflite
from livegate_tools.train.convert.quantise import Plan, fused_relus, onnx_int8, plan_for
from livegate_tools.train.convert.report import (
    Conversion,
    Written,
    card_with_report,
    manifest_with_files,
    manifest_with_report,
)
from livegate_tools.train.convert.subject import Manifest, network_inputs, read_subject
from livegate_tools.train.samples import INDEX, Sample, Split, of_split, read_manifest

CARD = "CARD.md"
# More pictures widen the steps by their rarest values and coarsen all the others.
CALIBRATION_PICTURES = 64
DEV_PICTURES = 2000
SEED = 1
NAMES = {
    (ModelFormat.ONNX, Precision.INT8): "{stem}.int8.onnx",
    (ModelFormat.TFLITE, Precision.FP32): "{stem}.tflite",
    (ModelFormat.TFLITE, Precision.INT8): "{stem}.int8.tflite",
}


def convert(
    folder: Path, calibration: Sequence[Path], dev: Sequence[Path], out: Path, say: Callable[[str], None]
) -> Path:
    """Write the model in ``folder`` to ``out`` (which may be the same) in every format and precision; return ``out``.

    ``calibration`` and ``dev`` are manifests of labelled pictures or folders with a manifest.jsonl; of the first, the
    lines of split train fix the 8-bit steps, of the second, those of split dev show whether the files agree.
    """
    cv2.setNumThreads(1)
    manifest = read_subject(folder)
    fixing = spread(_samples(calibration, Split.TRAIN, "--calibration"), CALIBRATION_PICTURES)
    shown = spread(_samples(dev, Split.DEV, "--dev"), DEV_PICTURES)
    contents = _contents(manifest, fixing)
    files = _write(manifest, contents, out)
    text = manifest_with_files(manifest.path.read_text(encoding="utf-8"), files[1:], manifest.path)
    (out / MANIFEST).write_text(text, encoding="utf-8")
    say("\n".join(f"{file.name}: {file.size:,} bytes" for file in files))
    found, missing = agreements(read_subject(out), shown)
    conversion = Conversion(files, _counts(fixing), _counts(shown), found, missing)
    (out / MANIFEST).write_text(manifest_with_report(text, conversion), encoding="utf-8")
    card = (folder / CARD).read_text(encoding="utf-8") if (folder / CARD).is_file() else f"# {manifest.model.name}\n"
    (out / CARD).write_text(card_with_report(card, conversion), encoding="utf-8")
    for each in found:
        say(
            f"{each.runtime} {each.precision}: same verdict on {each.equal:.2%} of {each.pictures} pictures, scores "
            f"differ by {each.mean_difference:.4f} on average, {each.max_difference:.4f} at most"
        )
    return out


def _contents(manifest: Manifest, fixing: Sequence[Sample]) -> dict[tuple[ModelFormat, Precision], bytes]:
    """Return the bytes of every file but the one there is."""
    network = manifest.network
    opened = open_runtime(config.Runtime.ONNXRUNTIME, network, Precision.FP32)
    if opened is None:
        raise LivegateError(f"{manifest.path}: needs onnxruntime to be converted")
    source = network.path(opened.file)
    graph = read_graph(network.content(opened.file), source)
    pictures = list(network_inputs(manifest, opened.runtime, fixing))
    if not pictures:
        raise ConfigError(f"{manifest.path}: no calibration picture shows what the model looks at; give faces")
    plan = plan_for(graph, pictures)
    return {
        (ModelFormat.ONNX, Precision.FP32): network.content(opened.file),
        (ModelFormat.ONNX, Precision.INT8): onnx_int8(graph, plan),
        (ModelFormat.TFLITE, Precision.FP32): tflite(graph, Plan({}, fused_relus(graph)), source),
        (ModelFormat.TFLITE, Precision.INT8): tflite(graph, plan, source),
    }


def _write(manifest: Manifest, contents: dict[tuple[ModelFormat, Precision], bytes], out: Path) -> tuple[Written, ...]:
    out.mkdir(parents=True, exist_ok=True)
    stem = Path(manifest.model.file).stem
    files = []
    for (form, precision), content in contents.items():
        name = NAMES.get((form, precision), manifest.model.file).format(stem=stem)
        if (form, precision) in NAMES or out != manifest.folder:
            (out / name).write_bytes(content)
        files.append(Written(form, precision, name, hashlib.sha256(content).hexdigest(), len(content)))
    return tuple(files)


def _samples(paths: Sequence[Path], split: Split, option: str) -> list[Sample]:
    if not paths:
        raise ConfigError(f"train convert: needs {option} FILE ...: manifests of labelled pictures")
    manifests = [path / INDEX if path.is_dir() else path for path in paths]
    samples = of_split((sample for path in manifests for sample in read_manifest(path)), split)
    if not samples:
        raise ConfigError(f"{', '.join(map(str, manifests))}: hold no sample of split '{split}', which {option} needs")
    return samples


def spread(samples: Sequence[Sample], most: int) -> list[Sample]:
    """Return at most ``most`` samples, as many of each source as it has for an equal share, drawn with a fixed seed."""
    rng = np.random.default_rng(SEED)
    left = {source: list(rng.permutation(len(mine))) for source, mine in _by_source(samples).items()}
    chosen: list[Sample] = []
    by_source = _by_source(samples)
    while len(chosen) < most and any(left.values()):
        for source, places in left.items():
            if places and len(chosen) < most:
                chosen.append(by_source[source][places.pop()])
    return chosen


def _by_source(samples: Sequence[Sample]) -> dict[str, list[Sample]]:
    groups: dict[str, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(sample.source, []).append(sample)
    return groups


def _counts(samples: Sequence[Sample]) -> dict[str, int]:
    return dict(Counter(sample.source for sample in samples))
