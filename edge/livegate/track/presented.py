"""Which of the faces in a picture is the one presented to the terminal."""

from __future__ import annotations

from dataclasses import dataclass

from livegate.types import Box, Face

# A face this much smaller in area than the largest stands behind the person at the door, not beside them.
PROMINENT_SHARE = 0.4
# Between two frames a person's face overlaps itself by far more than this, even walking.
SAME_FACE_IOU = 0.2


@dataclass(frozen=True, slots=True)
class Presented:
    """The presented face, how many prominent faces stood beside it, and whether it is the one of the frame before."""

    face: Face
    others: int
    continues: bool


def presented_face(faces: tuple[Face, ...], previous: Box | None) -> Presented | None:
    """Choose the presented face, or None when there is none.

    Only prominent faces count. A face that looks like an attack is chosen before one that does not: a living accomplice
    beside a held print must not lend it their liveness. Otherwise the face of the frame before stays chosen, and
    failing that the largest is taken.
    """
    if not faces:
        return None
    largest = max(face.box.area for face in faces)
    prominent = [face for face in faces if face.box.area >= PROMINENT_SHARE * largest]
    attacks = [face for face in prominent if face.p_attack > face.p_bona_fide]
    same = [face for face in prominent if previous is not None and face.box.iou(previous) >= SAME_FACE_IOU]
    if attacks:
        face = max(attacks, key=lambda f: f.p_attack)
    elif same and previous is not None:
        face = max(same, key=lambda f: f.box.iou(previous))
    else:
        face = max(prominent, key=lambda f: f.box.area)
    return Presented(face, len(prominent) - 1, any(face is candidate for candidate in same))
