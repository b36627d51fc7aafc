"""The event that tells what became of a terminal's own calibration."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from livegate.events.environment import Environment, event
from livegate.gate.facts import Clock
from livegate.types import AccessEvent

CALIBRATION_APPLIED = "calibration.applied"


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


def calibration_applied(told: CalibrationTold, now: Clock, environment: Environment) -> AccessEvent:
    """A calibration came into force, was taken back, or was refused: the thresholds of the models hold then."""
    what = {
        "action": told.action,
        "sha256": told.sha256,
        "reason": told.reason,
        "cues": list(told.cues),
        "shift_llr": told.shift_llr,
        "deviation_llr": told.deviation_llr,
        "samples": dict(told.samples),
    }
    severity = "warning" if told.action is CalibrationAction.REFUSE else "notice"
    return event(CALIBRATION_APPLIED, what, now, environment, severity=severity)
