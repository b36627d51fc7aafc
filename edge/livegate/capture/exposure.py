"""Exposure for a face: how bright it is, how much brighter it should be, and what to set for that. Pure functions.

All is counted in stops, the logarithm to base 2 of light: a camera's answer to twice the exposure is one stop whatever
the scene, so that one rule holds for dark skin and bright backgrounds alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.capture.controls import ExposureRange
from livegate.types import Box, Role

# The middle of the face, without hair, background and chin, as shares of its box.
_MARGIN_X, _MARGIN_Y = 0.2, 0.25
_SAMPLES = 400
_LEAST_SAMPLES = 16

# sRGB's middle grey, an 18 % reflector: whoever stands there, half of their face is to be brighter than this.
_MIDDLE = 118.0
# Highlights, such as a forehead under a lamp, keep their shape below this level.
_HIGHLIGHT, _CLIPPED = 235.0, 250.0
_HIGHLIGHT_SHARE = 0.95
# One level of the darkest picture is noise.
_DARKEST = 2.0
# A colour camera's level is about the 2.2th root of light; infrared ones differ, from 1 to 2.2.
_GAMMA = {Role.RGB: 2.2, Role.RGB_RIGHT: 2.2, Role.NIR: 1.5}

# Less than a third of a stop is not seen, and would only make the picture flicker.
_WORTH = 0.33
# The picture is not changed by more at once: what clips says only that it is too much.
_MOST_STOPS = 2.0
# The answer is never quite as computed; a little less does not overshoot, and what does all the same is halved.
FIRST_SHARE, _LEAST_SHARE = 0.85, 0.2

# A lamp on 50 Hz mains flickers every 10 ms; whole multiples see the same light each time.
FLICKER_US = 10_000.0
# In this time a face at 1 m that moves at walking pace is blurred by less than its eyelids are thick.
_MOST_US = 20_000.0
# A gain's steps are the maker's own; the whole range of most is about 30 dB.
_GAIN_STOPS = 5.0


@dataclass(frozen=True, slots=True)
class Setting:
    """An exposure time in microseconds and a gain in the camera's own steps."""

    exposure_us: float
    gain: float


def stops_wanted(image: NDArray[Any], box: Box, role: Role) -> float | None:
    """Return by how many stops the face in ``box`` should be brighter (negative: darker), None where too little shows.

    ``image`` is (H, W, 3) or (H, W) uint8, ``box`` in its pixels. The median of the face's middle goes to middle grey
    unless that would blow out its highlights.
    """
    face = _middle(image, box)
    if face.size < _LEAST_SAMPLES:
        return None
    levels = np.sort(face, axis=None)
    median, bright = float(levels[levels.size // 2]), float(levels[int(levels.size * _HIGHLIGHT_SHARE)])
    gamma = _GAMMA[role]
    wanted = gamma * math.log2(_MIDDLE / max(median, _DARKEST))
    room = gamma * math.log2(_HIGHLIGHT / max(bright, _DARKEST))
    if bright >= _CLIPPED:
        room = min(room, -1.0)
    return max(-_MOST_STOPS, min(wanted, room, _MOST_STOPS))


def damped(share: float, before: float, now: float) -> float:
    """Return which share of what is wanted to set next, after a change for ``before`` stops left ``now`` to be set."""
    return max(share / 2, _LEAST_SHARE) if before * now < 0 else share


def next_setting(
    now: Setting, stops: float, limits: ExposureRange, period_us: float | None, share: float = FIRST_SHARE
) -> Setting | None:
    """Return what to set so that the picture is nearer to ``stops`` brighter, None where no change is worth it.

    Exposure first, in whole multiples of the flicker where it is that long, then gain; exposure is never so long as to
    slow the camera down (``period_us``) or to blur a face that moves.
    """
    before = _stops_of(now, limits)
    setting = _with_stops(before + share * stops, limits, period_us)
    gained = _stops_of(setting, limits) - before
    return setting if abs(stops) - abs(stops - gained) > _WORTH else None


def bounded(setting: Setting, limits: ExposureRange) -> Setting:
    """Return ``setting`` within what the camera can."""
    return Setting(
        min(max(setting.exposure_us, limits.least_us), limits.most_us),
        min(max(setting.gain, limits.gain_least), limits.gain_most),
    )


def _middle(image: NDArray[Any], box: Box) -> NDArray[Any]:
    height, width = image.shape[:2]
    left, right = box.x + _MARGIN_X * box.w, box.x + (1 - _MARGIN_X) * box.w
    top, bottom = box.y + _MARGIN_Y * box.h, box.y + (1 - _MARGIN_Y) * box.h
    if not all(math.isfinite(edge) for edge in (left, right, top, bottom)):
        return image[:0]
    x0, x1 = max(0, int(left)), min(width, max(0, int(right)))
    y0, y1 = max(0, int(top)), min(height, max(0, int(bottom)))
    stride = max(1, int((max(0, x1 - x0) * max(0, y1 - y0) / _SAMPLES) ** 0.5))
    face = image[y0:y1:stride, x0:x1:stride]
    # Of colour pictures green, which is most of what brightness is.
    return face[..., 1] if face.ndim == 3 else face


def _stops_of(setting: Setting, limits: ExposureRange) -> float:
    return math.log2(max(setting.exposure_us, 1.0)) + _GAIN_STOPS * _gain_share(setting.gain, limits)


def _gain_share(gain: float, limits: ExposureRange) -> float:
    span = limits.gain_most - limits.gain_least
    return (gain - limits.gain_least) / span if span > 0 else 0.0


def _with_stops(stops: float, limits: ExposureRange, period_us: float | None) -> Setting:
    """Return the exposure and gain that together make ``stops``, as near as the camera can."""
    has_gain = limits.gain_most > limits.gain_least
    most_us = max(limits.least_us, min(limits.most_us, _MOST_US, period_us or _MOST_US))
    exposure_us = min(2.0**stops, most_us)
    if exposure_us > FLICKER_US:
        exposure_us = _multiple(exposure_us, most_us, nearest=not has_gain)
    exposure_us = max(exposure_us, limits.least_us)
    if not has_gain:
        return Setting(exposure_us, limits.gain_least)
    share = (stops - math.log2(exposure_us)) / _GAIN_STOPS
    return Setting(exposure_us, limits.gain_least + min(max(share, 0.0), 1.0) * (limits.gain_most - limits.gain_least))


def _multiple(exposure_us: float, most_us: float, *, nearest: bool) -> float:
    """Return the multiple of the flicker below ``exposure_us``, or the nearest in stops; never above ``most_us``."""
    times = math.floor(exposure_us / FLICKER_US + 1e-9)
    above_us = (times + 1) * FLICKER_US
    if nearest and above_us <= most_us and exposure_us**2 > times * FLICKER_US * above_us:
        return above_us
    return times * FLICKER_US
