"""Conversion of a network that has every operation there is a rule for: the files say what the network says."""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from livegate.cli import main
from livegate.config import Precision, Runtime
from livegate.detect.crop_manifest import read_crop_manifest
from livegate.detect.network import ModelFile, ModelFormat, Network, Tensor
from livegate.detect.runtime import Opened, open_runtime
from livegate.errors import AssetError, ConfigError

WHY = "models are made where the [train] and [litert] extras are; the legacy environment only runs them"
onnx = pytest.importorskip("onnx", reason=WHY)
lower = pytest.importorskip("livegate_tools.train.convert.lower", reason=WHY)
quantise = pytest.importorskip("livegate_tools.train.convert.quantise", reason=WHY)
report = pytest.importorskip("livegate_tools.train.convert.report", reason=WHY)
read_graph = pytest.importorskip("livegate_tools.train.convert.graph", reason=WHY).read_graph

pytestmark = pytest.mark.training

SIZE = 18
CLASSES = 3

MANIFEST = """
[model]
name = "small"
version = "1"
kind = "crop_classifier"
file = "small.onnx"
sha256 = "{sha256}"
licence = "Apache-2.0"
parameters = 1
mmacs = 0.1

[input]
name = "input"
width = 18
height = 18
channel_order = "bgr"
mean = [127.5, 127.5, 127.5]
scale = 0.00784313725490196
layout = "nchw"

[crop]
scale = 1.5
rule = "pad"

[output]
name = "classes"
kind = "probabilities"
classes = ["bona_fide", "print", "replay"]
"""


