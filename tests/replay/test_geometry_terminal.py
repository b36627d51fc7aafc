"""A real terminal with cameras of several sizes: registered, refused or uncalibrated, it says so and runs on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from livegate.geometry.file import write
from livegate.store import StoreReader
from support.rigs import camera, rig
from support.terminals import RunningTerminal, write_config
from support.waiting import eventually

DEPTH = "[[camera]]\nname = 'deep'\nrole = 'depth'\ndriver = 'fake'\nwidth = 40\nheight = 30\nfps = 30\ndevice = 'D1'\n"
FILE = "[sensors]\ncalibration_file = 'cameras.toml'\n"


def events(state_dir: Path, kind: str) -> list[dict[str, Any]]:
    with StoreReader(state_dir) as store:
        return [json.loads(event.body)["data"] for event in store.newest(100, kind)]


def told(folder: Path, more: str) -> tuple[str, list[str], list[dict[str, Any]]]:
    """Return what a terminal says of its depth camera (state, faults) and of its calibration."""

    def of_depth() -> list[dict[str, Any]]:
        found = [data["what"] for data in events(folder / "state", "sensor.state")]
        return [what for what in found if what["role"] == "depth"]

    path = write_config(folder, more)
    with RunningTerminal(path) as terminal:
        terminal.says("ready")
        eventually(lambda: events(folder / "state", "access.attempt"), "the card was answered", 30.0)
        (answer, *_) = events(folder / "state", "access.attempt")
        if answer["environment"]["sensors"]["depth"] != "ok":
            eventually(of_depth, "depth was told of", 30.0)
    said = of_depth()
    state = answer["environment"]["sensors"]["depth"]
    return state, said[-1].get("faults", []) if said else [], events(folder / "state", "calibration.applied")


@pytest.mark.parametrize("serial", ["D1", None])
def test_a_calibrated_depth_camera_is_registered(tmp_path: Path, serial: str | None) -> None:
    kept = write(tmp_path / "cameras.toml", rig(depth=camera(40, 30, 38.0, device=serial)))
    state, faults, applied = told(tmp_path, DEPTH + FILE)
    assert (state, faults) == ("ok", [])
    (data,) = applied
    assert data["what"]["action"] == "apply"
    assert data["what"]["cameras"] == {"rgb": None, "depth": serial}
    assert data["environment"]["calibration_sha256"] == kept.sha256


def test_another_terminals_calibration_is_named(tmp_path: Path) -> None:
    write(tmp_path / "cameras.toml", rig(depth=camera(40, 30, 38.0, device="D2")))
    state, faults, _ = told(tmp_path, DEPTH + FILE)
    assert state == "misaligned"
    assert "other_calibration" in faults


def test_a_calibration_that_names_another_terminal_is_named(tmp_path: Path) -> None:
    made = rig(depth=camera(40, 30, 38.0, device="D1"))
    write(tmp_path / "cameras.toml", replace(made, terminal="lab/t2"))
    state, faults, _ = told(tmp_path, DEPTH + FILE)
    assert (state, faults) == ("misaligned", ["other_calibration"])


def test_without_one_another_size_is_named(tmp_path: Path) -> None:
    state, faults, applied = told(tmp_path, DEPTH)
    assert (state, applied) == ("misaligned", [])
    assert faults == ["uncalibrated"]


def test_a_damaged_one_is_refused_and_the_terminal_runs(tmp_path: Path) -> None:
    (tmp_path / "cameras.toml").write_text("made =")
    state, faults, (applied,) = told(tmp_path, DEPTH + FILE)
    assert state == "misaligned"
    assert faults == ["uncalibrated"]
    assert applied["what"]["action"] == "refuse"
    assert applied["what"]["reason"].startswith("cameras.toml: is damaged")
