"""``livegate train quality`` on a miniature data folder: drawn faces whose noses lie where their landmarks say."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from livegate.errors import AssetError, LivegateError
from livegate.quality.limits import judge
from livegate.quality.turn import FEATURES
from livegate.quality_manifest import read_gate
from livegate.types import Box
from livegate_tools.train.quality.fit import CRITERIA, fix_limit
from livegate_tools.train.quality.portraits import read_portraits
from livegate_tools.train.quality.train import train_quality
from support.drawn_faces import drawn_face

SIDE = 72


def data(folder: Path, count: int) -> Path:
    """Write a source of ``count`` turned and straight faces, every tenth of them dev and every ninth an attack."""
    rng = np.random.default_rng(4)
    source = folder / "drawn"
    (source / "images").mkdir(parents=True)
    blank, lines = drawn_face(SIDE), []
    for number in range(count):
        turn = float(rng.uniform(-1.3, 1.3)) if number % 4 == 0 else float(rng.normal(0, 0.1))
        nose = SIDE / 2 + turn * SIDE * 0.375
        image = np.full((96, 96), 100, np.uint8)
        face = blank.copy()
        cv2.line(face, (round(nose), SIDE // 3), (round(nose), 2 * SIDE // 3), 230, 4)
        image[12 : 12 + SIDE, 12 : 12 + SIDE] = face
        name = f"images/{number}.png"
        (source / name).write_bytes(cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_GRAY2BGR))[1].tobytes())
        eyes = [12 + SIDE * 5 / 16, 12 + SIDE * 6 / 16, 12 + SIDE * 11 / 16, 12 + SIDE * 6 / 16]
        lines.append(
            {
                "id": str(number), "rgb": name, "split": "dev" if number % 10 == 0 else "train",
                "label": "attack" if number % 9 == 8 else "bona_fide", "subject": str(number % 20),
                "yunet_box": [12, 12, SIDE, SIDE], "yunet_landmarks": [*eyes, 12 + nose, 12 + SIDE / 2],
            }
        )  # fmt: skip
    (source / "samples.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    return folder


def test_a_gate_is_learnt_that_the_terminal_reads_and_that_lets_its_pictures_pass(tmp_path: Path) -> None:
    folder = data(tmp_path / "data", 400)
    out = train_quality(folder, (), tmp_path / "quality")
    gate = read_gate(out / "manifest.toml")
    assert 0.3 < gate.turn.inter_eye_share < 0.45
    portraits = [portrait for portrait in read_portraits(folder, ()) if portrait.held_out]
    looks = [gate.look(cv2.imread(str(portrait.path)), portrait.box) for portrait in portraits]
    guessed, truth = [look.measures.turn for look in looks], [portrait.turn or 0.0 for portrait in portraits]
    assert np.corrcoef(guessed, truth)[0, 1] > 0.8
    straight = [look for look, turn in zip(looks, truth, strict=True) if abs(turn) < 0.5]
    assert len(straight) > 10
    assert [look.refused for look in straight] == [None] * len(straight)
    black = np.zeros((96, 96, 3), np.uint8)
    assert judge(gate.look(black, Box(12, 12, SIDE, SIDE)).measures, gate.limits) is not None
    card = (out / "CARD.md").read_text()
    assert all(f"`{criterion.field}`" in card for criterion in CRITERIA)
    assert "| drawn | 356 | 20 |" in card


def test_a_limit_lies_between_good_and_unusable_and_at_the_tail_where_they_overlap(tmp_path: Path) -> None:
    folder = data(tmp_path / "data", 400)
    gate = read_gate(train_quality(folder, (), tmp_path / "quality") / "manifest.toml")
    good = {"drawn": [gate.look(np.full((96, 96, 3), 90, np.uint8), Box(0, 0, 96, 96)).measures] * 3}
    (blur,) = (criterion for criterion in CRITERIA if criterion.field == "max_blur")
    (size,) = (criterion for criterion in CRITERIA if criterion.field == "min_face_px")
    assert fix_limit(size, good, [6.0]).limit == pytest.approx(24.0)
    assert fix_limit(blur, good, [0.5]).limit == pytest.approx(1.0)


def test_what_is_wrong_with_the_data_is_said(tmp_path: Path) -> None:
    with pytest.raises(LivegateError, match="no picture with landmarks"):
        train_quality(tmp_path, (), tmp_path / "out")
    few = data(tmp_path / "few", 30)
    with pytest.raises(LivegateError, match=f"expected {FEATURES} or more"):
        train_quality(few, (), tmp_path / "out")
    index = few / "drawn" / "samples.jsonl"
    index.write_text(index.read_text() + '{"id": "x", "yunet_box": [1, 2, 3]}\n')
    with pytest.raises(AssetError, match="line 31: missing or wrong field"):
        train_quality(few, (), tmp_path / "out")
    assert not (tmp_path / "out").exists()
