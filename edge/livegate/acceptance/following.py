"""Put the calibration that lies in the state folder in force: at the start, and whenever another one lies there."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from livegate.acceptance.file import FILE, Kept, check_models, load
from livegate.decide.recalibration import Recalibration
from livegate.errors import CalibrationError, StoreError
from livegate.events.calibration import (
    CalibrationAction,
    CalibrationTold,
    calibration_applied,
)
from livegate.events.environment import reason_text
from livegate.settings import Settings
from livegate.store import Store
from livegate.store.calibrations import is_news

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """What lies in the state folder: a calibration to go by, or why not."""

    kept: Kept | None = None
    refused: str | None = None

    @property
    def sha256(self) -> str | None:
        """The SHA-256 of what is to be in force, None for nothing."""
        return None if self.kept is None else self.kept.sha256

    @property
    def recalibration(self) -> Recalibration | None:
        """What is to be in force, None for nothing."""
        return None if self.kept is None else self.kept.recalibration


class Following:
    """Follows the file. All its methods belong to one thread."""

    def __init__(self, state_dir: Path, models: Mapping[str, str]) -> None:
        """Find what lies in ``state_dir`` for a judge of ``models``."""
        self._state_dir = state_dir
        self._models = models
        self._mark = self._marked()
        self.found = found(state_dir, models)
        self._told = False
        self._waits = False

    def look(self, settings: Settings, store: Store) -> None:
        """Record and put in force what is new; cheap when nothing is.

        What cannot be recorded is tried again at the next call, and not in force before: no decision is made by a
        calibration that no event told of.
        """
        mark = self._marked()
        if mark != self._mark:
            self.found, self._mark, self._told = found(self._state_dir, self._models), mark, False
        if self._told:
            return
        try:
            self._tell(settings, store)
        except StoreError as exc:
            if not self._waits:
                log.warning("calibration not recorded, and so not in force yet", extra={"error": str(exc)})
            self._waits = True
            return
        settings.recalibrate(self.found.recalibration, self.found.sha256)
        self._told, self._waits = True, False

    def _tell(self, settings: Settings, store: Store) -> None:
        told = _told(self.found)
        if not is_news(told, store):
            return
        environment = replace(settings.rules.environment, calibration_sha256=settings.calibrated_by(self.found.sha256))
        with store.transaction() as t:
            t.enqueue(calibration_applied(told, t.opened, environment))
        log.info("calibration %s", told.action, extra={"sha256": told.sha256, "shift_llr": told.shift_llr})

    def _marked(self) -> tuple[int, int, int] | None:
        """Return what another file in its place would change; None where there is none."""
        try:
            status = (self._state_dir / FILE).lstat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_ctime_ns


def found(state_dir: Path, models: Mapping[str, str]) -> Found:
    """Return what lies in ``state_dir`` for a judge of ``models``; what cannot be used is said in the log."""
    try:
        kept = load(state_dir)
        if kept is not None:
            check_models(kept, models)
    except CalibrationError as exc:
        log.error("calibration not used", extra={"error": str(exc)})  # noqa: TRY400 - the sentence is the message
        # Events carry this, and where the state folder lies is nobody's.
        return Found(refused=str(exc).replace(f"{state_dir}{os.sep}", ""))
    return Found(kept)


def _told(found: Found) -> CalibrationTold:
    if found.kept is None:
        refused = found.refused is not None
        action = CalibrationAction.REFUSE if refused else CalibrationAction.REMOVE
        return CalibrationTold(action, reason=reason_text(found.refused))
    tables = found.kept.tables
    return CalibrationTold(
        CalibrationAction.APPLY,
        found.kept.sha256,
        cues=tables.recalibration.cues,
        shift_llr=tables.recalibration.shift_llr,
        deviation_llr=tables.recalibration.deviation_llr,
        samples={"bona_fide": tables.bona_fide.samples, "attack": tables.attack.samples},
    )
