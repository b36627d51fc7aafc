"""Read a labelled picture, as every trainer does: an index names it, so it must be there and whole."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.errors import AssetError, PictureError


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Return the file as (H, W, 3) uint8 B, G, R; AssetError when it is missing, PictureError when it is none."""
    try:
        data = np.fromfile(path, dtype=np.uint8)
    except OSError as exc:
        raise AssetError(f"{path}: cannot be read ({exc.strerror}); the index names it, restore the file") from exc
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if image is None:
        raise PictureError(
            f"{path}: expected a picture, found {data.size} bytes that OpenCV cannot decode; restore the file"
        )
    return np.asarray(image, dtype=np.uint8)
