"""Colour texture: what printing, showing and photographing again leave in the fine structure of a face's colours.

Boulkenafet, Komulainen and Hadid 2016 for descriptors of colour planes of the face on 64 x 64 pixels; Song, Zhao, Fang
and Lin 2019 for the spatial pyramid of them. Which of livegate.texture.descriptors are measured is for the weights to
say; each gives one number, the margin of its linear classifier, which grows with what speaks for a living face. The
weights are learnt by ``livegate train cue colour_texture``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.texture.crop import face_crop
from livegate.texture.descriptors import DESCRIPTORS
from livegate.types import Observation, Role

NEEDS = frozenset({Role.RGB})
KERNELS = ("square", *sorted({name for one in DESCRIPTORS.values() for name in one.kernels}))
OFFSET = "_offset"
"""What the name of a descriptor's offset ends with, beside the descriptor's weights under its own name."""

_GREY = 110.0
_LEVELS = np.arange(256)


class ColourTexture:
    """The cue, with a linear classifier for every descriptor that it measures."""

    NEEDS: frozenset[Role] = NEEDS

    def __init__(self, classifiers: Mapping[str, tuple[NDArray[np.float32], float]]) -> None:
        self.FEATURES: tuple[str, ...] = tuple(classifiers)
        # A margin that falls as a face looks more alive would be what it learnt of one source.
        self.RISING: frozenset[str] = frozenset(classifiers)
        self._classifiers = classifiers

    def measure(self, observation: Observation) -> NDArray[np.float64] | None:
        """Return the margin of every descriptor of FEATURES, (len(FEATURES),) float64, finite.

        None where :func:`livegate.texture.crop.face_crop` finds no face to look at: a box that is not finite, whose
        longer side is below 16 pixels, or of whose square less than half is in the picture.
        """
        image = observation.frame_set.image(Role.RGB)
        crop = None if image is None else face_crop(image, observation.face.box)
        if crop is None:
            return None
        seen = balanced(crop)
        found = [
            float(DESCRIPTORS[name].of(seen) @ weights) + offset
            for name, (weights, offset) in self._classifiers.items()
        ]
        return np.array(found)


def balanced(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a crop (3, H, W) uint8 with gains that make each colour's mean a middle grey, clipped.

    The grey world of Buchsbaum 1980, by exposure, too: what the lamp and the camera make of all skin alike is no
    texture, but tilts hues and saturations, and with them their patterns. On sources left out whole it was worth more
    than any other descriptor (docs/training.md).
    """
    gains = _GREY / (crop.reshape(len(crop), -1).mean(axis=1) + 1.0)
    tables = np.minimum(_LEVELS * gains[:, None] + 0.5, 255.0).astype(np.uint8)
    return np.stack([table[plane] for table, plane in zip(tables, crop, strict=True)])


def opened(weights: Mapping[str, NDArray[Any]]) -> ColourTexture:
    """Return the cue of these weights: a descriptor's name with (its length,) float32, name and "_offset" with (1,).

    ValueError where a name is no descriptor's, a shape or dtype is another, or there is none at all.
    """
    names = [name for name in weights if not name.endswith(OFFSET)]
    expected = {name: (DESCRIPTORS[name].length,) for name in names if name in DESCRIPTORS}
    expected |= {name + OFFSET: (1,) for name in names}
    for name in sorted(weights.keys() | expected.keys()):
        if name not in expected or name not in weights:
            known = ", ".join(DESCRIPTORS)
            raise ValueError(f"'{name}': expected weights and an offset of any of {known}")
        if weights[name].shape != expected[name] or weights[name].dtype != np.float32:
            found = f"{weights[name].dtype} of shape {weights[name].shape}"
            raise ValueError(f"'{name}': expected float32 of shape {expected[name]}, found {found}")
    if not names:
        raise ValueError(f"expected weights of at least one of {', '.join(DESCRIPTORS)}, found none")
    ordered = [name for name in DESCRIPTORS if name in weights]
    return ColourTexture({name: (weights[name], float(weights[name + OFFSET][0])) for name in ordered})
