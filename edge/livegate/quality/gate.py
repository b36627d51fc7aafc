"""The quality gate: one face in, what was measured of it out, and whether it may count."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from livegate.quality.limits import GUIDANCE, QualityLimits, judge
from livegate.quality.measures import QualityMeasures, measure
from livegate.quality.reach import beyond_reach
from livegate.quality.turn import TurnModel
from livegate.types import Box, Face, FrameSet, Guidance, Reason, Role

# A lamp behind a person blinds the colour camera alone: what these see of the face is evidence all the same.
_UNDAZZLED = frozenset({Role.NIR, Role.DEPTH})


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

    def judge(self, frame_set: FrameSet, face: Face) -> Quality | None:
        """Return the quality of a face with all sensors in view; None without a colour picture.

        Glare in colour is advice where another light sees the face; a face beyond the depth camera's reach is too far.
        """
        image = frame_set.image(Role.RGB)
        if image is None:
            return None
        quality = self.look(image, face.box)
        if quality.refused is Reason.GLARE and not frame_set.frames.keys().isdisjoint(_UNDAZZLED):
            quality = replace(quality, refused=None)
        if quality.refused is None and beyond_reach(frame_set, face):
            return replace(quality, refused=Reason.TOO_FAR, guidance=GUIDANCE[Reason.TOO_FAR])
        return quality

    def look(self, image: NDArray[np.uint8], box: Box) -> Quality:
        """Return the quality of the face at ``box`` in a colour picture alone, (H, W, 3) uint8 BGR; any box will do."""
        measures = measure(image, box, self.turn)
        refused = judge(measures, self.limits)
        poor = refused or judge(measures, self.advice)
        return Quality(measures, refused, None if poor is None else GUIDANCE[poor])
