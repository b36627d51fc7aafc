"""Good pictures made unusable, one way at a time: what the gate must refuse, by the definition that stands here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.types import Box, Reason

Picture = NDArray[np.uint8]

# Exposure: the sRGB curve is near a power of 2.2. A camera's automatic exposure covers some stops; what lies this far
# beyond it leaves 8-bit pictures a handful of levels, or none below white.
_GAMMA = 2.2
DARKER_STOPS = 6
BRIGHTER_STOPS = 5
# Of what is finer than a sixteenth of a face nothing is left: eyes and mouth are shadows.
BLUR_SHARE = 1 / 16
# During the exposure the head moved by half the distance between its eyes.
SMEAR_SHARE = 1 / 4
# Read noise after smoothing within the camera, grey levels: without it the darkened and blurred would be too clean.
_NOISE_LEVELS = 1.5
# The smallest prior of the shipped detector is 14 pixels high at half a camera's resolution; below, nothing is found.
FAR_PX = 10.0
NEAR_SHARE = 2.0
OUTSIDE_SHARE = 0.7
# The nose stands before one eye, or beyond it: a profile.
TURNED = 1.0


@dataclass(frozen=True, slots=True)
class Spoilt:
    """A kind of spoiling by picture: ``apply`` returns the picture made unusable, its box staying where it was."""

    reason: Reason
    name: str
    apply: Callable[[Picture, Box, np.random.Generator], Picture]


def exposed(image: Picture, stops: float, rng: np.random.Generator) -> Picture:
    """Return the picture as taken with ``stops`` more light, clipped and noisy."""
    linear = (image.astype(np.float32) / 255) ** _GAMMA * 2.0**stops
    return _noisy(np.clip(linear, 0, 1) ** (1 / _GAMMA) * 255, rng)


def blurred(image: Picture, share: float, box: Box, rng: np.random.Generator) -> Picture:
    """Return the picture out of focus: Gaussian blur of ``share`` of the face's width (standard deviation)."""
    return _noisy(cv2.GaussianBlur(image, (0, 0), max(share * box.w, 0.1)).astype(np.float32), rng)


def smeared(image: Picture, share: float, box: Box, rng: np.random.Generator) -> Picture:
    """Return the picture of a face that moved sideways by ``share`` of its width during the exposure."""
    return _noisy(cv2.blur(image, (max(round(share * box.w), 1), 1)).astype(np.float32), rng)


def _noisy(image: NDArray[np.float32], rng: np.random.Generator) -> Picture:
    noise = rng.normal(0, _NOISE_LEVELS, image.shape)
    return np.clip(np.round(image + noise), 0, 255).astype(np.uint8)


KINDS: tuple[Spoilt, ...] = (
    Spoilt(Reason.TOO_DARK, f"{DARKER_STOPS} stops less light", lambda i, _, r: exposed(i, -DARKER_STOPS, r)),
    Spoilt(Reason.GLARE, f"{BRIGHTER_STOPS} stops more light", lambda i, _, r: exposed(i, BRIGHTER_STOPS, r)),
    Spoilt(Reason.BLURRED, "blurred by 1/16 of the face", lambda i, b, r: blurred(i, BLUR_SHARE, b, r)),
    Spoilt(Reason.BLURRED, "smeared over 1/4 of the face", lambda i, b, r: smeared(i, SMEAR_SHARE, b, r)),
)
UNUSABLE: Mapping[Reason, float] = {
    Reason.TOO_FAR: FAR_PX,
    Reason.TOO_NEAR: NEAR_SHARE,
    Reason.CUT_OFF: OUTSIDE_SHARE,
}
"""Where place alone makes a face unusable, in the units of its measure."""
