"""A rig calibration as it lies on the disk: TOML, read strictly, written whole or not at all, known by its SHA-256."""

from __future__ import annotations

import hashlib
import math
import time
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from livegate.errors import CalibrationError, ConfigError
from livegate.filesystem import replace_whole
from livegate.geometry.calibration import IDENTITY, MADE_FORMAT, CalibratedCamera, RigCalibration
from livegate.geometry.lens import undistorted
from livegate.options import parse
from livegate.toml_text import toml_lines
from livegate.types import Role

MAX_BYTES = 64 * 1024
_HEAD = "# Where the cameras of a terminal stand and how they see; written by `livegate calibrate cameras`.\n"
_REMEDY = "run livegate calibrate cameras again"
# What seven digits of a rotation in a file may lie off by.
_ROTATION_ERROR = 1e-3
_GRID = 9
# The cosine of the largest angle between the two cameras of a pair: 60 degrees.
_ALONG = 0.5


@dataclass(frozen=True, slots=True)
class RigFile:
    """A calibration and the SHA-256 of the file that holds it."""

    calibration: RigCalibration
    sha256: str


def read(path: Path) -> RigFile:
    """Return the calibration in ``path``; CalibrationError, naming key and remedy, for one that cannot be used."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as exc:
        raise CalibrationError(
            f"{path}: cannot be read ({exc.strerror}); name the file in [sensors] calibration_file, or {_REMEDY}"
        ) from exc
    if len(content) > MAX_BYTES:
        raise CalibrationError(f"{path}: is larger than {MAX_BYTES} bytes and no calibration; {_REMEDY}")
    return RigFile(_parsed(content, str(path)), hashlib.sha256(content).hexdigest())


def write(path: Path, calibration: RigCalibration) -> RigFile:
    """Put ``calibration`` in the place of what is at ``path``; a power cut leaves the one or the other.

    CalibrationError for one that :func:`read` would refuse, or where it cannot be written.
    """
    content = "\n".join([_HEAD, *toml_lines(asdict(calibration)), ""]).encode()
    kept = RigFile(_parsed(content, str(path)), hashlib.sha256(content).hexdigest())
    try:
        replace_whole(path, content)
        # Nothing in it is secret, and the terminal may run as another user than the technician.
        path.chmod(0o644)
    except OSError as exc:
        raise CalibrationError(f"{path}: cannot be written ({exc.strerror}); check the disk and its folder") from exc
    return kept


def _parsed(content: bytes, where: str) -> RigCalibration:
    try:
        calibration = parse(RigCalibration, tomllib.loads(content.decode("utf-8")), where)
    except (ConfigError, ValueError, RecursionError) as exc:
        raise CalibrationError(f"{where}: is damaged ({exc}); {_REMEDY}") from exc
    fault = next(_faults(calibration), None)
    if fault is not None:
        raise CalibrationError(f"{where}: {fault}; {_REMEDY}")
    return calibration


def _faults(calibration: RigCalibration) -> Iterator[str]:
    """Yield what the types of the single values cannot say."""
    rgb = calibration.rgb
    try:
        time.strptime(calibration.made, MADE_FORMAT)
    except ValueError:
        yield f"'made': there is no such date as {calibration.made}"
    if (rgb.rotation, rgb.translation_mm) != (IDENTITY, (0.0, 0.0, 0.0)):
        yield "[rgb]: 'rotation' and 'translation_mm': the others stand to it, so expected none"
    for role, camera in calibration.cameras.items():
        yield from (f"[{role}]: {fault}" for fault in _camera_faults(role, camera))
    right = calibration.rgb_right
    if right is not None and math.hypot(*right.translation_mm) < 1.0:
        yield "[rgb_right]: 'translation_mm': expected at least 1 mm between the two cameras of a pair"
    elif right is not None and right.rotation[8] < _ALONG:
        yield "[rgb_right]: 'rotation': looks another way than rgb; a pair looks at one face"
    elif right is not None and right.translation_mm[0] < 0.7 * math.hypot(*right.translation_mm):
        yield "[rgb_right]: 'translation_mm': expected a camera to the right of rgb; swap the roles, or turn both"


def _shows(camera: CalibratedCamera) -> bool:
    """Return whether most of a picture's pixels have a ray."""
    columns, rows = np.meshgrid(np.linspace(0, camera.width - 1, _GRID), np.linspace(0, camera.height - 1, _GRID))
    x, _ = undistorted((columns - camera.cx) / camera.fx, (rows - camera.cy) / camera.fy, camera.distortion)
    return bool(np.isfinite(x).mean() > 0.5)


def _camera_faults(role: Role, camera: CalibratedCamera) -> Iterator[str]:
    for name, size in (("distortion", 5), ("rotation", 9), ("translation_mm", 3)):
        if len(getattr(camera, name)) != size:
            yield f"'{name}': expected {size} numbers, found {len(getattr(camera, name))}"
            return
    rotation = np.array(camera.rotation).reshape(3, 3)
    if np.abs(rotation @ rotation.T - np.eye(3)).max() > _ROTATION_ERROR or np.linalg.det(rotation) < 0:
        yield "'rotation': is no rotation"
    if not (-camera.width <= camera.cx <= 2 * camera.width and -camera.height <= camera.cy <= 2 * camera.height):
        yield f"'cx' and 'cy': {camera.cx:g}, {camera.cy:g} lie far outside the picture"
    if not _shows(camera):
        yield "'distortion' with these focal lengths and centre folds most of the picture"
    if role is not Role.DEPTH and (camera.unit_mm, camera.offset_mm) != (1.0, 0.0):
        yield "'unit_mm' and 'offset_mm' are a depth camera's"
