"""One face as each texture sees it: square pictures for people to look at, (SIDE, SIDE, 3) uint8 B, G, R."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.errors import PictureError
from livegate.texture.crop import face_crop
from livegate.texture.distortion import specular
from livegate.texture.patterns import Naming, patterns
from livegate.texture.phase import phases
from livegate.texture.planes import NAMES, byte_planes, colour_planes
from livegate.types import Box

Picture = NDArray[np.uint8]
SIDE = 128
"""Pixels along each side of a view: two for each of a crop."""
_VALUE = NAMES.index("value")
# What a blur of this many pixels takes away is fine structure, shown this many times stronger.
_FINE_PX, _FINE_GAIN = 1.5, 8.0
# Logarithms of a spectrum's levels shown from black to white: below is noise.
_SPECTRUM_RANGE = 5.0
_SPOT = (60, 60, 255)


def face(image: NDArray[Any], box: Box) -> Picture:
    """Return the face itself, in the square that texture is looked for in."""
    return np.ascontiguousarray(np.moveaxis(_crop(image, box, SIDE), 0, -1))


def pattern_map(image: NDArray[Any], box: Box) -> Picture:
    """Return the uniform patterns of brightness: colour is where an edge's bright side lies, dim are its corners.

    White are bright sides all around (a dark pixel, or a flat part), black is a brightest pixel, grey what is no
    uniform pattern: noise, dots.
    """
    names = patterns(_values(image, box), 1, Naming.UNIFORM)[0].astype(np.int64)
    ones, turns = (names - 1) // 8 + 1, (names - 1) % 8
    # The middle of the run of ones, in eighths of a turn.
    hue = (turns - ones / 2) % 8 * (180 / 8)
    value = np.where((ones >= 3) & (ones <= 5), 255, 150)
    colours = np.stack([hue, np.full_like(hue, 190), value], axis=-1).astype(np.uint8)
    picture = cv2.cvtColor(colours, cv2.COLOR_HSV2BGR)
    for name, grey in ((0, 0), (57, 255), (58, 110)):
        picture[names == name] = grey
    return _enlarged(picture)


def phase_map(image: NDArray[Any], box: Box) -> Picture:
    """Return the phase codes of brightness: a colour for the four strongest signs, lighter where others are set."""
    codes = phases(_values(image, box))[0].astype(np.int64)
    # A full turn of phase goes through the two signs as 00, 01, 11, 10.
    turn = np.array([0, 1, 3, 2])
    hue = turn[codes & 3] * 45 + turn[codes >> 2 & 3] * 9
    others = ((codes[..., np.newaxis] >> np.arange(4, 8)) & 1).sum(axis=-1)
    colours = np.stack([hue, np.full_like(hue, 170), 115 + 35 * others], axis=-1).astype(np.uint8)
    return _enlarged(cv2.cvtColor(colours, cv2.COLOR_HSV2BGR))


def fine_structure(image: NDArray[Any], box: Box) -> Picture:
    """Return what is left of the middle of a face without its shapes, in the picture's own pixels: grain, lines, moire.

    Mid grey is nothing; eight times stronger than it is.
    """
    luma = _native(image, box)
    shown = 128 + _FINE_GAIN * (luma - cv2.GaussianBlur(luma, (0, 0), _FINE_PX))
    fitted = cv2.resize(np.clip(shown, 0, 255).astype(np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.cvtColor(fitted, cv2.COLOR_GRAY2BGR), dtype=np.uint8)


def spectrum(image: NDArray[Any], box: Box) -> Picture:
    """Return the strength of every wave in the middle of a face, slow ones in the middle, the finest at the edges.

    Skin fades evenly outwards; the grid of a screen and its moire are points, and blur leaves the edges dark.
    """
    luma = _native(image, box)
    fine = luma - cv2.GaussianBlur(luma, (0, 0), 2 * _FINE_PX)
    window = np.outer(*(np.hanning(length) for length in fine.shape))
    levels = np.log(np.abs(np.fft.fftshift(np.fft.fft2(fine * window))) + 1.0)
    shown = np.clip((levels - levels.max() + _SPECTRUM_RANGE) / _SPECTRUM_RANGE * 255, 0, 255).astype(np.uint8)
    fitted = cv2.resize(shown, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.applyColorMap(fitted, cv2.COLORMAP_INFERNO), dtype=np.uint8)


def mirrored(image: NDArray[Any], box: Box) -> Picture:
    """Return the light that is mirrored, not scattered; red where image distortion analysis counts a spot."""
    found = specular(image, box)
    if found is None:
        raise _too_small(box)
    part = np.clip(found.part * 2.0, 0, 255).astype(np.uint8)
    picture = np.repeat(part[..., np.newaxis], 3, axis=-1)
    picture[found.spots] = (picture[found.spots] + np.array(_SPOT)) // 2
    return _enlarged(picture)


VIEWS: Mapping[str, Callable[[NDArray[Any], Box], Picture]] = MappingProxyType({
    "face": face,
    "LBP (8,1)": pattern_map,
    "LPQ 7x7": phase_map,
    "fine structure x8": fine_structure,
    "spectrum": spectrum,
    "mirrored light": mirrored,
})  # fmt: skip
"""The views in the order they are shown, by what is written beside them."""


def _crop(image: NDArray[Any], box: Box, side: int) -> Picture:
    crop = face_crop(image, box, side)
    if crop is None:
        raise _too_small(box)
    return crop


def _values(image: NDArray[Any], box: Box) -> Picture:
    """Return the plane of the 64 x 64 crop that the maps are drawn of, (1, 64, 64)."""
    return byte_planes(colour_planes(_crop(image, box, 64)))[_VALUE : _VALUE + 1]


def _native(image: NDArray[Any], box: Box) -> NDArray[np.float32]:
    """Return the brightness of the middle of a face, half its height, in the picture's own pixels, 0..255."""
    side = math.ceil(max(box.w, box.h) / 2)
    middle = Box(box.x + (box.w - side) / 2, box.y + (box.h - side) / 2, side, side)
    crop = face_crop(image, middle, side, 1.0)
    if crop is None:
        raise _too_small(box)
    return np.asarray(cv2.cvtColor(np.moveaxis(crop, 0, -1).copy(), cv2.COLOR_BGR2GRAY), dtype=np.float32)


def _enlarged(picture: NDArray[Any]) -> Picture:
    return np.asarray(cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST), dtype=np.uint8)


def _too_small(box: Box) -> PictureError:
    return PictureError(f"a face of {box.w:.0f} x {box.h:.0f} pixels is too small, or not in the picture; name another")
