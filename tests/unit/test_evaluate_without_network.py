"""`livegate evaluate --runtime none`: the terminal that has no network, named in the report."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from livegate import assets
from livegate.cli import main


def test_it_is_judged_by_textures_and_the_report_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cv2.imwrite(str(tmp_path / "nobody.png"), np.full((480, 640, 3), 90, np.uint8))
    sample = {"id": "nobody", "rgb": "nobody.png", "label": "bona_fide", "pai_species": None, "subject": "x"}
    manifest, out = tmp_path / "m.jsonl", tmp_path / "p.jsonl"
    manifest.write_text(json.dumps(sample))
    words = ["--manifest", str(manifest), "--predictions-out", str(out), "--runtime", "none", "--json"]
    assert main(["evaluate", *words]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["model"]["name"], report["model"]["runtime"]) == ("colour_texture", "none")
    assert report["model"]["sha256"] in (assets.model("colour_texture") / "manifest.toml").read_text()
    assert report["all"]["second_stage"] == {"share": None, "asked": 0, "n": 0}
    assert json.loads(out.read_text())["reason"] == "no_face"


def test_its_finder_looks_for_faces_where_there_are_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((480, 640, 3), 90, np.uint8))
    assert main(["evaluate", "--faceless", str(tmp_path), "--views", "3", "--runtime", "none", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["model"]["runtime"] == "none"
