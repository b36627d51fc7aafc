"""What `livegate check` says of the calibration of the cameras."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from livegate.checks.finding import Finding
from livegate.checks.geometry import geometry_findings, serial_findings
from livegate.configfile import load
from livegate.geometry.file import write
from livegate.types import Role
from support.rigs import camera, rig
from support.terminals import write_config

DEPTH = "[[camera]]\nname = 'deep'\nrole = 'depth'\ndriver = 'fake'\n"
FILE = "[sensors]\ncalibration_file = 'cameras.toml'\n"


def found(folder: Path, more: str) -> list[Finding]:
    return list(geometry_findings(load(write_config(folder, more))))


def test_none_is_said_and_is_no_fault(tmp_path: Path) -> None:
    (alone,) = found(tmp_path, "")
    assert alone.ok
    assert "rgb alone" in alone.text
    (two,) = found(tmp_path, DEPTH)
    assert two.ok
    assert "livegate calibrate cameras" in two.text


def test_age_error_serials_and_sizes_are_told(tmp_path: Path) -> None:
    made = rig(camera(device="C1", rms_px=0.2), depth=camera(40, 30, translation_mm=(30.0, 40.0, 0.0)))
    write(tmp_path / "cameras.toml", replace(made, temperature_c=21.5, terminal="lab/t1"))
    whole, depth, rgb = found(tmp_path, DEPTH + FILE)
    assert whole.ok
    assert all(part in whole.text for part in ("made 2026-11-22", "21.5 degrees", "lab/t1", "error 0.20 px"))
    assert rgb.ok
    assert rgb.text == "rgb: 64x48, error 0.20 px, serial C1"
    assert depth.ok is None
    assert depth.text.startswith("depth: 40x30, 50.0 mm from rgb, no serial number")


def test_a_camera_that_is_not_in_it(tmp_path: Path) -> None:
    write(tmp_path / "cameras.toml", rig())
    (fault,) = [finding for finding in found(tmp_path, DEPTH + FILE) if finding.ok is False]
    assert "depth: is not in it" in fault.text


@pytest.mark.parametrize("content", [None, "made = 1"])
def test_one_that_cannot_be_used_is_a_fault(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "cameras.toml").write_text(content)
    (fault,) = found(tmp_path, FILE)
    assert fault.ok is False
    assert "rgb stands alone" in fault.text


def test_one_that_others_may_change_is_warned_of(tmp_path: Path) -> None:
    write(tmp_path / "cameras.toml", rig())
    (tmp_path / "cameras.toml").chmod(0o666)
    assert "others may change it" in found(tmp_path, FILE)[-1].text


def test_another_terminals_is_a_fault_and_both_are_named(tmp_path: Path) -> None:
    write(tmp_path / "cameras.toml", replace(rig(), terminal="south/back-door"))
    (fault,) = [finding for finding in found(tmp_path, FILE) if finding.ok is False]
    assert "made for south/back-door, and this is lab/t1" in fault.text


def test_one_made_in_the_future_is_warned_of(tmp_path: Path) -> None:
    write(tmp_path / "cameras.toml", replace(rig(), made="2999-01-01T00:00:00Z"))
    whole, *_ = found(tmp_path, FILE)
    assert whole.ok is None
    assert "in the future" in whole.text


def test_a_serial_that_the_camera_does_not_tell_is_warned_of() -> None:
    (warning,) = serial_findings({Role.RGB: "C1", Role.NIR: "N1", Role.DEPTH: "D1"}, {Role.RGB: None, Role.NIR: "N1"})
    assert warning.ok is None
    assert warning.text.startswith("rgb: the file says serial C1")
