"""Pair the frames of several cameras into one FrameSet of one moment: a pure function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.types import Frame, FrameSet, Role, SensorFault, SensorState

# A face that walks at 1 m/s moves 25 mm in this time, less than it is wide by far; two cameras that run freely at 20 or
# more frames a second always have a pair as close.
TOLERANCE_MS = 25.0

# A frame this old says nothing of who stands there now.
MAX_AGE_MS = 500.0

# About 1,000 samples decide whether a picture shows anything: 2 % noise in a quantile of them is no matter here.
_SAMPLES = 1000

# An 8-bit sensor's black level and its noise stay below DARK, its clipping above SATURATED; a picture whose brightest
# and darkest hundredths lie closer than FLAT levels is one surface, such as a hand or sticker on the lens.
_DARK, _SATURATED, _FLAT = 8, 248, 3

# A depth camera that sees a person returns far more; below this share it is covered, blinded by sunlight or broken.
_LEAST_RETURNS = 0.01

_FAULTS = {
    SensorState.BLINDED: frozenset({SensorFault.COVERED}),
    SensorState.MISALIGNED: frozenset({SensorFault.WRONG_FORMAT}),
}

# The states of a picture of the right form and moment.
_SEEN = (SensorState.OK, SensorState.BLINDED)

_NO_SIZES: Mapping[Role, tuple[int, int]] = MappingProxyType({})


def synchronise(
    rgb: Frame,
    others: Mapping[Role, Sequence[Frame]],
    now_ns: int,
    tolerance_ms: float = TOLERANCE_MS,
    max_age_ms: float = MAX_AGE_MS,
    sizes: Mapping[Role, tuple[int, int]] = _NO_SIZES,
) -> FrameSet:
    """Return the FrameSet of the moment ``rgb`` was captured.

    ``others`` holds the recent frames of every other configured role, empty for one whose camera is gone. The frame
    nearest to ``rgb`` in time is its partner, of whatever size: what it has to do with rgb's pixels is geometry's.
    ``sizes`` holds the (height, width) that a role's pictures had so far, where that is known. The state of a role is

    - MISSING when it has no frames;
    - STALE when the partner is further than ``tolerance_ms`` from rgb, or older than ``max_age_ms`` at ``now_ns``;
    - MISALIGNED when its shape or dtype is not what the role needs or its size not what it was, with the fault
      WRONG_FORMAT: whatever was learnt of the camera's pixels does not hold for these;
    - BLINDED when the picture is all dark, all saturated or of one value, or the depth has no returns: COVERED;
    - else OK, and only then is its frame in ``frames``. The same, without partner, holds for rgb itself.
    """
    frames = {role: _nearest(history, rgb) for role, history in others.items() if history}
    frames[Role.RGB] = rgb
    states = dict.fromkeys((Role.RGB, *others), SensorState.MISSING)
    for role, frame in frames.items():
        states[role] = _judge(frame, rgb, now_ns, tolerance_ms, max_age_ms)
        if states[role] in _SEEN and frame.image.shape[:2] != sizes.get(role, frame.image.shape[:2]):
            states[role] = SensorState.MISALIGNED
    good = {role: frame for role, frame in frames.items() if states[role] is SensorState.OK}
    faults = {role: _FAULTS[state] for role, state in states.items() if state in _FAULTS}
    return FrameSet(MappingProxyType(good), MappingProxyType(states), rgb.captured_ns, MappingProxyType(faults))


def _nearest(history: Sequence[Frame], rgb: Frame) -> Frame:
    return min(history, key=lambda frame: abs(frame.captured_ns - rgb.captured_ns))


def _judge(frame: Frame, rgb: Frame, now_ns: int, tolerance_ms: float, max_age_ms: float) -> SensorState:
    if abs(frame.captured_ns - rgb.captured_ns) > tolerance_ms * 1e6:
        return SensorState.STALE
    if now_ns - frame.captured_ns > max_age_ms * 1e6:
        return SensorState.STALE
    if not frame.fits_role:
        return SensorState.MISALIGNED
    return SensorState.BLINDED if blinded(frame.image) else SensorState.OK


def blinded(image: NDArray[Any]) -> bool:
    """Return whether a picture, (H, W, 3) or (H, W) uint8 or depth (H, W) uint16 in mm, shows nothing.

    Judged on an even subsample and its quantiles, so that a few hot pixels or a time stamp cannot hide a covered lens.
    """
    height, width = image.shape[:2]
    stride = max(1, int((height * width / _SAMPLES) ** 0.5))
    samples = image[stride // 2 :: stride, stride // 2 :: stride]
    if image.dtype == np.uint16:
        returns = samples[samples > 0]
        return bool(returns.size < _LEAST_RETURNS * samples.size or returns.min() == returns.max())
    # For bytes "stable" is a radix sort, ten times as quick as the default.
    ordered = np.sort(samples, axis=None, kind="stable")
    hundredth = ordered.size // 100
    low, high = int(ordered[hundredth]), int(ordered[-1 - hundredth])
    return high < _DARK or low > _SATURATED or high - low < _FLAT
