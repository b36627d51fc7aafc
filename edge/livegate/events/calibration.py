"""The event that tells what became of a terminal's own calibration: of its decision, or of its cameras."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from livegate.events.environment import Environment, event
from livegate.gate.facts import Clock
from livegate.types import AccessEvent

CALIBRATION_APPLIED = "calibration.applied"


class Calibrated(enum.StrEnum):
    """What was calibrated."""

    DECISION = "decision"
    CAMERAS = "cameras"


class CalibrationAction(enum.StrEnum):
    """What became of it: in force, taken away, or found and not used."""

    APPLY = "apply"
    REMOVE = "remove"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class CalibrationTold:
    """What the event says; of one that is in force also what it does and from how many samples it was learnt."""

    action: CalibrationAction
    sha256: str | None = None
    reason: str | None = None
    cues: Sequence[str] = ()
    shift_llr: float | None = None
    deviation_llr: float | None = None
    samples: Mapping[str, int] = field(default_factory=dict)
    calibrated: Calibrated = Calibrated.DECISION
    cameras: Mapping[str, str | None] = field(default_factory=dict)
    """The cameras it holds for, by role, with the serial numbers it knows."""


def calibration_applied(told: CalibrationTold, now: Clock, environment: Environment) -> AccessEvent:
    """A calibration came into force, was taken back, or was refused: the thresholds of the models hold then."""
    what = {
        "calibrated": told.calibrated,
        "action": told.action,
        "sha256": told.sha256,
        "reason": told.reason,
        "cues": list(told.cues),
        "shift_llr": told.shift_llr,
        "deviation_llr": told.deviation_llr,
        "samples": dict(told.samples),
        "cameras": dict(told.cameras),
    }
    severity = "warning" if told.action is CalibrationAction.REFUSE else "notice"
    return event(CALIBRATION_APPLIED, what, now, environment, severity=severity)


def calibration_sha256(cameras: str | None, decision: str | None) -> str | None:
    """Return what stands for the calibrations in force in every event's environment.

    The SHA-256 of the one file that is in force, None for neither; of two, the SHA-256 of both hexadecimal digests,
    that of the cameras first, one after the other.
    """
    if cameras is None or decision is None:
        return cameras or decision
    return hashlib.sha256(f"{cameras}{decision}".encode()).hexdigest()
