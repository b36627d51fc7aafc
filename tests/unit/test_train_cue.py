from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from livegate.errors import ConfigError, LivegateError
from livegate.scorers import read_scored
from livegate.types import Observation
from livegate_tools.train import verb
from livegate_tools.train.cue_evidence import find_cue, measure
from support.sights import CAMERA, FACE_BOX, face, frame_set, surface


def dataset(folder: Path, kinds: list[str]) -> Path:
    """Captures of analytic surfaces: "face" is bona fide, "plane" and "paper" are prints."""
    folder.mkdir()
    cv2.imwrite(str(folder / "rgb.png"), np.full((480, 640, 3), 90, np.uint8))
    lines = []
    for number, kind in enumerate(kinds):
        cv2.imwrite(str(folder / f"{number}.png"), surface(kind, 400 + 20 * (number % 9), seed=number))
        alive = kind == "face"
        lines.append(
            {
                "id": f"s{number}",
                "rgb": "rgb.png",
                "nir": None,
                "depth": f"{number}.png",
                "rgb_right": None,
                "camera": {"fx": CAMERA.fx, "fy": CAMERA.fy, "cx": CAMERA.cx, "cy": CAMERA.cy},
                "label": "bona_fide" if alive else "attack",
                "pai_species": None if alive else {"plane": "print_flat", "paper": "print_bent"}[kind],
                "subject": f"p{number}",
                "source": "analytic",
                "box": [FACE_BOX.x, FACE_BOX.y, FACE_BOX.w, FACE_BOX.h],
            }
        )
    (folder / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def train(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    verb.add_arguments(parser)
    return verb.run(parser.parse_args(arguments))


def test_measuring_keeps_labels_whatever_the_processes_and_tells_what_could_not_be_measured(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "a", ["face", "plane", "paper", "plane"])
    (folder / "3.png").write_bytes(b"no picture")
    one, two = (measure("depth_shape", [folder / "manifest.jsonl"], seed=1, jobs=jobs) for jobs in (1, 2))
    assert one.labels == two.labels
    assert one.labels.species == (None, "print_flat", "print_bent")
    assert one.unmeasured == 1
    np.testing.assert_array_equal(one.values, two.values)


def test_one_class_is_not_enough(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "a", ["plane", "paper"])
    with pytest.raises(LivegateError, match="0 bona fide, 2 attacks"):
        measure("depth_shape", [folder / "manifest.jsonl"], seed=1)


@pytest.mark.training
def test_a_scorer_learned_from_surfaces_is_one_the_terminal_accepts(tmp_path: Path) -> None:
    kinds = ["face", "plane", "face", "paper"] * 8
    fit, dev = dataset(tmp_path / "fit", kinds), dataset(tmp_path / "dev", kinds[:16])
    out = tmp_path / "depth_shape"
    arguments = ("--train", str(fit / "manifest.jsonl"), "--dev", str(dev), "--seed", "3", "--jobs", "1")
    assert train("cue", "depth_shape", *arguments, "--out", str(out)) == 0
    assert 'kind = "logistic"' in (out / "manifest.toml").read_text()
    assert "| print_bent | 4 | 4 | 0.000 |" in (out / "CARD.md").read_text()
    cue = find_cue("depth_shape")
    scorer = read_scored("depth_shape", cue, out).scorer
    for kind, alive in (("face", True), ("plane", False), ("paper", False)):
        values = cue.measure(Observation(frame_set(depth=surface(kind, 450, seed=99)), face()))
        assert values is not None
        assert (scorer.llr(values) > 0) == alive


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--config FILE and"),
        (["cue"], "train cue: needs a cue's name"),
        (["queue", "depth_shape"], "expected nothing, or: crop, or: cue"),
        (["fusion"], "--dev DIR"),
        (["cue", "depth_shape"], "--simulated\\) DIR"),
    ],
)
def test_a_wrong_command_line_says_what_is_expected(tmp_path: Path, arguments: list[str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        train(*arguments, "--out", str(tmp_path))


@pytest.mark.parametrize("name", ["depth", "detector"])
def test_an_unknown_cue_lists_those_that_can_be_trained(name: str) -> None:
    with pytest.raises(ConfigError, match="colour_texture, depth_shape, distortion, near_infrared"):
        find_cue(name)


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    manifest = dataset(tmp_path / "a", ["face", "plane"]) / "manifest.jsonl"
    manifest.write_text(manifest.read_text() + "{broken\n")
    with pytest.raises(ConfigError, match=r"manifest\.jsonl: line 3: is not JSON"):
        measure("depth_shape", [manifest], seed=1)


@pytest.mark.parametrize("held", ['[model]\nname = "stereo"\n', "no TOML"])
def test_another_models_folder_is_not_written_over(tmp_path: Path, held: str) -> None:
    folder, out = dataset(tmp_path / "a", ["face", "plane"]), tmp_path / "out"
    out.mkdir()
    (out / "manifest.toml").write_text(held)
    with pytest.raises(ConfigError, match=r"holds .*; give another --out"):
        train("cue", "depth_shape", "--train", str(folder), "--dev", str(folder), "--out", str(out))
    assert (out / "manifest.toml").read_text() == held
