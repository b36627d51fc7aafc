"""The calibration of the cameras: whether it can be used, how old it is, and which cameras it holds for."""

from __future__ import annotations

import time
from calendar import timegm
from collections.abc import Iterator, Mapping
from pathlib import Path

from livegate.checks.finding import Finding
from livegate.config import Config
from livegate.errors import CalibrationError
from livegate.geometry.aligner import is_of_another
from livegate.geometry.calibration import MADE_FORMAT, CalibratedCamera, RigCalibration
from livegate.geometry.file import RigFile, read
from livegate.types import Role

CHECK = "camera calibration"
_DAY_S = 86_400


def geometry_findings(config: Config) -> Iterator[Finding]:
    """Yield what the checks find of the file; serial numbers are compared by who opens the cameras."""
    path = config.sensors.calibration_file
    if path is None:
        yield _without(config)
        return
    try:
        file = read(path)
    except CalibrationError as exc:
        yield Finding(CHECK, ok=False, text=f"{exc}; until then rgb stands alone")
        return
    yield _whole(path, file)
    yield from _of_another(config, path, file.calibration)
    roles = {camera.role for camera in config.camera}
    yield from _roles(file.calibration, roles)
    if (mode := path.stat().st_mode) & 0o022:
        yield Finding(CHECK, None, f"{path}: others may change it (mode {mode & 0o777:o}); chmod 0644 it")


def _without(config: Config) -> Finding:
    if len(config.camera) == 1:
        return Finding(CHECK, ok=True, text="none, and none is needed: there is rgb alone")
    text = "none: pictures of rgb's size are taken to lie on rgb's pixels, others are misaligned"
    return Finding(CHECK, ok=True, text=f"{text}; livegate calibrate cameras measures where they lie")


def serial_findings(devices: Mapping[Role, str], told: Mapping[Role, str | None]) -> Iterator[Finding]:
    """Yield the cameras that tell no serial number though the file has one; ``told`` is what each camera told."""
    for role in sorted(devices.keys() & told.keys()):
        if told[role] is None:
            text = f"{role}: the file says serial {devices[role]}, the camera tells none: another is not told from it"
            yield Finding(CHECK, None, text)


def _of_another(config: Config, path: Path, calibration: RigCalibration) -> Iterator[Finding]:
    who = f"{config.terminal.site}/{config.terminal.id}"
    if is_of_another(calibration, who):
        text = f"{path}: is another terminal's, made for {calibration.terminal}, and this is {who}; rgb stands alone"
        remedy = "run livegate calibrate cameras here, or correct its `terminal` if this one was only renamed"
        yield Finding(CHECK, ok=False, text=f"{text} until you {remedy}")


def _whole(path: Path, file: RigFile) -> Finding:
    calibration = file.calibration
    days = int((time.time() - timegm(time.strptime(calibration.made, MADE_FORMAT))) // _DAY_S)
    age = f"{days} days ago" if days >= 0 else "in the future by this clock: set the clock, or calibrate again"
    warmth = "" if calibration.temperature_c is None else f" at {calibration.temperature_c:g} degrees C"
    whose = "" if calibration.terminal is None else f" for {calibration.terminal}"
    error = "by the maker" if calibration.rms_px is None else f"error {calibration.rms_px:.2f} px"
    text = f"{path}: made {calibration.made} ({age}){warmth}{whose}, {error} ({file.sha256[:12]})"
    return Finding(CHECK, ok=True if days >= 0 else None, text=text)


def _roles(calibration: RigCalibration, roles: set[Role]) -> Iterator[Finding]:
    for role in sorted(roles):
        camera = calibration.cameras.get(role)
        if camera is None:
            yield Finding(
                CHECK, ok=False, text=f"{role}: is not in it, so it is misaligned; run livegate calibrate cameras again"
            )
        else:
            yield Finding(CHECK, None if camera.device is None else True, f"{role}: {_camera(camera)}")


def _camera(camera: CalibratedCamera) -> str:
    serial = (
        "no serial number, another camera is not told from it" if camera.device is None else f"serial {camera.device}"
    )
    away = sum(value * value for value in camera.translation_mm) ** 0.5
    place = "" if away == 0 else f", {away:.1f} mm from rgb"
    error = "" if camera.rms_px is None else f", error {camera.rms_px:.2f} px"
    return f"{camera.width}x{camera.height}{place}{error}, {serial}"
