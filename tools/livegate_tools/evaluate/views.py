"""Views cut from pictures without people, the same for the same pictures every time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

WIDTH, HEIGHT = 640, 480
SEED = 30107

# What terminals and webcams see: fields of view of common modules, held about level.
_LEAST_FOV_DEG, _MOST_FOV_DEG = 55.0, 90.0
_TILT_DEG = 8.0
# A flat photograph is cut no smaller than half its largest window, or its views would be mere blur.
_LEAST_PART = 0.5


@dataclass(frozen=True, slots=True)
class View:
    """A view to cut: which picture, and the number that fixes how."""

    picture: int
    number: int


def plan(pictures: int, views: int) -> Iterator[View]:
    """Yield ``views`` views, as many of each of ``pictures`` pictures as of the others or one more, by picture."""
    for picture in range(pictures):
        for number in range(picture, views, pictures):
            yield View(picture, number)


def cut(image: Image, number: int) -> Image:
    """Return view ``number`` of ``image`` (H, W, 3) uint8 as (480, 640, 3).

    A picture twice as wide as high is taken for a full sphere and looked into in some direction about level, any other
    for a photograph, of which a window of the view's shape is taken.
    """
    rng = np.random.default_rng((SEED, number))
    height, width = image.shape[:2]
    return _sphere(image, rng) if width == 2 * height else _window(image, rng)


def _sphere(image: Image, rng: np.random.Generator) -> Image:
    """Project the equirectangular picture onto the plane of a camera."""
    height, width = image.shape[:2]
    half = np.tan(np.deg2rad(rng.uniform(_LEAST_FOV_DEG, _MOST_FOV_DEG) / 2))
    tilt = np.deg2rad(rng.uniform(-_TILT_DEG, _TILT_DEG))
    heading = rng.uniform(0, 1)
    x = np.linspace(-half, half, WIDTH)
    y = np.linspace(-half, half, WIDTH)[(WIDTH - HEIGHT) // 2 : (WIDTH + HEIGHT) // 2, None]
    down, ahead = y * np.cos(tilt) - np.sin(tilt), np.cos(tilt) + y * np.sin(tilt)
    columns = ((np.arctan2(x, ahead) / (2 * np.pi) + heading) % 1.0) * width
    rows = (np.arctan2(down, np.hypot(x, ahead)) / np.pi + 0.5) * (height - 1)
    maps = (columns.astype(np.float32), rows.astype(np.float32))
    return np.asarray(cv2.remap(image, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP), dtype=np.uint8)


def _window(image: Image, rng: np.random.Generator) -> Image:
    height, width = image.shape[:2]
    scale = min(width / WIDTH, height / HEIGHT) * rng.uniform(_LEAST_PART, 1.0)
    across, down = max(1, round(WIDTH * scale)), max(1, round(HEIGHT * scale))
    left, top = int(rng.integers(width - across + 1)), int(rng.integers(height - down + 1))
    part = image[top : top + down, left : left + across]
    how = cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(part, (WIDTH, HEIGHT), interpolation=how), dtype=np.uint8)


def by_picture(views: Sequence[View]) -> dict[int, list[View]]:
    """Return the views of each picture."""
    found: dict[int, list[View]] = {}
    for view in views:
        found.setdefault(view.picture, []).append(view)
    return found
