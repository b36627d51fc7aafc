"""What the stream of events last said of a calibration."""

from __future__ import annotations

import json
from typing import Any

from livegate.events.calibration import CALIBRATION_APPLIED, Calibrated, CalibrationAction, CalibrationTold
from livegate.store.store import Store

# Calibrations are made by hand: of either kind there is one among so many.
_RECENT = 50


def is_news(told: CalibrationTold, store: Store) -> bool:
    """Return whether the last event of this calibration says otherwise; without one, nothing in force is no news."""
    last = _last(told.calibrated, store)
    if last is None:
        return told.action is not CalibrationAction.REMOVE
    return (last["action"], last["sha256"], last["reason"]) != (told.action, told.sha256, told.reason)


def _last(calibrated: Calibrated, store: Store) -> dict[str, Any] | None:
    for event in reversed(store.newest(_RECENT, CALIBRATION_APPLIED)):
        what: dict[str, Any] = json.loads(event.body)["data"]["what"]
        if what.get("calibrated", Calibrated.DECISION) == calibrated:
            return what
    return None
