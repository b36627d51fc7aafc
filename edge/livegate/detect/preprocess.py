"""From a camera's picture to the network's input, and back: the letterbox. Training and the terminal share this file.

The picture is shrunk or enlarged to fit, kept at the top left, and the rest is the mean colour, which is zero once
normalised: padding says nothing to the network.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

# Below half size bilinear sampling skips pixels, and the moire it makes up is exactly what tells screens from skin.
AREA_BELOW = 0.5


@dataclass(frozen=True, slots=True)
class View:
    """How a picture lies in the network's input: its size there, and input pixels per picture pixel on each axis.

    The two scales differ only by the rounding of the size to whole pixels.
    """

    width: int
    height: int
    scale_x: float
    scale_y: float


def fit(picture_width: int, picture_height: int, width: int, height: int) -> View:
    """Return where a picture of any size goes in an input of ``width`` x ``height``; at least one pixel each way."""
    scale = min(width / picture_width, height / picture_height)
    inside_width = min(width, max(1, round(picture_width * scale)))
    inside_height = min(height, max(1, round(picture_height * scale)))
    return View(inside_width, inside_height, inside_width / picture_width, inside_height / picture_height)


def shrink(image: NDArray[np.uint8], view: View) -> NDArray[np.uint8]:
    """Return ``image`` (H, W, 3) uint8 at the size of ``view``: (view.height, view.width, 3) uint8.

    Averages areas at half size and below, interpolates bilinearly above; ``image`` itself comes back at equal size.
    """
    if image.shape[:2] == (view.height, view.width):
        return image
    interpolation = cv2.INTER_AREA if view.scale_x <= AREA_BELOW else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (view.width, view.height), interpolation=interpolation), dtype=np.uint8)


def normalise(
    image: NDArray[np.uint8], mean: tuple[float, ...], scale: float, out: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Write (x - mean) * scale of ``image`` (h, w, 3) uint8 planar into the top left of ``out`` (3, H, W) float32.

    ``mean`` is on 0..255 in the image's channel order. What lies right of and below the picture becomes 0, the mean
    colour. Returns ``out``.
    """
    height, width = image.shape[:2]
    for channel, plane in enumerate(cv2.split(image)):
        inside = out[channel, :height, :width]
        np.multiply(plane, np.float32(scale), out=inside, dtype=np.float32)
        inside -= np.float32(mean[channel] * scale)
    out[:, height:, :] = 0.0
    out[:, :height, width:] = 0.0
    return out
