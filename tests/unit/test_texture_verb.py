"""``livegate texture``: the sheet that shows what each texture sees."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from livegate.cli import main
from livegate_tools.texture.views import SIDE, VIEWS


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "seen.png"
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    cv2.imwrite(str(path), cv2.GaussianBlur(noise, (0, 0), 2))
    return path


def test_faces_stand_side_by_side(picture: Path, tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    boxes = ["--box", "40,30,120,150", "--box", "100.5,60,90,90"]
    assert main(["texture", str(picture), str(picture), *boxes, "--out", str(out)]) == 0
    sheet = cv2.imread(str(out))
    assert sheet.shape[0] > len(VIEWS) * SIDE
    assert sheet.shape[1] > 2 * SIDE


def test_a_sheet_by_another_name_is_refused_and_nothing_replaced(
    picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = tmp_path / "there.jpg"
    there.write_bytes(b"mine")
    for out in (there, tmp_path / "no such folder" / "sheet.png", tmp_path):
        assert main(["texture", str(picture), "--box", "40,30,120,150", "--out", str(out)]) == 2
    told = capsys.readouterr().err
    assert "ends with .png" in told
    assert "does not exist" in told
    assert "is a folder" in told
    assert there.read_bytes() == b"mine"


def test_samples_come_with_their_boxes(picture: Path, tmp_path: Path) -> None:
    manifest, out = tmp_path / "m.jsonl", tmp_path / "sheet.png"
    common = {"rgb": picture.name, "subject": "a", "source": "b", "box": [40, 30, 120, 150]}
    lines = [
        {"id": "1", "label": "bona_fide", "pai_species": None, **common},
        {"id": "2", "label": "attack", "pai_species": "print_flat", **common},
    ]
    manifest.write_text("".join(json.dumps(line) + "\n" for line in lines))
    asked = ["texture", "--manifest", str(manifest), "--sample", "2", "--sample", "1", "--out", str(out)]
    assert main(asked) == 0
    assert out.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{picture}", "--box", "0,0,9,9"], "too small"),
        (["{picture}", "--box", "1,2,3"], "X,Y,W,H"),
        (["{picture}", "{picture}", "--box", "10,10,90,90"], "one each"),
        (["--sample", "1"], "both or neither"),
        ([], "nothing to show"),
    ],
)
def test_what_cannot_be_shown_is_said(
    arguments: list[str], said: str, picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [part.format(picture=picture) for part in arguments]
    try:
        status = main(["texture", *given, "--out", str(tmp_path / "sheet.png")])
    except SystemExit as exc:
        status = int(exc.code or 0)
    assert status
    assert said in capsys.readouterr().err
    assert not (tmp_path / "sheet.png").exists()
