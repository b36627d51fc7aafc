"""Distortion: how much a face's picture looks like one of a print, or of a screen, by what showing it once more does.

Wen, Han, Jain 2015: image distortion analysis, with one support vector machine for each kind of attack. See
:mod:`livegate.texture.distortion` for the 121 numbers. Each machine's margin is a feature; the cue's scorer fuses them.
The weights are learnt by ``livegate train cue distortion``.

Ours [R]: every number is first told by where it lies among those of the captures learnt from, between their first and
their ninety-ninth hundredth, so that a camera nobody has seen can throw no margin further than those did; and all
machines share their landmarks (Williams and Seeger, *Using the Nyström method to speed up kernel machines*, 2001), so
one look at them serves every kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.texture.distortion import LENGTH, distortion
from livegate.types import Observation, Role

NEEDS = frozenset({Role.RGB})
KERNELS = ("square", "specular", "moments", "blur")

QUANTILES = np.linspace(0.01, 0.99, 11)
"""The shares of the captures learnt from that lie below the values of the array "quantiles"."""
BOUND = 1.7
"""What a number counts as at the last of them, and - this at the first: evenly spread, its deviation is about 1."""

QUANTILE, COUNT, LANDMARK = "quantiles", "counts", "landmarks"
"""Arrays of the weights: (121, 11), rising; (121,), by how much each number counts, 0 not at all; (M, 121)."""
OFFSET = "_offset"
"""What the name of a kind's offset ends with, beside what each landmark weighs under the kind's own name."""


@dataclass(frozen=True, slots=True, eq=False)
class Machines:
    """Support vector machines with radial basis functions, one a kind of attack, over common landmarks.

    ``quantiles`` (U, 11) and ``counts`` (U,) are of the numbers ``used`` (U,) alone, as are the ``landmarks`` (M, U),
    which are already multiplied by the counts; ``lengths`` (M,) are theirs, squared; ``weights`` (M, K),
    ``offsets`` (K,).
    """

    kinds: tuple[str, ...]
    used: NDArray[np.intp]
    quantiles: NDArray[np.float32]
    counts: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    lengths: NDArray[np.float32]
    weights: NDArray[np.float32]
    offsets: NDArray[np.float32]

    def placed(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (N, U) where the used numbers of ``rows`` (N, 121) lie, within the bounds, times their counts."""
        levels = np.linspace(-BOUND, BOUND, len(QUANTILES))
        places = [
            np.interp(rows[:, column], values, levels) for column, values in zip(self.used, self.quantiles, strict=True)
        ]
        return np.asarray(np.stack(places, axis=1) * self.counts, np.float32)

    def margins(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return (N, K) margins of finite ``rows`` (N, 121), above 0 nearer to bona fide."""
        places = self.placed(rows)
        own = np.einsum("nu,nu->n", places, places)[:, None]
        away = own + self.lengths - 2 * (places @ self.landmarks.T)
        return np.asarray(np.exp(-away) @ self.weights + self.offsets, np.float64)


class Distortion:
    """The cue with its machines."""

    NEEDS = NEEDS

    def __init__(self, machines: Machines) -> None:
        self.FEATURES: tuple[str, ...] = machines.kinds
        # A machine whose margin falls as a face looks more alive would be what it learnt of one source.
        self.RISING: frozenset[str] = frozenset(machines.kinds)
        self._machines = machines

    def measure(self, observation: Observation) -> NDArray[np.float64] | None:
        """Return the margin against every kind of FEATURES, (len(FEATURES),) float64, finite.

        None where :func:`livegate.texture.crop.face_crop` finds no face to look at: a box that is not finite, whose
        longer side is below 16 pixels, or of whose square less than half is in the picture.
        """
        image = observation.frame_set.image(Role.RGB)
        row = None if image is None else distortion(image, observation.face.box)
        return None if row is None else self._machines.margins(row[None])[0]


def opened(weights: Mapping[str, NDArray[Any]]) -> Distortion:
    """Return the cue of these weights, all float32; the kinds of attack are the names that have an offset beside them.

    ValueError where a name, shape or dtype is another, quantiles do not rise, or no number counts.
    """
    return Distortion(machines_of(weights))


def machines_of(weights: Mapping[str, NDArray[Any]]) -> Machines:
    """Return the machines of these weights; errors as :func:`opened`."""
    kinds = tuple(sorted(name.removesuffix(OFFSET) for name in weights if name.endswith(OFFSET)))
    count = weights[LANDMARK].shape[:1] if LANDMARK in weights else (0,)
    expected = {QUANTILE: (LENGTH, len(QUANTILES)), COUNT: (LENGTH,), LANDMARK: (*count, LENGTH)}
    expected |= dict.fromkeys(kinds, count) | {kind + OFFSET: (1,) for kind in kinds}
    if not kinds or weights.keys() != expected.keys():
        raise ValueError(f"expected {', '.join(expected)} and a kind's weights and offset, found {', '.join(weights)}")
    for name, shape in expected.items():
        if weights[name].shape != shape or weights[name].dtype != np.float32:
            found = f"{weights[name].dtype} of shape {weights[name].shape}"
            raise ValueError(f"'{name}': expected float32 of shape {shape}, found {found}")
    used = np.flatnonzero(weights[COUNT])
    if not used.size or (np.diff(weights[QUANTILE][used]) <= 0).any():
        raise ValueError(f"'{QUANTILE}': expected rising values of every number that counts, and one that does")
    landmarks = np.ascontiguousarray(weights[LANDMARK][:, used])
    return Machines(
        kinds=kinds,
        used=used,
        quantiles=weights[QUANTILE][used],
        counts=weights[COUNT][used],
        landmarks=landmarks,
        lengths=np.square(landmarks).sum(axis=1),
        weights=np.stack([weights[kind] for kind in kinds], axis=1),
        offsets=np.array([weights[kind + OFFSET][0] for kind in kinds], np.float32),
    )
