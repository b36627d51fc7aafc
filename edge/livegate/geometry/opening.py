"""The aligner of a configuration, and what became of its calibration file."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from livegate.config import Config, SensorsConfig
from livegate.errors import CalibrationError
from livegate.geometry.aligner import Aligner, is_of_another
from livegate.geometry.file import RigFile, read
from livegate.types import Role

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Geometry:
    """The aligner, the file it goes by, and why that file cannot be used; both None where none is configured."""

    aligner: Aligner
    file: RigFile | None = None
    refused: str | None = None

    @property
    def devices(self) -> Mapping[Role, str]:
        """The serial numbers that the file in force knows, by role."""
        cameras = {} if self.file is None else self.file.calibration.cameras
        return {role: camera.device for role, camera in cameras.items() if camera.device is not None}

    @property
    def noise(self) -> Mapping[Role, float]:
        """How much a pixel of each role trembles, as it was when the file was made, where that was measured."""
        cameras = {} if self.file is None else self.file.calibration.cameras
        return {role: camera.noise for role, camera in cameras.items() if camera.noise is not None}

    @property
    def sha256(self) -> str | None:
        """The SHA-256 of the file in force, None for none."""
        return None if self.file is None else self.file.sha256


def open_geometry(config: Config) -> Geometry:
    """Return what the [sensors] table asks for; a file that cannot be used is said in the log and in ``refused``.

    The terminal starts all the same: every role but rgb is MISALIGNED then, and ``least_step`` says whether the door
    may still open. A technician must be able to see which file it is, over the link too.
    """
    who = f"{config.terminal.site}/{config.terminal.id}"
    return of_sensors(config.sensors, (camera.role for camera in config.camera), who)


def of_sensors(sensors: SensorsConfig, roles: Iterable[Role], terminal: str | None = None) -> Geometry:
    """Return the geometry of the cameras of ``roles`` of ``terminal``, "site/id"; as :func:`open_geometry`."""
    path = sensors.calibration_file
    if path is None:
        return Geometry(Aligner(None, roles))
    try:
        file = read(path)
    except CalibrationError as exc:
        log.error("camera calibration not used, rgb stands alone", extra={"error": str(exc)})  # noqa: TRY400
        # Events carry this, and where the file lies is nobody's.
        return Geometry(Aligner(None, roles, refused=True), refused=str(exc).replace(str(path), path.name))
    if is_of_another(file.calibration, terminal):
        log.error("camera calibration is another terminal's", extra={"made_for": file.calibration.terminal})
    return Geometry(Aligner(file.calibration, roles, terminal=terminal), file)
