"""``livegate check`` watches the cameras for a moment and says of each what is wrong with it and what to do."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from livegate.cli import main
from livegate.configfile import load
from livegate.geometry.file import write
from livegate.sensing.faults import MEANINGS
from livegate.store.files import is_locked, lock, prepare_folder
from livegate.types import Role, SensorFault
from support import sensed
from support.rigs import camera, rig
from support.terminals import write_config

FOR_EVER = 100_000


def looked(config: Path, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, dict[str, dict[str, Any]]]:
    status = main(["check", "--config", str(config), "--json", *options])
    findings = json.loads(capsys.readouterr().out)["findings"]
    return status, {finding["check"]: finding for finding in findings}


def with_nir(folder: Path, nir: str) -> Path:
    return write_config(folder, f"[[camera]]\nname = 'ir'\nrole = 'nir'\n{nir}")


@pytest.mark.parametrize(
    ("trouble", "fault"),
    [("covered", "covered"), ("frozen", "frozen"), ("backwards", "misdated"), ("wrong_dtype", "wrong_format")],
)
def test_a_camera_in_trouble_is_named_with_what_to_do(
    trouble: str, fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    event = f"event = [{{ trouble = '{trouble}', at = 5, frames = {FOR_EVER} }}]\n"
    status, found = looked(with_nir(tmp_path, f"driver = 'fake'\nfps = 30\nwidth = 64\nheight = 48\n{event}"), capsys)
    meaning = MEANINGS[SensorFault(fault)]
    assert status == 1
    assert found["sensor rgb"]["text"] == "ok"
    assert f"{meaning.sentence} ({fault}): {meaning.remedy}" in found["sensor nir"]["text"]


def test_a_camera_that_gives_nothing_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, found = looked(with_nir(tmp_path, "driver = 'recording'\npath = 'nowhere.jsonl'\n"), capsys)
    assert status == 1
    assert found["sensor nir"]["text"].startswith("missing: ")


def test_a_camera_whose_first_pictures_are_damaged_is_given_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    event = "event = [{ trouble = 'damaged', at = 0, frames = 5 }]\n"
    _, found = looked(with_nir(tmp_path, f"driver = 'fake'\nfps = 30\nwidth = 64\nheight = 48\n{event}"), capsys)
    assert found["camera ir"]["ok"]


def test_pure_noise_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "noise"
    folder.mkdir()
    for number in range(40):
        picture = sensed.noise(Role.NIR)(sensed.pictures(number))[Role.NIR]
        cv2.imwrite(str(folder / f"{number:03}.png"), picture)
    nir = f"driver = 'recording'\npath = '{folder}'\nloop = true\nfps = 20\n"
    config = write_config(tmp_path, f"[[camera]]\nname = 'ir'\nrole = 'nir'\n{nir}")
    config.write_text(config.read_text().replace("width = 64\nheight = 48", "width = 320\nheight = 240"))
    status, found = looked(config, capsys)
    assert status == 1
    assert "(noise)" in found["sensor nir"]["text"]


def test_without_cameras_none_is_opened(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, found = looked(with_nir(tmp_path, "driver = 'recording'\npath = 'nowhere.jsonl'\n"), capsys, "--no-cameras")
    assert found["camera ir"]["ok"]
    assert "not opened" in found["camera ir"]["text"]
    assert "sensor nir" not in found


def test_a_lamp_without_a_line_is_told_once_and_the_cameras_are_looked_at_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, found = looked(write_config(tmp_path, "[[illuminator]]\ndriver = 'gpio'\n"), capsys)
    assert status == 1
    assert [name for name, finding in found.items() if "'line_name'" in finding["text"]] == ["illuminator"]
    assert "sensor rgb" in found


def test_the_cameras_of_a_running_terminal_are_left_to_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_config(tmp_path, "[[illuminator]]\ndriver = 'serial_pwm'\ndevice = '/dev/nowhere'\n")
    state_dir = load(config).terminal.state_dir
    assert not is_locked(state_dir)
    prepare_folder(state_dir)
    held = lock(state_dir)
    try:
        assert is_locked(state_dir)
        _, found = looked(config, capsys)
    finally:
        os.close(held)
    assert "running terminal" in found["cameras"]["text"]
    assert "not opened" in found["camera eye"]["text"]
    assert "not opened" in found["illuminator"]["text"]
    assert not is_locked(state_dir)


@pytest.mark.parametrize("role", ["rgb", "nir"])
def test_a_camera_that_is_lost_while_it_is_watched_is_no_good_one(
    role: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Opening it for the first picture begins its frames anew.
    event = f"event = [{{ trouble = 'unplugged', at = 30, frames = {FOR_EVER} }}]\n"
    config = with_nir(tmp_path, "driver = 'fake'\nfps = 30\nwidth = 64\nheight = 48\n" + event * (role == "nir"))
    if role == "rgb":
        config.write_text(config.read_text().replace("width = 64\n", event + "width = 64\n", 1))
    assert main(["check", "--config", str(config)]) == 1
    said = capsys.readouterr()
    assert f"NOT OK   sensor {role}: lost while it was watched: " in said.out
    assert said.err == ""


def test_a_camera_that_falls_silent_while_it_is_watched_is_missing_and_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_config(tmp_path)
    event = f"event = [{{ trouble = 'stalled', at = 15, frames = {FOR_EVER} }}]\n"
    config.write_text(config.read_text().replace("width = 64\n", event + "width = 64\n", 1))
    status, found = looked(config, capsys)
    assert status == 1
    assert found["camera eye"]["ok"]
    assert found["sensor rgb"]["text"].startswith("missing: it gives no pictures; fake camera: ")


def test_what_geometry_finds_wrong_is_said_of_now(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "cameras.toml", replace(rig(camera(device="C9")), terminal="lab/elsewhere"))
    config = write_config(tmp_path, "[sensors]\ncalibration_file = 'cameras.toml'\n")
    status, found = looked(config, capsys)
    assert status == 1
    assert found["sensor rgb"]["ok"] is False
    assert found["sensor rgb"]["text"].startswith("gives pictures, but the calibration does not fit it")


def test_noise_is_noise() -> None:
    """The helper above must give what a broken sensor does."""
    picture = sensed.noise(Role.NIR)(sensed.pictures(0))[Role.NIR].astype(float)
    assert abs(np.corrcoef(picture[:, :-1].ravel(), picture[:, 1:].ravel())[0, 1]) < 0.05
