"""What cheap cameras do to a picture besides light, blur and noise, at the size of the network's input.

Numbers are ours [R], from the ranges that USB cameras show by eye. Each works on pictures of both classes alike.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
_FILTERS = (cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_AREA)
_CODINGS = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422)


def motion_blur(rng: np.random.Generator, image: Image) -> Image:
    """Return the picture smeared along a line of 2 to 9 pixels, short ones more often."""
    length, angle = 2 + 7 * rng.random() ** 2, rng.uniform(0, math.pi)
    kernel = np.zeros((9, 9), dtype=np.float32)
    for step in np.linspace(-length / 2, length / 2, 19):
        kernel[round(4 + step * math.sin(angle)), round(4 + step * math.cos(angle))] = 1
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE), dtype=np.uint8)


def banded(rng: np.random.Generator, image: Image) -> Image:
    """Return the picture under a lamp that flickers faster than the shutter rolls: rows are lighter and darker."""
    rows = np.arange(image.shape[0], dtype=np.float32) / image.shape[0]
    swing = np.sin(2 * math.pi * (rng.uniform(1, 6) * rows + rng.random()))
    # Colour lamps flicker in their colours: the channels do not swing quite alike.
    depth = rng.uniform(0.02, 0.12) * rng.uniform(0.7, 1.3, 3)
    gain = (1 + swing[:, None, None] * depth[None, None, :]).astype(np.float32)
    return np.asarray(np.clip(image * gain, 0, 255), dtype=np.uint8)


def resampled(rng: np.random.Generator, image: Image) -> Image:
    """Return the picture after a way through another size, as drivers, scalers and video calls send it."""
    height, width = image.shape[:2]
    factor = math.exp(rng.uniform(math.log(0.5), math.log(1.5)))
    there = _FILTERS[int(rng.integers(len(_FILTERS)))]
    back = cv2.INTER_LINEAR if rng.random() < 0.7 else cv2.INTER_CUBIC
    small = cv2.resize(image, (max(1, round(width * factor)), max(1, round(height * factor))), interpolation=there)
    return np.asarray(cv2.resize(small, (width, height), interpolation=back), dtype=np.uint8)


def low_light(rng: np.random.Generator, image: Image) -> Image:
    """Return the picture with much gain: noise in grain and blotches, then a denoiser that smears and drags.

    The noise is stronger where the picture is dark, for the tone curve lifts it there.
    """
    height, width = image.shape[:2]
    sigma = rng.uniform(5, 16)
    grain = rng.standard_normal((height, width, 1), dtype=np.float32) * sigma
    coarse = rng.standard_normal((-(-height // 4), -(-width // 4), 3), dtype=np.float32) * (sigma * 0.5)
    blotches: Any = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    weight = 1.2 - 0.7 * (image.astype(np.float32) / 255)
    noisy = np.clip(image + weight * (grain + blotches), 0, 255).astype(np.uint8)
    smooth = cv2.bilateralFilter(noisy, 5, float(sigma * rng.uniform(1.5, 3.5)), 2.0)
    if rng.random() < 0.5:
        shift = np.array([[1, 0, rng.uniform(-4, 4)], [0, 1, rng.uniform(-2, 2)]])
        earlier = cv2.warpAffine(smooth, shift, (width, height), borderMode=cv2.BORDER_REPLICATE)
        smooth = cv2.addWeighted(smooth, 0.75, earlier, 0.25, 0)
    return np.asarray(smooth, dtype=np.uint8)


def sharpened(rng: np.random.Generator, image: Image) -> Image:
    """Return the picture with the halo that a camera's sharpening leaves beside edges."""
    soft = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.7, 2.0)))
    amount = float(rng.uniform(0.3, 1.5))
    return np.asarray(cv2.addWeighted(image, 1 + amount, soft, -amount, 0), dtype=np.uint8)


def coded(rng: np.random.Generator, image: Image, low: int, high: int) -> Image:
    """Return the picture after JPEG as MJPEG cameras use it: quality ``low`` to ``high``, colour at half the width."""
    options = [
        cv2.IMWRITE_JPEG_QUALITY,
        int(rng.integers(low, high + 1)),
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        _CODINGS[int(rng.integers(2))],
    ]
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", image, options)[1], cv2.IMREAD_COLOR), dtype=np.uint8)
