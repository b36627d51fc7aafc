"""The two pictures that a synchronised stereo camera puts into one."""

from __future__ import annotations

import enum
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Layout(enum.StrEnum):
    """Where the second picture stands to the first."""

    SIDE_BY_SIDE = "side_by_side"
    TOP_BOTTOM = "top_bottom"


class Half(enum.StrEnum):
    """The left or upper picture, and the right or lower one."""

    FIRST = "first"
    SECOND = "second"


def half_of(whole: NDArray[Any], layout: Layout, half: Half) -> NDArray[Any]:
    """Return one half of a picture (H, W) or (H, W, 3), of even size along the split, as an array of its own."""
    axis = 1 if layout is Layout.SIDE_BY_SIDE else 0
    length = whole.shape[axis] // 2
    start = 0 if half is Half.FIRST else length
    part = whole[:, start : start + length] if axis else whole[start : start + length]
    return np.array(part)
