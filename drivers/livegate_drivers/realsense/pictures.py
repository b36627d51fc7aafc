"""The picture in one of the SDK's frames, as its role needs it; always a copy, for the SDK's memory is its own."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.errors import PictureError
from livegate.types import Intrinsics, Role
from livegate_drivers.pixels import in_mm

_CODES = {
    "rgb8": cv2.COLOR_RGB2BGR,
    "bgra8": cv2.COLOR_BGRA2BGR,
    "rgba8": cv2.COLOR_RGBA2BGR,
    "yuyv": cv2.COLOR_YUV2BGR_YUY2,
}


def picture(frame: Any, role: Role, place: str) -> NDArray[Any]:
    """Return rgb (H, W, 3) uint8 B, G, R; nir (H, W) uint8; depth (H, W) uint16 in millimetres, 0 for no return.

    Raise PictureError, naming ``place``, for a frame that does not hold what its mode says.
    """
    mode = frame.profile.as_video_stream_profile()
    data = np.asanyarray(frame.get_data())
    if data.shape[:2] != (mode.height(), mode.width()):
        raise PictureError(f"{place}: a {role} frame of {data.shape} is no {mode.width()}x{mode.height()} picture")
    if role is Role.DEPTH:
        return np.array(in_mm(data, round(1000 * frame.as_depth_frame().get_units(), 6)))
    code = _CODES.get(mode.format().name)
    if code is None:
        return np.array(data)
    if code == cv2.COLOR_YUV2BGR_YUY2:
        data = np.ascontiguousarray(data).view(np.uint8).reshape(mode.height(), mode.width(), 2)
    return np.asarray(cv2.cvtColor(data, code))


def intrinsics(frame: Any) -> Intrinsics:
    """Return the optics of the frame's stream; its distortion, which D4xx cameras hardly have, is left out."""
    optics = frame.profile.as_video_stream_profile().get_intrinsics()
    return Intrinsics(optics.fx, optics.fy, optics.ppx, optics.ppy, optics.width, optics.height)


def exposure_us(sdk: Any, frame: Any, unit_us: float) -> float | None:
    """Return how long the frame was exposed, which it tells in ``unit_us``; None where it does not."""
    key = sdk.frame_metadata_value.actual_exposure
    if not frame.supports_frame_metadata(key):
        return None
    return float(frame.get_frame_metadata(key)) * unit_us


def lit(sdk: Any, frame: Any) -> bool | None:
    """Return whether the projector was lit for the frame, None where it does not say."""
    keys = (sdk.frame_metadata_value.frame_emitter_mode, sdk.frame_metadata_value.frame_laser_power_mode)
    told = [frame.get_frame_metadata(key) != 0 for key in keys if frame.supports_frame_metadata(key)]
    return all(told) if told else None
