"""How an attempt ends in which nothing was concluded."""

from __future__ import annotations

from dataclasses import replace

from livegate.quality.limits import GUIDANCE
from livegate.types import PadDecision, PadResult, Reason

_SENSORS = frozenset({Reason.SENSOR_MISSING, Reason.SENSOR_SUSPECT})


def undecided(pad: PadResult) -> PadResult:
    """Return ``pad`` as the end of an attempt, never in favour of the person.

    It is a non-response where no frame could be judged, with what was wrong with the last, or where a sensor stood in
    the way, and inconclusive otherwise.
    """
    if pad.reason in GUIDANCE or pad.reason in _SENSORS:
        return replace(pad, decision=PadDecision.NON_RESPONSE)
    return replace(pad, decision=PadDecision.INCONCLUSIVE, reason=Reason.INCONCLUSIVE)
