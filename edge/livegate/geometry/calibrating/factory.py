"""What the makers of the configured cameras measured of them, where a driver can ask the device."""

from __future__ import annotations

import time
from collections.abc import Sequence

from livegate.config import CameraConfig
from livegate.drivers import factory_calibration
from livegate.errors import CalibrationError
from livegate.geometry.calibration import MADE_FORMAT, CalibratedCamera, RigCalibration
from livegate.options import parse
from livegate.types import Role


def of_makers(cameras: Sequence[CameraConfig], terminal: str | None = None) -> RigCalibration:
    """Return the calibration that the one device behind ``cameras`` holds; CalibrationError where there is none.

    Only cameras of one device stand to each other as its maker says: others are left out, rgb must be among them. The
    maker tells no reprojection error.
    """
    found: dict[Role, CalibratedCamera] = {}
    for camera in cameras:
        table = (factory_calibration(camera) or {}).get(str(camera.role))
        if table is not None:
            found[camera.role] = parse(CalibratedCamera, table, f"{camera.source.where}: what its maker measured")
    if Role.RGB not in found or len(found) < 2:
        raise CalibrationError(
            "calibrate cameras --factory: no driver tells what a maker measured of rgb and another camera; "
            "calibrate with a board (--board), or leave the calibration out"
        )
    serials = {str(camera.device) for camera in found.values()}
    if len(serials) > 1:
        raise CalibrationError(
            f"calibrate cameras --factory: the cameras are of several devices ({', '.join(sorted(serials))}), and no "
            "maker knows how they stand to each other; calibrate with a board (--board)"
        )
    made = time.strftime(MADE_FORMAT, time.gmtime())
    return RigCalibration(made, found[Role.RGB], terminal=terminal).with_cameras(found)
