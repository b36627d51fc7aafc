"""What a maker measured becomes a calibration file, where one device holds rgb and another camera."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from livegate.cli import main
from livegate.configfile import load
from livegate.errors import CalibrationError
from livegate.geometry.calibrating.factory import of_makers
from livegate.geometry.file import read
from livegate.types import Role
from support.rigs import camera
from support.terminals import write_config

RGB = camera(640, 480, 610.0, device="S1", distortion=(0.1, 0.0, 0.0, 0.0, 0.0))
DEPTH = camera(640, 480, 600.0, device="S1", translation_mm=(15.0, 0.0, 0.0))
DRIVER = """
from dataclasses import dataclass

@dataclass(frozen=True)
class Options:
    serial: str = "S1"

def open_camera(options, role):
    raise NotImplementedError

def factory_calibration(options):
    straight = {"width": 640, "height": 480, "cx": 319.5, "cy": 239.5, "device": options.serial}
    return {
        "rgb": straight | {"fx": 610.0, "fy": 610.0, "distortion": [0.1, 0.0, 0.0, 0.0, 0.0]},
        "depth": straight | {"fx": 600.0, "fy": 600.0, "translation_mm": [15.0, 0.0, 0.0]},
    }
"""


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a driver of another package, as an integrator would."""
    info = tmp_path / "site" / "deep_eye-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: deep-eye\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[livegate.cameras]\ndeep_eye = deep_eye_driver\n")
    (tmp_path / "site" / "deep_eye_driver.py").write_text(DRIVER)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.delitem(sys.modules, "deep_eye_driver", raising=False)


def configured(folder: Path, depth: str = "") -> Path:
    path = write_config(folder, "[sensors]\ncalibration_file = 'cameras.toml'\n")
    table = 'driver = "fake"\nwidth = 64\nheight = 48\nfps = 30\n'
    deep = f"driver = 'deep_eye'\n[[camera]]\nname = 'deep'\nrole = 'depth'\ndriver = 'deep_eye'\n{depth}"
    path.write_text(path.read_text().replace(table, deep))
    return path


@pytest.mark.usefixtures("driver")
def test_what_the_maker_measured_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", "cameras", "--config", str(configured(tmp_path)), "--factory"]) == 0
    kept = read(tmp_path / "cameras.toml").calibration
    assert kept.cameras == {Role.RGB: RGB, Role.DEPTH: DEPTH}
    assert kept.rms_px is None
    assert kept.terminal == "lab/t1"
    assert "what the maker measured" in capsys.readouterr().out


@pytest.mark.usefixtures("driver")
def test_two_devices_are_no_rig(tmp_path: Path) -> None:
    config = load(configured(tmp_path, "serial = 'S2'\n"))
    with pytest.raises(CalibrationError, match="S1, S2"):
        of_makers(config.camera)


def test_cameras_of_which_nobody_knows(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match="calibrate with a board"):
        of_makers(load(write_config(tmp_path)).camera)
