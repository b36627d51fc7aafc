"""Windows with a face in them: cut from pictures as the finder would see them, and as a bad camera would."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.detect.grey_stack import RATIO
from livegate.detect.windows import window_of
from livegate.kernels.tree_shape import WINDOW
from livegate.types import Box
from livegate_tools.train.finder.pictures import Seen

_ROTATION_DEGREES = 8.0
_MOST_DEGREES = 18.0
_LEAST_SIDE_PX = 20.0
# In grey values, but for the noise, which is a share of the contrast.
_DARKEST, _BRIGHTEST, _LEAST_CONTRAST, _MOST_NOISE = 25.0, 215.0, 8.0, 0.2
# What shows less than this, in grey values, shows no face.
_LEAST_DEVIATION = 6.0
_HIDDEN = 0.14


@dataclass(frozen=True, slots=True)
class Jitter:
    """How far off windows are cut: in sides of a window, and in natural logarithms of its side."""

    place: float
    scale: float


# Between the places the trees try lie two pixels of a level, and between its levels their ratio.
FOR_TREES = Jitter(1.0 / WINDOW, 0.5 * math.log(RATIO))
FOR_NETWORK = Jitter(0.16, 0.22)


def face_windows(
    pictures: Sequence[Seen], repeats: int, size: int, jitter: Jitter, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return ``repeats`` windows (N, size, size) of every face large enough to teach anything, and the faces in them.

    The faces (N, 4) are the offsets of :func:`livegate.detect.windows.face_of`.
    """
    cuts = [
        _cut(seen.grey, face, size, jitter, rng)
        for seen in pictures
        for face in seen.faces
        if window_of(face).w >= _LEAST_SIDE_PX
        for _ in range(repeats)
    ]
    some = [(spoilt(window, rng), offsets) for window, offsets in cuts if window.std() >= _LEAST_DEVIATION]
    windows, offsets = zip(*some, strict=True)
    return np.stack(windows), np.stack(offsets)


def _cut(
    grey: NDArray[np.uint8], face: Box, size: int, jitter: Jitter, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Cut one window, a little off in scale, place and rotation, mirrored or not; the edge is repeated outside."""
    angle = math.radians(float(np.clip(rng.normal(0, _ROTATION_DEGREES), -_MOST_DEGREES, _MOST_DEGREES)))
    shrink = window_of(face).w / size * math.exp(rng.uniform(-jitter.scale, jitter.scale))
    stretch = math.exp(rng.normal(0, 0.04))
    source, first = _smaller(grey, shrink)
    c, s = math.cos(angle) * shrink * first, math.sin(angle) * shrink * first
    turn = np.array([[c * stretch, -s / stretch], [s * stretch, c / stretch]])
    if rng.random() < 0.5:
        turn[:, 0] *= -1
    centre = np.array([face.x + face.w / 2, face.y + face.h / 2]) * first
    off = rng.uniform(-jitter.place, jitter.place, 2)
    # Pixel i of a picture has its centre at i + 0.5.
    offset = centre - turn @ ((off + 0.5) * size - 0.5) - 0.5
    matrix = np.column_stack([turn, offset])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    window = cv2.warpAffine(source, matrix, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    sides = np.log([face.w / (shrink * stretch * size), face.h * stretch / (shrink * size)])
    return np.asarray(window, dtype=np.uint8), np.concatenate([off, sides]).astype(np.float32)


def _smaller(grey: NDArray[np.uint8], shrink: float) -> tuple[NDArray[np.uint8], float]:
    """Return the picture averaged down towards ``shrink`` pixels a pixel, and how large it is then."""
    if shrink < 1.3:
        return grey, 1.0
    size = (max(1, round(grey.shape[1] * 1.1 / shrink)), max(1, round(grey.shape[0] * 1.1 / shrink)))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA)), size[0] / grey.shape[1]


def spoilt(window: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a window as other light, exposure, lens or sensor might have shown it, sometimes partly hidden."""
    image = window.astype(np.float32)
    if rng.random() < 0.3:
        image = np.float32(255) * (image / np.float32(255)) ** np.float32(math.exp(rng.normal(0, 0.35)))
    if rng.random() < 0.4:
        image = _lit_from_a_side(image, rng)
    if rng.random() < 0.4:
        image = _exposed(image, rng)
    if rng.random() < 0.3:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 1.0)), dtype=np.float32)
    if rng.random() < _HIDDEN:
        image = _partly_hidden(image, rng)
    noise = min(rng.gamma(1.0, 1.5), _MOST_NOISE * float(image.std()))
    return np.clip(image + rng.normal(0, noise + 0.01, image.shape), 0, 255).astype(np.uint8)


def _exposed(image: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the window brighter or darker, of more or less contrast, but still with something to be seen."""
    mean, contrast = float(image.mean()), math.exp(rng.normal(0, 0.35))
    level = np.clip(mean + rng.normal(0, 35), _DARKEST, _BRIGHTEST)
    return np.asarray((image - mean) * max(contrast, _LEAST_CONTRAST / (image.std() + 1)) + level, dtype=np.float32)


def _lit_from_a_side(image: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    across, down = np.meshgrid(*[np.linspace(-1, 1, len(image), dtype=np.float32)] * 2)
    angle, strength = rng.uniform(0, 2 * math.pi), rng.normal(0, 0.45)
    ramp = np.exp(strength * (math.cos(angle) * across + math.sin(angle) * down))
    return np.asarray(image * ramp, dtype=np.float32)


def _partly_hidden(image: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Hide a band at one side, the eyes, or a patch: a scarf, hair, a hand, an edge, dark glasses."""
    image = image.copy()
    value = rng.uniform(0, 255)
    kind = rng.random()
    if kind < 0.3:
        top, height = rng.uniform(0.28, 0.38), rng.uniform(0.08, 0.17)
        eyes = image[int(top * len(image)) : int((top + height) * len(image))]
        eyes[:] = np.float32(rng.uniform(0, 0.4)) * eyes + np.float32(rng.uniform(0, 60))
        return image
    if kind < 0.7:
        image = np.rot90(image, turns := int(rng.integers(4))).copy()
        image[: int(len(image) * rng.uniform(0.08, 0.25))] = value
        return np.ascontiguousarray(np.rot90(image, -turns))
    size = (len(image) * rng.uniform(0.12, 0.36, 2)).astype(int)
    top, left = rng.integers(0, len(image) - size)
    image[top : top + size[0], left : left + size[1]] = value
    return image
