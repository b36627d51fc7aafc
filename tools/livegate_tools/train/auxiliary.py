"""What the training-only heads shall say of a face: its pixels, its pseudo-depth, and the spectrum of its crop.

They cost nothing at run time: no exported graph holds them. All are in pixels of the network's input, after every
augmentation, so that they describe what the network sees.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.types import Box

PIXEL_STRIDE = 8
SPECTRUM = 10
"""Rows and columns of the spectrum's map, as MiniFASNet's (minivision-ai, Silent-Face-Anti-Spoofing)."""

FLAT_SPECIES = ("print", "replay", "cutout")
"""How the names of instruments begin that are paper or a screen; of others pseudo-depth says nothing."""

_CROP_PX = 64
_CROP_SCALE = 1.3
Image = NDArray[np.uint8]


def grid(face: Box, size: tuple[int, int]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return the centres of the stride-8 cells of an input of ``size`` (width, height) in half sides of ``face``.

    x (1, W/8) and y (H/8, 1): -1 and 1 are the box's edges, y downwards.
    """
    columns, rows = size[0] // PIXEL_STRIDE, size[1] // PIXEL_STRIDE
    x = ((np.arange(columns) + 0.5) * PIXEL_STRIDE - face.x - face.w / 2) / (face.w / 2)
    y = ((np.arange(rows) + 0.5) * PIXEL_STRIDE - face.y - face.h / 2) / (face.h / 2)
    return x[None, :], y[:, None]


def inside(face: Box, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Return which stride-8 cells (H/8, W/8) lie in the ellipse of ``face``."""
    x, y = grid(face, size)
    return np.asarray(x**2 + y**2 <= 1.0)


def is_flat(species: str | None) -> bool:
    """Return whether an instrument of ``species`` is known to have none of a face's depth."""
    return species is not None and species.startswith(FLAT_SPECIES)


def pseudo_depth(face: Box, size: tuple[int, int]) -> NDArray[np.float32]:
    """Return how far a living face stands out at every stride-8 cell: (H/8, W/8) float32 in 0..1, 0 outside it.

    Pseudo-depth as supervision is Liu, Jourabloo, Liu, Learning Deep Models for Face Anti-Spoofing: Binary or
    Auxiliary Supervision, CVPR 2018, who fit a 3D model to every face; this is an analytic one, an ellipsoid with a
    nose on it [R], for the map has a few cells a face. A flat attack's is 0 everywhere.
    """
    x, y = grid(face, size)
    head = np.sqrt(np.clip(1 - x**2 - y**2, 0, None))
    nose = np.exp(-((x / 0.22) ** 2) - ((y - 0.15) / 0.3) ** 2)
    return np.asarray((0.75 * head + 0.25 * nose) * (head > 0), dtype=np.float32)


def spectrum(image: Image, face: Box) -> NDArray[np.float32]:
    """Return the Fourier spectrum of the face's crop as (10, 10) float32 in 0..1, its zero frequency in the middle.

    ``image`` (H, W, 3) uint8; ``face`` in its pixels, replicated where it leaves the picture. The logarithm of the
    magnitude of the grey crop, scaled between its least and largest value, as MiniFASNet's Fourier branch learns.
    """
    side = max(face.w, face.h, 2.0) * _CROP_SCALE
    left, top = round(face.x + face.w / 2 - side / 2), round(face.y + face.h / 2 - side / 2)
    reach = np.arange(max(round(side), 2))
    rows, columns = np.clip(top + reach, 0, image.shape[0] - 1), np.clip(left + reach, 0, image.shape[1] - 1)
    grey = cv2.cvtColor(image[rows][:, columns], cv2.COLOR_BGR2GRAY)
    shrink = cv2.INTER_AREA if len(reach) > _CROP_PX else cv2.INTER_LINEAR
    crop = cv2.resize(grey, (_CROP_PX, _CROP_PX), interpolation=shrink)
    magnitude = np.log1p(np.abs(np.fft.fftshift(np.fft.fft2(crop.astype(np.float32)))))
    low, high = float(magnitude.min()), float(magnitude.max())
    flat = ((magnitude - low) / max(high - low, 1e-6)).astype(np.float32)
    return np.asarray(cv2.resize(flat, (SPECTRUM, SPECTRUM), interpolation=cv2.INTER_AREA), dtype=np.float32)
