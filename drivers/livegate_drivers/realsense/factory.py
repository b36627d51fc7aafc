"""What the maker measured of a device: the optics of its streams, and where they stand."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Enough points to fit five coefficients, in steps of a picture's width and height.
GRID = np.linspace(0.0, 1.0, 12)


def stream_calibration(sdk: Any, serial: str | None, profile: Any, colour: Any) -> dict[str, Any]:
    """Return a stream's optics and its place beside colour, named as a calibration file has them.

    ``rotation`` (9 numbers, row by row) and ``translation_mm`` take a point from this camera to colour.
    """
    optics = profile.get_intrinsics()
    place = profile.get_extrinsics_to(colour)
    return {
        **({} if serial is None else {"device": serial}),
        "width": optics.width,
        "height": optics.height,
        "fx": optics.fx,
        "fy": optics.fy,
        "cx": optics.ppx,
        "cy": optics.ppy,
        "distortion": distortion(sdk, optics),
        # The SDK has its matrices column by column, and metres.
        "rotation": np.reshape(place.rotation, (3, 3)).T.ravel().tolist(),
        "translation_mm": [1000.0 * metres for metres in place.translation],
    }


def distortion(sdk: Any, optics: Any) -> list[float]:
    """Return OpenCV's k1, k2, p1, p2, k3 for any of the SDK's models.

    The SDK's own way from pixel to ray is asked on a grid; with the rays known, OpenCV's model is linear in its
    coefficients and is fitted by least squares.
    """
    if not any(optics.coeffs):
        return [0.0] * 5
    grid = [(float(x), float(y)) for y in GRID * (optics.height - 1) for x in GRID * (optics.width - 1)]
    rays = np.array([sdk.rs2_deproject_pixel_to_point(optics, pixel, 1.0)[:2] for pixel in grid])
    bent = (np.array(grid) - (optics.ppx, optics.ppy)) / (optics.fx, optics.fy)
    found, *_ = np.linalg.lstsq(_model(rays), (bent - rays).T.ravel(), rcond=None)
    return [float(value) for value in found]


def _model(rays: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the matrix that takes the coefficients to how far OpenCV's model moves each ray, x first, then y."""
    x, y = rays.T
    square = x * x + y * y
    radial = [np.concatenate([x * power, y * power]) for power in (square, square**2, square**3)]
    p1 = np.concatenate([2 * x * y, square + 2 * y * y])
    p2 = np.concatenate([square + 2 * x * x, 2 * x * y])
    return np.stack([radial[0], radial[1], p1, p2, radial[2]], axis=1)
