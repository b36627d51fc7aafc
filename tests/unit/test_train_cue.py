from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from livegate.cues import depth_shape
from livegate.errors import ConfigError, LivegateError
from livegate_tools.train import verb
from livegate_tools.train.cue import find_cue, measure
from support.sights import CAMERA, FACE_BOX, surface


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


def test_measuring_keeps_labels_and_tells_what_could_not_be_measured(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "a", ["face", "plane", "paper"])
    cv2.imwrite(str(folder / "0.png"), np.zeros((480, 640), np.uint16))
    lines = (folder / "manifest.jsonl").read_text()
    (folder / "manifest.jsonl").write_text(lines + lines.replace('"0.png"', '"missing.png"').splitlines()[0] + "\n")
    with pytest.raises(LivegateError, match="0 bona fide, 2 attacks"):
        measure(depth_shape, [folder / "manifest.jsonl"], seed=1)


@pytest.mark.training
def test_a_scorer_learned_from_surfaces_is_one_the_terminal_accepts(tmp_path: Path) -> None:
    kinds = ["face", "plane", "face", "paper"] * 8
    fit, dev = dataset(tmp_path / "fit", kinds), dataset(tmp_path / "dev", kinds[:16])
    out = tmp_path / "depth_shape"
    assert train("cue", "depth_shape", "--simulated", str(fit), "--dev", str(dev), "--out", str(out)) == 0
    manifest = (out / "manifest.toml").read_text()
    assert 'kind = "logistic"' in manifest
    assert "| print_bent | 4 | 0.000 |" in (out / "CARD.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--config FILE and"),
        (["cue"], "train cue: needs a cue's name"),
        (["queue", "depth_shape"], "expected nothing, or: crop, or: cue"),
        (["fusion"], "--dev DIR"),
        (["cue", "depth_shape"], "--simulated DIR"),
    ],
)
def test_a_wrong_command_line_says_what_is_expected(tmp_path: Path, arguments: list[str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        train(*arguments, "--out", str(tmp_path))


def test_an_unknown_cue_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="depth_shape, detector, near_infrared"):
        find_cue("depth")