def _small(last: str = "Softmax") -> bytes:
    """Return a network that needs every rule: borders, dilation, pooling, enlargement, cutting, a linear end."""
    rng = np.random.default_rng(5)
    shapes = {"w1": (8, 3, 3, 3), "w2": (8, 1, 3, 3), "w3": (8, 8, 1, 1), "w4": (4, 12, 3, 3), "w5": (CLASSES, 4)}
    arrays = {name: rng.normal(size=shape).astype(np.float32) * 0.4 for name, shape in shapes.items()}
    arrays |= {f"b{n}": rng.normal(size=size).astype(np.float32) * 0.2 for n, size in enumerate((8, 8, 8, 4, 3), 1)}
    arrays |= {"mean": np.full(4, 0.1, np.float32), "var": np.full(4, 0.5, np.float32)}
    arrays |= {"twice": np.array([1, 1, 2, 2], np.float32), "from": np.array([0, 1]), "to": np.array([4, 10])}
    arrays |= {"axes": np.array([1, 2]), "flat": np.array([1, 4])}
    arrays |= {"from2": np.array([1]), "to2": np.array([100]), "axes2": np.array([2])}
    make = onnx.helper.make_node
    nodes = [
        make("Conv", ["input", "w1", "b1"], ["a"], strides=[2, 2], pads=[1, 1, 1, 1]),
        make("Relu", ["a"], ["ar"]),
        make("Conv", ["ar", "w2", "b2"], ["b"], group=8, dilations=[2, 2], pads=[2, 2, 2, 2]),
        make("Relu", ["b"], ["br"]),
        make("Conv", ["br", "w3", "b3"], ["c"]),
        make("Add", ["c", "ar"], ["d"]),
        make("Relu", ["d"], ["dr"]),
        make("MaxPool", ["dr"], ["e"], kernel_shape=[2, 2], strides=[2, 2]),
        make(
            "Resize",
            ["e", "", "twice"],
            ["f"],
            mode="nearest",
            nearest_mode="floor",
            coordinate_transformation_mode="asymmetric",
        ),
        make("Slice", ["f", "from", "to", "axes"], ["g"]),
        make("Slice", ["f", "from2", "to2", "axes2"], ["h"]),
        make("Concat", ["g", "h"], ["i"], axis=1),
        make("Conv", ["i", "w4", "b4"], ["j"], pads=[1, 1, 1, 1], strides=[2, 2]),
        make("Sigmoid", ["j"], ["k"]),
        make("Mul", ["j", "k"], ["l"]),
        make("GlobalAveragePool", ["l"], ["m"]),
        make("Reshape", ["m", "flat"], ["n"]),
        make("BatchNormalization", ["n", "b4", "mean", "mean", "var"], ["nn"]),
        make("Gemm", ["nn", "w5", "b5"], ["o"], transB=1),
        make(last, ["o"], ["classes"]),
    ]
    graph = onnx.helper.make_graph(
        nodes,
        "small",
        [onnx.helper.make_tensor_value_info("input", onnx.TensorProto.FLOAT, ["batch", 3, SIZE, SIZE])],
        [onnx.helper.make_tensor_value_info("classes", onnx.TensorProto.FLOAT, ["batch", CLASSES])],
        [onnx.numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    return bytes(
        onnx.helper.make_model(
            graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8
        ).SerializeToString()
    )


def _pictures(count: int) -> list[Any]:
    rng = np.random.default_rng(1)
    return [rng.uniform(-1, 1, (1, 3, SIZE, SIZE)).astype(np.float32) for _ in range(count)]


def _opened(folder: Path, content: bytes, form: ModelFormat, runtime: Runtime) -> Opened:
    (folder / "model").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    file = ModelFile(form, Precision.FP32, "file", "model", digest)
    network = Network(folder / "m", (file,), "input", (1, 3, SIZE, SIZE), (Tensor("classes", (1, CLASSES)),))
    opened = open_runtime(runtime, network)
    assert opened is not None
    return opened


def _answers(opened: Opened) -> Any:
    return np.concatenate([opened.runtime.run(picture)[0].copy() for picture in _pictures(8)])


def test_tensorflow_lite_in_floats_says_what_onnx_says(tmp_path: Path) -> None:
    content = _small()
    graph = read_graph(content, tmp_path)
    flat = lower.tflite(graph, quantise.Plan({}, quantise.fused_relus(graph)), tmp_path)
    expected = _answers(_opened(tmp_path, content, ModelFormat.ONNX, Runtime.ONNXRUNTIME))
    assert np.ptp(expected, axis=0).max() > 0.01
    assert _answers(_opened(tmp_path, flat, ModelFormat.TFLITE, Runtime.LITERT)) == pytest.approx(expected, abs=1e-5)


def test_both_8_bit_files_compute_the_same_steps(tmp_path: Path) -> None:
    content = _small()
    graph = read_graph(content, tmp_path)
    plan = quantise.plan_for(graph, _pictures(16))
    expected = _answers(_opened(tmp_path, content, ModelFormat.ONNX, Runtime.ONNXRUNTIME))
    eight = _answers(_opened(tmp_path, quantise.onnx_int8(graph, plan), ModelFormat.ONNX, Runtime.ONNXRUNTIME))
    flat = _answers(_opened(tmp_path, lower.tflite(graph, plan, tmp_path), ModelFormat.TFLITE, Runtime.LITERT))
    assert eight == pytest.approx(expected, abs=0.03)
    assert flat == pytest.approx(eight, abs=0.01)
    assert not np.array_equal(eight, expected)


def test_weights_are_stored_in_single_bytes(tmp_path: Path) -> None:
    graph = read_graph(_small(), tmp_path)
    proto = onnx.load_from_string(quantise.onnx_int8(graph, quantise.plan_for(graph, _pictures(2))))
    stored = {
        each.name: len(each.raw_data) for each in proto.graph.initializer if each.data_type == onnx.TensorProto.INT8
    }
    sizes = [graph.constants[node.inputs[1]].size for node in graph.nodes if node.kind == "Conv"]
    # The last convolution reads what was put together in floats.
    assert sorted(size for size in stored.values() if size > 8) == sorted(sizes[:3])


def test_an_operation_without_a_rule_is_named(tmp_path: Path) -> None:
    graph = read_graph(_small(last="Elu"), tmp_path)
    with pytest.raises(AssetError, match="Elu 'classes': there is no rule for this operation"):
        lower.tflite(graph, quantise.Plan({}, quantise.fused_relus(graph)), tmp_path)


def test_what_is_no_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="cannot be converted"):
        read_graph(b"no network at all", tmp_path)


def _folder(folder: Path) -> Path:
    folder.mkdir()
    content = _small()
    (folder / "small.onnx").write_bytes(content)
    (folder / "manifest.toml").write_text(MANIFEST.format(sha256=hashlib.sha256(content).hexdigest()))
    return folder


def _captures(folder: Path, split: str) -> Path:
    rng = np.random.default_rng(len(split))
    folder.mkdir()
    lines = []
    for place in range(6):
        cv2.imwrite(str(folder / f"{place}.png"), rng.integers(0, 256, (60, 80, 3)).astype(np.uint8))
        line = {"id": f"{place}", "rgb": f"{place}.png", "label": "bona_fide", "box": [20, 10, 30, 40]}
        lines.append(json.dumps(line | {"subject": "s", "source": "drawn", "split": split}))
    (folder / "manifest.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def test_the_verb_writes_every_file_and_says_how_they_agree(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = _folder(tmp_path / "small")
    pictures = [
        "--calibration",
        str(_captures(tmp_path / "a", "train")),
        "--dev",
        str(_captures(tmp_path / "b", "dev")),
    ]
    for _ in range(2):
        assert main(["train", "convert", str(model), *pictures, "--out", str(model)]) == 0
    assert "litert fp32: same verdict on 100.00% of 6 pictures" in capsys.readouterr().out
    manifest = read_crop_manifest(model)
    assert len(manifest.files) == 4
    for file in manifest.files:
        assert manifest.network.content(file)
    table = tomllib.loads((model / "manifest.toml").read_text())["conversion"]
    assert table["dev"] == {"drawn": 6}
    assert {(each["runtime"], each["precision"]) for each in table["agreement"]} == {
        ("litert", "fp32"),
        ("opencv_dnn", "fp32"),
        ("onnxruntime", "int8"),
        ("litert", "int8"),
    }
    assert (model / "CARD.md").read_text().count("## Conversion") == 1


def test_pictures_of_the_wrong_split_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dev = str(_captures(tmp_path / "b", "dev"))
    arguments = ["train", "convert", str(_folder(tmp_path / "small")), "--calibration", dev, "--dev", dev]
    assert main([*arguments, "--out", str(tmp_path / "out")]) != 0
    assert "hold no sample of split 'train', which --calibration needs" in capsys.readouterr().err


def test_8_bits_are_refused_where_they_are_computed_wrongly(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"").hexdigest()
    file = ModelFile(ModelFormat.ONNX, Precision.INT8, "onnx_int8", "model", digest)
    network = Network(tmp_path / "m", (file,), "input", (1, 3, SIZE, SIZE), (Tensor("classes", (1, CLASSES)),))
    with pytest.raises((AssetError, ConfigError), match="opencv_dnn"):
        open_runtime(Runtime.OPENCV_DNN, network, Precision.INT8)


FILES = (report.Written(ModelFormat.TFLITE, Precision.FP32, "small.tflite", "0" * 64, 12),)


def test_a_manifest_keeps_everything_but_its_files(tmp_path: Path) -> None:
    text = (
        MANIFEST.format(sha256="1" * 64) + "\n[conversion]\ndev = { a = 1 }\n\n[[conversion.agreement]]\nequal = 1.0\n"
    )
    once = report.manifest_with_files(text, FILES, tmp_path)
    assert report.manifest_with_files(once, FILES, tmp_path) == once
    tables = tomllib.loads(once)
    assert tables["model"]["tflite"] == "small.tflite"
    assert "conversion" not in tables
    assert tables["crop"] == {"scale": 1.5, "rule": "pad"}


def test_a_manifest_that_cannot_be_edited_by_lines_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="cannot be edited"):
        report.manifest_with_files('model = { name = "small" }\n', FILES, tmp_path)
