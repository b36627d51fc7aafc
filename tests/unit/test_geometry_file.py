"""The calibration file: written and read back, and refused with its place and remedy where it is not whole."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from livegate.errors import CalibrationError
from livegate.geometry.calibration import RigCalibration
from livegate.geometry.file import MAX_BYTES, read, write
from livegate.types import Role
from support.rigs import camera, rig, turned

WHOLE = rig(
    camera(device="A1"),
    nir=camera(rotation=turned(1, 2, 3), translation_mm=(20.5, 0.0, 1.0), rms_px=0.31, noise=1.5),
    depth=camera(80, 60, device='quote " and €', unit_mm=0.1, offset_mm=-3.5),
    rgb_right=camera(translation_mm=(60.0, 0.0, 0.0), distortion=(-0.1, 0.02, 1e-5, 0.0, 0.003)),
    terminal="north/door-1",
    temperature_c=24.5,
    views=20,
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "cameras.toml"
    kept = write(path, WHOLE)
    assert read(path) == kept
    assert kept.calibration == WHOLE
    assert kept.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert set(kept.calibration.cameras) == set(Role)
    assert path.stat().st_mode & 0o777 == 0o644


def test_the_least_there_can_be(tmp_path: Path) -> None:
    write(tmp_path / "cameras.toml", rig())
    assert set(read(tmp_path / "cameras.toml").calibration.cameras) == {Role.RGB}


BAD: dict[str, tuple[RigCalibration, str]] = {
    "an rgb that stands elsewhere": (rig(camera(translation_mm=(1.0, 0.0, 0.0))), r"\[rgb\].*expected none"),
    "a rotation that is none": (rig(nir=camera(rotation=(1.0,) * 9)), r"\[nir\].*no rotation"),
    "a mirror": (rig(nir=camera(rotation=(-1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0))), r"\[nir\].*no rotation"),
    "a lens that folds the picture": (rig(camera(distortion=(-900.0, 0, 0, 0, 0))), r"\[rgb\].*folds most"),
    "a centre far away": (rig(camera(cx=900.0)), r"\[rgb\].*far outside"),
    "a pair back to back": (
        rig(rgb_right=camera(rotation=turned(0, 170, 0), translation_mm=(50.0, 0, 0))),
        r"\[rgb_right\].*another way",
    ),
    "a short lens": (rig(depth=camera(distortion=(0.1,))), r"\[depth\].*'distortion': expected 5"),
    "a unit of colour": (rig(rgb_right=camera(translation_mm=(9.0, 0, 0), unit_mm=2.0)), r"\[rgb_right\].*depth"),
    "a pair in one place": (rig(rgb_right=camera()), r"\[rgb_right\].*at least 1 mm"),
    "a pair swapped": (rig(rgb_right=camera(translation_mm=(-50.0, 0, 0))), r"\[rgb_right\].*right of rgb"),
    "not a number": (rig(camera(fx=float("nan"))), r"fx"),
    "no focal length": (rig(camera(fy=0.0)), r"'fy': expected 8"),
    "infinity": (replace(WHOLE, rms_px=float("inf")), r"rms_px"),
    "no such date": (replace(WHOLE, made="2026-13-01T00:00:00Z"), r"no such date"),
    "no date": (replace(WHOLE, made="yesterday"), r"made"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_is_not_written(tmp_path: Path, name: str) -> None:
    calibration, says = BAD[name]
    with pytest.raises(CalibrationError, match=says) as caught:
        write(tmp_path / "cameras.toml", calibration)
    assert "run livegate calibrate cameras again" in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "lacks 'made'"),
        (b"\xff\xfe", "damaged"),
        (b"made = [", "damaged"),
        (b'mode = "x"', "did you mean 'made'"),
        (b"x" * (MAX_BYTES + 1), "larger"),
        (b"[" * 60_000, "damaged"),
    ],
)
def test_damage_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "cameras.toml"
    path.write_bytes(content)
    with pytest.raises(CalibrationError, match=says) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_an_unknown_key_of_a_camera_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cameras.toml"
    write(path, WHOLE)
    path.write_text(path.read_text().replace("unit_mm", "units_mm", 1))
    with pytest.raises(CalibrationError, match="unknown key 'units_mm'"):
        read(path)


@pytest.mark.parametrize("place", ["no such folder/cameras.toml", "."])
def test_a_place_that_cannot_be_read_or_written(tmp_path: Path, place: str) -> None:
    call: Any
    for call in (lambda: read(tmp_path / place), lambda: write(tmp_path / place, WHOLE)):
        with pytest.raises(CalibrationError, match="cannot be"):
            call()
