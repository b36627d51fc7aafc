"""Local phase quantisation of planes: blind to blur that is the same in all directions, so it sees what blur leaves.

Ojansivu and Heikkila 2008: a short-term Fourier transform over a uniform window, of the four frequencies (a, 0),
(0, a), (a, a), (a, -a) with a = 1 / window; the signs of their real and imaginary parts make eight bits.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

RHO = 0.9
"""The correlation of neighbouring pixels that decorrelation expects."""
CODES = 256
WINDOWS = (3, 5, 7)
"""Pixels along each side of a window: an odd number, so that it has a middle."""
_AXES = 3
_WAVE_UNIT, _MIXING_UNIT = 1 << 10, 1 << 16
_HALF = 4
_MOST_RADIUS = 3
# The authors' own: by symmetry some variances are equal, and their components anybody's choice.
_APART = 1 + 1e-6 * np.arange(7, -1, -1)
_DECIMALS = 6

Array = NDArray[np.float32]


def phases(planes: NDArray[np.uint8], window: int = 7, decorrelated: bool = True) -> NDArray[np.uint8]:
    """Return the code of every whole window: (P, H - window + 1, W - window + 1) uint8.

    ``planes`` (P, H, W) uint8 of any strides; ``window`` 3, 5 or 7. Bit k is set where the k-th of eight numbers is
    above 0: real and imaginary part of each frequency in turn; or, decorrelated, their principal components for
    pixels correlated as RHO^distance, most variance first. Weights are rounded to 2^-10, components to 2^-16, so that
    a flat window is exactly 0, whatever the machine. ValueError for another window and for planes of other axes or
    numbers: floats would be cut down to whole levels.
    """
    from livegate.kernels import lpq

    if window not in WINDOWS or not isinstance(window, (int, np.integer)):
        raise ValueError(f"window {window}: expected 3, 5 or 7 pixels")
    if planes.ndim != _AXES or planes.dtype != np.uint8:
        found = f"{planes.dtype} of shape {planes.shape}"
        raise ValueError(f"planes: expected (planes, height, width) of uint8, found {found}")
    given = np.require(planes, np.uint8, ("C", "W"))
    count, height, width = given.shape
    out = np.empty((count, max(height - window + 1, 0), max(width - window + 1, 0)), dtype=np.uint8)
    if out.size:
        mixing, bits = _mixed(window) if decorrelated else _plain()
        scratch = np.empty((lpq.SCRATCH, count * width + 2 * lpq.MARGIN), dtype=np.float32)
        lpq.lpq(given, _waves(window), mixing, bits, scratch, np.empty(count * width, dtype=np.uint8), out)
    return out


@cache
def _waves(window: int) -> Array:
    """Return cosine and sine (3, 4) from a window's middle outwards, in whole 2^-10 that add up to 0, and ones.

    Beyond the window all are 0.
    """
    radius = window // 2
    waves = np.zeros((3, _MOST_RADIUS + 1), dtype=np.float32)
    angles = 2 * np.pi * np.arange(radius + 1) / window
    waves[:2, : radius + 1] = np.round(np.stack([np.cos(angles), np.sin(angles)]) * _WAVE_UNIT)
    waves[0, 0] = -2 * waves[0, 1:].sum()
    waves[2, : radius + 1] = 1
    return waves


def _plain() -> tuple[Array, NDArray[np.uint8]]:
    """Return mixing (8, 4) and bits (8,) that leave the numbers as they are."""
    mixing = np.tile(np.eye(_HALF, dtype=np.float32), (2, 1))
    return mixing, np.array([1, 4, 16, 64, 2, 8, 32, 128], dtype=np.uint8)


@cache
def _mixed(window: int) -> tuple[Array, NDArray[np.uint8]]:
    """Return mixing (8, 4) and bits (8,) that make the eight numbers uncorrelated for pixels correlated by RHO.

    A real and an imaginary part never correlate, one being even and the other odd; so each four are mixed by
    themselves, and the bits follow the variance of all eight.
    """
    places = np.arange(window) - window // 2
    y, x = (axis.ravel() for axis in np.meshgrid(places, places, indexing="ij"))
    correlation = RHO ** np.hypot(y[:, np.newaxis] - y, x[:, np.newaxis] - x)
    angles = 2 * np.pi / window * np.stack([x, y, x + y, y - x])
    components, variances = [], []
    for waves, apart in ((np.cos(angles), _APART[0::2]), (np.sin(angles), _APART[1::2])):
        variance, columns = np.linalg.eigh(waves @ correlation @ waves.T * np.outer(apart, apart))
        # An eigenvector's sign is anybody's choice: ours is that its largest number is positive.
        largest = columns[np.abs(columns).round(_DECIMALS).argmax(axis=0), np.arange(_HALF)]
        components.append((columns * np.sign(largest)).T)
        variances.append(variance)
    order = np.argsort(-np.concatenate(variances), kind="stable")
    bits = np.empty(2 * _HALF, dtype=np.uint8)
    bits[order] = 1 << np.arange(2 * _HALF)
    # The first two frequencies are waves along one axis only, so in units 2^10 larger.
    units = np.array([_WAVE_UNIT, _WAVE_UNIT, 1, 1])
    mixing = np.round(np.concatenate(components) * _MIXING_UNIT) / _MIXING_UNIT * units
    return np.ascontiguousarray(mixing, dtype=np.float32), bits
