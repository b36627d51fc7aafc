"""Tell which calibration of the cameras is in force: once, and again only when another one is."""

from __future__ import annotations

import logging

from livegate.errors import StoreError
from livegate.events.calibration import Calibrated, CalibrationAction, CalibrationTold, calibration_applied
from livegate.events.environment import reason_text
from livegate.geometry.opening import Geometry
from livegate.settings import Settings
from livegate.store import Store
from livegate.store.calibrations import is_news

log = logging.getLogger(__name__)


class CamerasTold:
    """Records what became of the calibration file. All its methods belong to one thread."""

    def __init__(self, geometry: Geometry) -> None:
        self._told = _told(geometry)
        self._done = False

    def look(self, settings: Settings, store: Store) -> None:
        """Record it, if that is still to be done; what cannot be recorded now is tried again at the next call."""
        if self._done:
            return
        try:
            if is_news(self._told, store):
                with store.transaction() as t:
                    t.enqueue(calibration_applied(self._told, t.opened, settings.rules.environment))
        except StoreError as exc:
            log.warning("calibration of the cameras not recorded yet", extra={"error": str(exc)})
            return
        self._done = True


def _told(geometry: Geometry) -> CalibrationTold:
    if geometry.file is None:
        action = CalibrationAction.REMOVE if geometry.refused is None else CalibrationAction.REFUSE
        return CalibrationTold(action, reason=reason_text(geometry.refused), calibrated=Calibrated.CAMERAS)
    cameras = {str(role): camera.device for role, camera in geometry.file.calibration.cameras.items()}
    return CalibrationTold(
        CalibrationAction.APPLY, geometry.file.sha256, calibrated=Calibrated.CAMERAS, cameras=cameras
    )
