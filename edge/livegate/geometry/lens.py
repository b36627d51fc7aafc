"""What a lens does to directions, and back: Brown-Conrady distortion and its inverse.

Brown, Decentering Distortion of Lenses, 1966, with OpenCV's names and order: k1, k2, p1, p2, k3.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livegate.geometry.calibration import CalibratedCamera

_ROUNDS = 12
# A hundredth of a pixel at the longest focal length in use.
_ERROR = 1e-6

Points = NDArray[np.float64]


def distorted(x: Points, y: Points, distortion: tuple[float, ...]) -> tuple[Points, Points]:
    """Return where a lens shows directions x = X/Z, y = Y/Z (any shape, float64), in units of the focal length."""
    k1, k2, p1, p2, k3 = distortion
    r2 = x * x + y * y
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    return (
        x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
        y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
    )


def directions(camera: CalibratedCamera) -> tuple[Points, Points]:
    """Return the direction X/Z, Y/Z of every pixel's centre, each (height, width) float64.

    NaN where the polynomials have no inverse that continues the one of the middle: what a badly fitted distortion says
    of a corner is nothing to go by.
    """
    columns, rows = np.meshgrid(np.arange(camera.width, dtype=float), np.arange(camera.height, dtype=float))
    return undistorted((columns - camera.cx) / camera.fx, (rows - camera.cy) / camera.fy, camera.distortion)


def undistorted(seen_x: Points, seen_y: Points, distortion: tuple[float, ...]) -> tuple[Points, Points]:
    """Invert :func:`distorted` by Newton's method; NaN where that finds nothing."""
    k1, k2, p1, p2, k3 = distortion
    x, y = seen_x.copy(), seen_y.copy()
    if not any(distortion):
        return x, y
    with np.errstate(all="ignore"):
        for _ in range(_ROUNDS):
            r2 = x * x + y * y
            radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
            slope = k1 + r2 * (2 * k2 + r2 * 3 * k3)
            xx = radial + 2 * x * x * slope + 2 * p1 * y + 6 * p2 * x
            xy = 2 * x * y * slope + 2 * p1 * x + 2 * p2 * y
            yy = radial + 2 * y * y * slope + 6 * p1 * y + 2 * p2 * x
            determinant = xx * yy - xy * xy
            at_x, at_y = distorted(x, y, distortion)
            off_x, off_y = at_x - seen_x, at_y - seen_y
            x = x - (yy * off_x - xy * off_y) / determinant
            y = y - (xx * off_y - xy * off_x) / determinant
        at_x, at_y = distorted(x, y, distortion)
        # Where the picture folds back, so does the sign; a step from there leads to another branch.
        good = (np.hypot(at_x - seen_x, at_y - seen_y) < _ERROR) & (determinant > 0) & (xx > 0)
    return np.where(good, x, np.nan), np.where(good, y, np.nan)
