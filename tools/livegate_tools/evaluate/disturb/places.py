"""Pictures that do not lie on each other: registration that is off, a pair that is not rectified, late cameras."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import cv2
import numpy as np

from livegate.types import NS_PER_MS, Frame, FrameSet, Role
from livegate_tools.evaluate.disturb.scene import Picture, Scene, with_frames, with_pictures

# How fast a head moves that comes to a stand before a door (assumed).
SPEED_MM_S = 150.0
_REGISTERED = (Role.NIR, Role.DEPTH)


def misregistered(frame_set: FrameSet, strength: float, scene: Scene) -> FrameSet:
    """Near infrared and depth lie ``strength`` pixels off rgb, in opposite directions."""
    x, y = (strength * part for part in scene.towards)
    return with_pictures(frame_set, {Role.NIR: partial(_shifted, x=x, y=y), Role.DEPTH: partial(_shifted, x=-x, y=-y)})


def unrectified(frame_set: FrameSet, strength: float, scene: Scene) -> FrameSet:
    """Rows of rgb_right lie ``strength`` pixels off those of rgb."""
    return with_pictures(
        frame_set, {Role.RGB_RIGHT: partial(_shifted, x=0.0, y=np.copysign(strength, scene.towards[1]))}
    )


def skewed(frame_set: FrameSet, strength: float, scene: Scene) -> FrameSet:
    """Near infrared and depth are ``strength`` milliseconds late, while the face moves at SPEED_MM_S."""
    moved_px = SPEED_MM_S * strength / 1000 * scene.px_per_mm
    x, y = (moved_px * part for part in scene.towards)

    def late(frame: Frame) -> Frame:
        unlit = None if frame.unlit is None else _shifted(frame.unlit, x=x, y=y)
        captured_ns = frame.captured_ns + round(strength * NS_PER_MS)
        return replace(frame, image=_shifted(frame.image, x=x, y=y), unlit=unlit, captured_ns=captured_ns)

    return with_frames(frame_set, dict.fromkeys(_REGISTERED, late))


def _shifted(picture: Picture, x: float, y: float) -> Picture:
    """The picture moved by (x, y) pixels; between two distances there is none, so depth takes the nearest."""
    how = cv2.INTER_NEAREST if picture.dtype == np.uint16 else cv2.INTER_LINEAR
    size = (picture.shape[1], picture.shape[0])
    matrix = np.array([[1.0, 0.0, x], [0.0, 1.0, y]])
    return np.asarray(cv2.warpAffine(picture, matrix, size, flags=how, borderMode=cv2.BORDER_REPLICATE))
