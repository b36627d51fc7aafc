"""When a picture of a face is too poor to be judged, and what to tell the person then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated

from livegate.options import Between
from livegate.quality.measures import QualityMeasures
from livegate.types import Guidance, Reason


@dataclass(frozen=True, slots=True)
class QualityLimits:
    """The worst that is still judged, in the units of :class:`QualityMeasures`; fixed on pictures of people."""

    min_face_px: Annotated[float, Between(8, 400)]
    max_height_share: Annotated[float, Between(0.5, 4)]
    max_outside_share: Annotated[float, Between(0.05, 0.9)]
    min_bright_level: Annotated[float, Between(0, 128)]
    max_overexposed_share: Annotated[float, Between(0.05, 1)]
    max_blur: Annotated[float, Between(0.3, 1)]
    max_turn: Annotated[float, Between(0.2, 4)]


def judge(measures: QualityMeasures, limits: QualityLimits) -> Reason | None:
    """Return why the face cannot be judged, None when it can; of several reasons the one to put right first.

    Place comes before light and light before the rest: of a face that is mostly outside nothing else means anything.
    """
    return next(failing(measures, limits), None)


def failing(measures: QualityMeasures, limits: QualityLimits) -> Iterator[Reason]:
    """Yield every reason why the face cannot be judged, the one to put right first."""
    for reason, fails in (
        (Reason.TOO_NEAR, measures.height_share > limits.max_height_share),
        (Reason.CUT_OFF, measures.outside_share > limits.max_outside_share),
        (Reason.TOO_FAR, measures.face_px < limits.min_face_px),
        (Reason.TOO_DARK, measures.bright_level < limits.min_bright_level),
        (Reason.GLARE, measures.overexposed_share > limits.max_overexposed_share),
        (Reason.BLURRED, measures.blur > limits.max_blur),
        (Reason.TURNED, abs(measures.turn) > limits.max_turn),
    ):
        if fails:
            yield reason


GUIDANCE: Mapping[Reason, Guidance] = MappingProxyType(
    {
        Reason.TOO_NEAR: Guidance.STEP_BACK,
        Reason.CUT_OFF: Guidance.MOVE_INTO_VIEW,
        Reason.TOO_FAR: Guidance.COME_CLOSER,
        Reason.TOO_DARK: Guidance.MORE_LIGHT,
        Reason.GLARE: Guidance.LESS_LIGHT,
        Reason.BLURRED: Guidance.HOLD_STILL,
        Reason.TURNED: Guidance.FACE_CAMERA,
    }
)
"""What puts each reason right."""
