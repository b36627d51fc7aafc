"""What a camera says of itself, as far as it can be: a number that cannot is no number."""

from __future__ import annotations

import math
from dataclasses import replace

from livegate.types import Frame, Intrinsics

# From a fisheye to a telescope, as shares of the picture's longer side; an axis lies in the picture or beside it.
_FOCAL = (0.05, 100.0)
_ASIDE = 2.0
_LONGEST_US = 60e6
_WIDEST_MM = 5_000.0


def plausible(frame: Frame) -> Frame:
    """Return ``frame`` without the optics, the exposure or the baseline that no camera has; None stands for each.

    Whoever reckons in millimetres divides by a focal length, and a cue whose numbers are none is silent: a device that
    was never calibrated gives noughts, one that somebody made up gives what they like.
    """
    optics = frame.intrinsics if frame.intrinsics is None or _sees(frame.intrinsics) else None
    exposure_us = _within(frame.exposure_us, _LONGEST_US)
    baseline_mm = _within(frame.baseline_mm, _WIDEST_MM)
    if (optics, exposure_us, baseline_mm) == (frame.intrinsics, frame.exposure_us, frame.baseline_mm):
        return frame
    return replace(frame, intrinsics=optics, exposure_us=exposure_us, baseline_mm=baseline_mm)


def _sees(optics: Intrinsics) -> bool:
    side = max(optics.width, optics.height)
    focal = all(_FOCAL[0] * side <= f <= _FOCAL[1] * side for f in (optics.fx, optics.fy))
    return side > 0 and focal and all(abs(centre) <= _ASIDE * side for centre in (optics.cx, optics.cy))


def _within(value: float | None, most: float) -> float | None:
    return value if value is not None and math.isfinite(value) and 0 <= value <= most else None
