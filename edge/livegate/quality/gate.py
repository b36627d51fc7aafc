"""The quality gate: one face in, what was measured of it out, and whether it may count."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livegate.quality.limits import GUIDANCE, QualityLimits, judge
from livegate.quality.measures import QualityMeasures, measure
from livegate.quality.turn import TurnModel
from livegate.types import Box, Guidance, Reason


@dataclass(frozen=True, slots=True)
class Quality:
    """What the gate makes of one face: ``refused`` is why it cannot be judged, None where it can.

    ``guidance`` is what the person should do: to be judged at all where it was refused, else to be judged better;
    None where the face is as good as ordinary ones.
    """

    measures: QualityMeasures
    refused: Reason | None
    guidance: Guidance | None


@dataclass(frozen=True, slots=True)
class QualityGate:
    """Refuses faces beyond ``limits`` and advises on those beyond ``advice``, which lies within."""

    turn: TurnModel
    limits: QualityLimits
    advice: QualityLimits

    def look(self, image: NDArray[np.uint8], box: Box) -> Quality:
        """Return the quality of the face at ``box`` in ``image`` (H, W, 3) uint8 BGR; any box will do."""
        measures = measure(image, box, self.turn)
        refused = judge(measures, self.limits)
        poor = refused or judge(measures, self.advice)
        return Quality(measures, refused, None if poor is None else GUIDANCE[poor])
