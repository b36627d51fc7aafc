"""What the detectors look at: one FrameSet as the cameras gave it, and what the judge found in it."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from livegate.types import Face, FrameSet, Role, SensorFault

# Smaller faces stand far away, where light, depth and colour say little.
LEAST_FACE_PX = 48
_LEAST_PICTURE_PX = 32


class Level(enum.IntEnum):
    """How sure a detector is of its fault."""

    NONE = 0
    NAMED = 1
    """Told in ``faults``; the role stays and is judged, for what stands before the terminal may look like this."""
    SURE = 2
    """The role leaves."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One FrameSet before any role left it.

    ``faces`` is None where nobody could look for any; ``presentation`` counts those who stood there, with nobody in
    between.
    """

    frame_set: FrameSet
    faces: tuple[Face, ...] | None
    presentation: int

    @property
    def nobody(self) -> bool:
        """Whether faces were looked for and there is none."""
        return self.faces == ()

    @property
    def at_ns(self) -> int:
        """When it was captured."""
        return self.frame_set.captured_ns

    @property
    def face(self) -> Face | None:
        """The largest face, None where it is small or there is none."""
        largest = max(self.faces or (), key=lambda face: face.box.area, default=None)
        return None if largest is None or not min(largest.box.w, largest.box.h) >= LEAST_FACE_PX else largest

    def picture(self, role: Role) -> NDArray[Any] | None:
        """Return the picture of ``role`` where it has the shape and dtype of its role and some size, else None."""
        frame = self.frame_set.frames.get(role)
        legible = frame is not None and frame.fits_role and min(frame.image.shape[:2]) >= _LEAST_PICTURE_PX
        return frame.image if frame is not None and legible else None

    def patch(self, role: Role, share: float) -> NDArray[Any] | None:
        """Return the middle ``share`` of the face in the picture of ``role``, None where there is none."""
        face, image = self.face, self.picture(role)
        if face is None or image is None or not np.isfinite([face.box.x, face.box.y, face.box.w, face.box.h]).all():
            return None
        box, (height, width) = face.box, image.shape[:2]
        left, right = (int(np.clip(box.x + box.w * (1 + s * share) / 2, 0, width)) for s in (-1, 1))
        top, bottom = (int(np.clip(box.y + box.h * (1 + s * share) / 2, 0, height)) for s in (-1, 1))
        patch = image[top:bottom, left:right]
        return patch if min(patch.shape[:2]) >= LEAST_FACE_PX * share / 2 else None


class Detector(Protocol):
    """What looks for one fault of one role; it remembers a bounded summary, never a picture for long."""

    role: Role
    fault: SensorFault

    @property
    def level(self) -> Level:
        """How sure it is now."""

    def learn(self, seen: Seen) -> None:
        """Take the next FrameSet; never raises on any array."""
