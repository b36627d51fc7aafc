"""Manifests as people write them, and as they go wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from livegate.errors import ConfigError
from livegate.samples.manifest import MAX_LINE_BYTES, BadLine, Sample, read_manifest
from livegate.types import Box, Role

GOOD = {"id": "a", "rgb": "a.png", "label": "bona_fide", "subject": "ann", "source": "lab"}


def read(folder: Path, *lines: Any, split: str | None = None) -> list[Sample | BadLine]:
    path = folder / "m.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return list(read_manifest(path, split))


def only(entries: list[Sample | BadLine]) -> Sample:
    (entry,) = entries
    assert isinstance(entry, Sample), entry
    return entry


def test_a_whole_sample(tmp_path: Path) -> None:
    attack = GOOD | {
        "nir": "n.png",
        "depth": None,
        "camera": {"fx": 500, "fy": 501.5, "cx": 320, "cy": 240},
        "label": "attack",
        "pai_species": "print_bent",
        "box": [1, 2, 3, 4],
        "anything": {"else": 1},
    }
    sample = only(read(tmp_path, attack))
    assert sample.moments[0].paths == {Role.RGB: tmp_path / "a.png", Role.NIR: tmp_path / "n.png"}
    assert (sample.pai_species, sample.subject, sample.source, sample.is_clip) == ("print_bent", "ann", "lab", False)
    assert sample.face == Box(1, 2, 3, 4)
    assert sample.camera is not None
    assert sample.camera.fy == 501.5


def test_yunet_box_is_the_one_recall_counts_against(tmp_path: Path) -> None:
    assert only(read(tmp_path, GOOD | {"box": [0, 0, 9, 9], "yunet_box": [1, 1, 5, 5]})).face == Box(1, 1, 5, 5)
    assert only(read(tmp_path, GOOD | {"box": [0, 0, 9, 9], "yunet_box": None})).face == Box(0, 0, 9, 9)


def test_a_clip(tmp_path: Path) -> None:
    clip = {key: value for key, value in GOOD.items() if key != "rgb"} | {
        "frames": [{"rgb": "0.png", "t_ms": 0}, {"rgb": "1.png", "depth": "1d.png", "t_ms": 33.4}]
    }
    sample = only(read(tmp_path, clip))
    assert sample.is_clip
    assert [moment.t_ms for moment in sample.moments] == [0.0, 33.4]
    assert set(sample.moments[1].paths) == {Role.RGB, Role.DEPTH}


def test_what_is_left_out_is_unspecified(tmp_path: Path) -> None:
    sample = only(read(tmp_path, {"id": "a", "rgb": "a.png", "label": "attack"}))
    assert (sample.pai_species, sample.subject, sample.source) == ("unspecified", None, "unspecified")


def test_split_filters_and_blank_lines_do_not_count(tmp_path: Path) -> None:
    dev, train = GOOD | {"id": "d", "split": "dev"}, GOOD | {"id": "t", "split": "train"}
    assert [entry.id for entry in read(tmp_path, dev, "", train, GOOD, split="dev")] == ["d"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"label": "living"}, "'label'"),
        ({"label": None}, "'label'"),
        ({"pai_species": "print_flat"}, "a living face has none"),
        ({"rgb": None}, "'rgb'"),
        ({"rgb": 3}, "'rgb'"),
        ({"nir": 3}, "'nir'"),
        ({"box": [1, 2, 3]}, "'box'"),
        ({"box": [1, 2, 3, float("nan")]}, "'box'"),
        ({"box": [1, 2, 3, True]}, "'box'"),
        ({"box": [1, 2, 3, 10**400]}, "'box'"),
        ({"camera": {"fx": 0, "fy": 1, "cx": 1, "cy": 1}}, "'camera'"),
        ({"camera": {"fx": 5}}, "'camera'"),
        ({"camera": [500, 500, 320, 240]}, "'camera'"),
        ({"frames": []}, "'frames'"),
        ({"frames": ["0.png"]}, "'frames' 1"),
        ({"frames": [{"rgb": "0.png"}]}, "'t_ms'"),
        ({"frames": [{"rgb": "0.png", "t_ms": 5}, {"rgb": "1.png", "t_ms": 5}]}, "sort by time"),
        ({"subject": 7}, "'subject'"),
    ],
)
def test_a_bad_field_is_named_and_the_sample_keeps_its_id(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    entries = read(tmp_path, GOOD | {"id": "first"}, GOOD | change)
    assert isinstance(entries[0], Sample)
    assert isinstance(entries[1], BadLine)
    assert (entries[1].line, entries[1].id) == (2, "a")
    assert words in entries[1].problem


@pytest.mark.parametrize(
    "line",
    ["{", "[1]", "null", '{"id": ' + "9" * 5000 + "}", '{"id": 7, "rgb": "a", "label": "attack"}', '{"rgb": "a"}'],
)
def test_a_line_that_is_no_sample_has_no_id(tmp_path: Path, line: str) -> None:
    entries = read(tmp_path, line, GOOD)
    assert isinstance(entries[0], BadLine)
    assert (entries[0].line, entries[0].id) == (1, None)
    assert isinstance(entries[1], Sample)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_bytes(b'{"id": "\xff"}\n\xef\xbb\xbf' + json.dumps(GOOD).encode())
    first, second = read_manifest(path)
    assert isinstance(first, BadLine)
    assert isinstance(second, Sample)


def test_an_id_stands_once(tmp_path: Path) -> None:
    entries = read(tmp_path, GOOD, GOOD | {"rgb": "b.png"})
    assert isinstance(entries[1], BadLine)
    assert entries[1].id is None
    assert "line 1" in entries[1].problem


def test_a_line_without_end_is_one_bad_line_and_the_next_is_read(tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_text(
        json.dumps({"id": "x" * 3 * MAX_LINE_BYTES}) + "\n" + json.dumps({"id": "b", "rgb": "b.png", "label": "attack"})
    )
    long, after = read_manifest(tmp_path / "m.jsonl")
    assert isinstance(long, BadLine)
    assert (long.line, long.id) == (1, None)
    assert "longer than 65536 bytes" in long.problem
    assert isinstance(after, Sample)
    assert after.line == 2


def test_a_manifest_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"give one that is there$"):
        list(read_manifest(tmp_path / "none.jsonl"))


def test_the_pair_of_lit_and_unlit_and_the_baseline_of_the_second_camera(tmp_path: Path) -> None:
    sample = only(read(tmp_path, GOOD | {"nir": "n.png", "nir_unlit": "u.png", "baseline_mm": 51.5}))
    assert sample.moments[0].unlit == tmp_path / "u.png"
    assert sample.baseline_mm == 51.5
    assert only(read(tmp_path, GOOD | {"nir_unlit": None, "baseline_mm": None})).baseline_mm is None


@pytest.mark.parametrize("baseline", [0, -3, "wide", True])
def test_a_baseline_is_a_length(tmp_path: Path, baseline: Any) -> None:
    (entry,) = read(tmp_path, GOOD | {"baseline_mm": baseline})
    assert isinstance(entry, BadLine)
    assert "'baseline_mm'" in entry.problem
