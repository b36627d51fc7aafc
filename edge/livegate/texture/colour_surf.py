"""Colour SURF and its Fisher vector: how the edges and corners of a face lie in all six colour planes.

Boulkenafet, Komulainen, Hadid 2017, *Face antispoofing using speeded-up robust features and Fisher vector encoding*:
upright SURF at every second pixel of a 64 x 64 face in HSV and YCbCr, 6 x 64 numbers a point, principal components to
300, a mixture of 128 Gaussians, improved Fisher vectors of 76,800 numbers. The paper names no scale: at
:data:`SCALE` [R] a window is 20 pixels, a third of the face.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.texture.planes import byte_planes, colour_planes

STEP = 2
"""Pixels between points."""
SCALE = 1
"""Pixels between the samples of a descriptor."""
NUMBERS = 384
"""Numbers of a point: 64 in each of six planes."""
COMPONENTS, GAUSSIANS = 300, 128
VECTOR = 2 * GAUSSIANS * COMPONENTS
"""Numbers of a Fisher vector."""
BASIS: Mapping[str, tuple[int, ...]] = {
    "projection": (NUMBERS, COMPONENTS),
    "centre": (COMPONENTS,),
    "shares": (GAUSSIANS,),
    "means": (GAUSSIANS, COMPONENTS),
    "deviations": (GAUSSIANS, COMPONENTS),
}
"""Shapes of what is learnt without labels: principal components, what the mean point becomes by them, the mixture."""


def descriptors(crop: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return (H / 2 * W / 2, 384) float32 of a crop (3, H, W) uint8 B, G, R: of each plane 64 of length 1, or 0."""
    from livegate.kernels.surf import NUMBERS as SURF
    from livegate.kernels.surf import dense_surf, scratch

    planes = byte_planes(colour_planes(crop))
    count, height, width = planes.shape
    out = np.empty((-(-height // STEP), -(-width // STEP), count, SURF), np.float32)
    dense_surf(planes, STEP, SCALE, *scratch(height, width, SCALE), out)
    return out.reshape(-1, count * SURF)


class FisherEncoder:
    """Turns the descriptors of a face into its Fisher vector, by a basis of the shapes of :data:`BASIS`.

    Works in arrays of its own: one encoder a thread. Its matrix products are NumPy's.
    """

    def __init__(self, basis: Mapping[str, NDArray[Any]], points: int) -> None:
        """Take the basis for faces of so many points; ValueError where it is none."""
        arrays = checked(basis, BASIS)
        self._projection, self._centre = arrays["projection"], arrays["centre"]
        self._shares, self._means, self._deviations = arrays["shares"], arrays["means"], arrays["deviations"]
        if not (self._shares.min() > 0 and self._deviations.min() > 0):
            raise ValueError("the mixture's shares and deviations must be positive; train the model again")
        precision = self._deviations**-2
        # log N(x) = x (m / s^2) - x^2 / (2 s^2) + what does not depend on x: one product for all.
        self._slopes = np.concatenate([self._means * precision, -precision / 2], axis=1).T.copy()
        constant = np.log(self._shares) - np.log(self._deviations).sum(axis=1)
        self._constant = constant - (self._means**2 * precision).sum(axis=1) / 2
        self._points = np.empty((points, 2 * COMPONENTS), np.float32)
        self._projected = np.empty((points, COMPONENTS), np.float32)
        self._likelihoods = np.empty((points, GAUSSIANS), np.float32)
        self._counts = np.empty(GAUSSIANS, np.float32)
        self._sums = np.empty((GAUSSIANS, 2 * COMPONENTS), np.float32)
        self._vector = np.empty((2, GAUSSIANS, COMPONENTS), np.float32)

    def vector(self, found: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the (76800,) float32 vector of (points, 384) descriptors; the next call overwrites it."""
        from livegate.kernels.fisher import fisher_vector, gather

        np.matmul(found, self._projection, out=self._projected)
        plain, squared = self._points[:, :COMPONENTS], self._points[:, COMPONENTS:]
        np.subtract(self._projected, self._centre, out=plain)
        np.multiply(plain, plain, out=squared)
        np.matmul(self._points, self._slopes, out=self._likelihoods)
        self._likelihoods += self._constant
        gather(self._likelihoods, self._points, self._counts, self._sums)
        fisher_vector(self._counts, self._sums, len(found), self._shares, self._means, self._deviations, self._vector)
        return self._vector.reshape(-1)


def checked(
    arrays: Mapping[str, NDArray[Any]], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, NDArray[np.float32]]:
    """Return the arrays of these names as float32, contiguous; ValueError naming the first that is not of its shape."""
    found = {}
    for name, shape in shapes.items():
        if name not in arrays or arrays[name].shape != shape:
            has = f"has the shape {arrays[name].shape}" if name in arrays else "is missing"
            raise ValueError(f"'{name}' {has}, expected {shape}; train the model again")
        found[name] = np.ascontiguousarray(arrays[name], np.float32)
    return found
