"""A face as a child draws it, for tests of what pictures of faces look like."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.types import Box

BOX = Box(200, 100, 160, 200)


def drawn_face(side: int = 256) -> NDArray[np.uint8]:
    """Return a face as a child draws it, with skin-like texture: eyes, brows, nose, mouth, ears' shadows."""
    rng = np.random.default_rng(5)
    face = np.full((side, side), 140.0, np.float32)
    face += cv2.GaussianBlur(rng.normal(0, 40, (side, side)).astype(np.float32), (0, 0), 2)
    unit = side / 16
    for x in (5, 11):
        cv2.ellipse(face, (round(x * unit), round(6 * unit)), (round(1.4 * unit), round(0.6 * unit)), 0, 0, 360, 40, -1)
        cv2.line(
            face, (round((x - 1.5) * unit), round(4.6 * unit)), (round((x + 1.5) * unit), round(4.5 * unit)), 50, 4
        )
    cv2.line(face, (side // 2, round(7 * unit)), (side // 2, round(10 * unit)), 190, 5)
    cv2.ellipse(face, (side // 2, round(12.5 * unit)), (round(2.4 * unit), round(0.8 * unit)), 0, 0, 360, 70, -1)
    return np.clip(face, 0, 255).astype(np.uint8)


def picture(face: NDArray[np.uint8] | None = None, box: Box = BOX) -> NDArray[np.uint8]:
    """Return a 640x480 picture of a grey room with the face at ``box``."""
    image = np.full((480, 640), 90, np.uint8)
    small = cv2.resize(drawn_face() if face is None else face, (round(box.w), round(box.h)))
    x, y = round(box.x), round(box.y)
    image[y : y + small.shape[0], x : x + small.shape[1]] = small
    return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR).astype(np.uint8)
