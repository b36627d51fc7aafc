"""What is taken for a face, and for a camera that nobody measured: sizes in mm rest on it where no more is known."""

from __future__ import annotations

from livegate.types import Frame, Intrinsics

FACE_WIDTH_MM = 140.0
"""A face's width, as its box has it; half the adults lie within a twentieth of it."""

# A camera of about 60 degrees.
_FOCAL_SHARE = 0.87


def camera_of(frame: Frame) -> Intrinsics:
    """Return the camera of a frame; where nothing is known one of about 60 degrees that looks straight ahead."""
    if frame.intrinsics is not None:
        return frame.intrinsics
    height, width = frame.image.shape[:2]
    focal = _FOCAL_SHARE * width
    return Intrinsics(focal, focal, (width - 1) / 2, (height - 1) / 2, width, height)
