"""Colour SURF: a face's edges and corners in all colour planes, against those of living faces (Boulkenafet 2017).

The one number is the margin of a linear classifier of the face's Fisher vector: above 0 is nearer to bona fide. See
:mod:`livegate.texture.colour_surf`. By far the dearest of the texture cues.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.texture.colour_surf import STEP, VECTOR, FisherEncoder, checked, descriptors
from livegate.texture.crop import SIDE, face_crop
from livegate.types import Observation, Role

NEEDS = frozenset({Role.RGB})
KERNELS = ("square", "planes", "surf", "fisher")
FEATURES = ("margin",)
POINTS = (SIDE // STEP) ** 2
CLASSIFIER: Mapping[str, tuple[int, ...]] = {"weight": (VECTOR,), "bias": (1,)}
"""Shapes of what is learnt with labels."""


class ColourSurf:
    """The cue with its weights."""

    NEEDS = NEEDS
    FEATURES = FEATURES
    RISING = frozenset(FEATURES)

    def __init__(self, weights: Mapping[str, NDArray[Any]]) -> None:
        """Take basis and classifier; ValueError where they are not of the shapes of BASIS and CLASSIFIER."""
        self._encoder = FisherEncoder(weights, POINTS)
        arrays = checked(weights, CLASSIFIER)
        self._weight, self._bias = arrays["weight"], float(arrays["bias"][0])

    def measure(self, observation: Observation) -> NDArray[np.float64] | None:
        """Return the margin, (1,) float64, or None where there is no face to look at (see face_crop)."""
        image = observation.frame_set.image(Role.RGB)
        crop = None if image is None else face_crop(image, observation.face.box)
        if crop is None:
            return None
        vector = self._encoder.vector(descriptors(crop))
        return np.array([float(vector @ self._weight) + self._bias])


def opened(weights: Mapping[str, NDArray[Any]]) -> ColourSurf:
    """Return the cue that these weights make; ValueError where they are not its weights."""
    return ColourSurf(weights)
