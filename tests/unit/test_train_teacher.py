from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from livegate.errors import AssetError
from livegate.types import Box
from livegate_tools.train.samples import Presentation, Sample, Split
from livegate_tools.train.teacher import name_of, read_teacher

HEAD = json.dumps({"teachers": [{"name": "a", "licence": "MIT"}]}) + "\n"


def line(identifier: str, score: object) -> str:
    return json.dumps({"source": "s", "id": identifier, "p_bona_fide": score}) + "\n"


def test_scores_are_read_by_source_and_name(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(HEAD + line("x", 0.25) + line("y", 1))
    teacher = read_teacher(path)
    assert teacher.scores == {"s/x": 0.25, "s/y": 1.0}
    assert teacher.models[0].licence == "MIT"
    assert teacher.digest() != dataclasses.replace(teacher, scores={"s/x": 0.25}).digest()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ":1: expected who the teachers are"),
        (line("x", 0.5), ":1: expected who the teachers are"),
        (HEAD + line("x", 1.5), ":2: p_bona_fide is 1.5"),
        (HEAD + line("x", "high"), ":2: missing or wrong field"),
        (HEAD + '{"source": "s"}\n', ":2: missing or wrong field"),
        (HEAD + line("x", 0.5) + line("x", 0.6), ":3: a second score of s/x"),
        (HEAD + "nothing\n", ":2: not a JSON object"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(text)
    with pytest.raises(AssetError, match=message):
        read_teacher(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match=r"t\.jsonl: cannot be read"):
        read_teacher(tmp_path / "t.jsonl")


def make_network(folder: Path, licence: str = "MIT") -> None:
    """A classifier that calls bright crops bona fide: its logits are dark, bright − 100, dark, of the crop's mean."""
    onnx = pytest.importorskip("onnx", reason="the [train] extra is not installed")
    helper, tensor = onnx.helper, onnx.TensorProto
    weights = np.array([[0], [0.2], [0]], dtype=np.float32)
    bias = np.array([0, -20, 0], dtype=np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["input"], ["mean"], axes=[1, 2, 3], keepdims=0),
            helper.make_node("Unsqueeze", ["mean", "axis"], ["column"]),
            helper.make_node("Gemm", ["column", "w", "b"], ["output"], transB=1),
        ],
        "bright",
        [helper.make_tensor_value_info("input", tensor.FLOAT, [1, 3, 16, 16])],
        [helper.make_tensor_value_info("output", tensor.FLOAT, [1, 3])],
        [
            helper.make_tensor("axis", tensor.INT64, [1], [1]),
            helper.make_tensor("w", tensor.FLOAT, weights.shape, weights.ravel()),
            helper.make_tensor("b", tensor.FLOAT, bias.shape, bias),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(folder / "bright.onnx"))
    card = {
        "name": "bright",
        "licence": licence,
        "file": "bright.onnx",
        "input": {"shape": [1, 3, 16, 16]},
        "crop": {"scale": 1.5},
        "bona_fide_index": 1,
    }
    (folder / "bright.json").write_text(json.dumps(card))


def pictures(folder: Path) -> list[Sample]:
    made = []
    for name, level, kind in (("light", 220, Presentation.BONA_FIDE), ("dark", 20, Presentation.BONA_FIDE)):
        cv2.imwrite(str(folder / f"{name}.png"), np.full((60, 80, 3), level, dtype=np.uint8))
        made.append(Sample(name, folder / f"{name}.png", kind, None, "p", "s", Split.TRAIN, (Box(30, 20, 15, 20),)))
    return made


@pytest.mark.training
def test_a_network_is_asked_by_its_card(tmp_path: Path) -> None:
    make_network(tmp_path)
    from livegate_tools.train.teach import agreement, teach

    samples = pictures(tmp_path)
    out = tmp_path / "deep" / "t.jsonl"
    assert teach([*samples, dataclasses.replace(samples[0], faces=(), identifier="none")], tmp_path, out) == 2
    teacher = read_teacher(out)
    # 0.2 · 220 − 20 = 24 against ln 2 of the two attack classes; and −16.
    assert teacher.scores[name_of(samples[0])] > 0.999
    assert teacher.scores[name_of(samples[1])] < 0.001
    logged = [json.loads(text) for text in out.read_text().splitlines()][1:]
    assert logged[0]["log_odds"][0] == pytest.approx(24 - np.log(2), abs=1e-3)
    assert agreement(samples, teacher) == {"s": (1, 2)}


@pytest.mark.training
def test_a_licence_that_does_not_allow_it_is_refused(tmp_path: Path) -> None:
    make_network(tmp_path, licence="research only")
    from livegate_tools.train.teach import teach

    with pytest.raises(AssetError, match="licence research only"):
        teach(pictures(tmp_path), tmp_path, tmp_path / "t.jsonl")
    assert not (tmp_path / "t.jsonl").exists()
