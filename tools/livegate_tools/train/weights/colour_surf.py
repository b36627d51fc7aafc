"""Learn the cue colour_surf: components and mixture of descriptors without labels, a linear SVM of Fisher vectors.

There are far more numbers than captures, so the SVM is solved by the captures' products with each other.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from sklearn.svm import SVC

from livegate.cues.colour_surf import POINTS
from livegate.texture.colour_surf import COMPONENTS, GAUSSIANS, FisherEncoder, descriptors
from livegate.texture.crop import face_crop
from livegate.types import Box
from livegate_tools.train.weights.common import Picture, Rows, Task, Weights

VIEWS = 1
MOST_CAPTURES = 2000
_POINTS_A_PICTURE = 16
_ROUNDS = 20
# Below this share of the components' mean variance a Gaussian would be about noise of rounding.
_LEAST_VARIANCE = 1e-3
# How much a capture on the wrong side may weigh, in units of the mean capture; the vectors' length is 1.
_SOFTNESS = 0.25


def prepared(pictures: Sequence[Picture], seed: int) -> Weights:
    """Return the basis (see ``livegate.texture.colour_surf.BASIS``) learnt from faces, as float16."""
    rng = np.random.default_rng(seed)
    crops = [crop for image, box in pictures if (crop := face_crop(image, box)) is not None]
    drawn = [rng.choice(descriptors(crop), _POINTS_A_PICTURE, replace=False) for crop in crops]
    points = np.concatenate(drawn).astype(np.float64)
    # Rounded as they will be read, so that the mixture is one of what the terminal will see.
    projection = _components(points).astype(np.float16)
    centre = (points.mean(axis=0) @ projection).astype(np.float16)
    mixture = _mixture(points @ projection - centre, seed)
    return {
        "projection": projection,
        "centre": centre,
        "shares": mixture.weights_.astype(np.float16),
        "means": mixture.means_.astype(np.float16),
        "deviations": np.sqrt(mixture.covariances_).astype(np.float16),
    }


_encoders: list[tuple[Weights, FisherEncoder]] = []


def described(image: NDArray[np.uint8], box: Box, basis: Weights) -> Rows | None:
    """Return the (76800,) Fisher vector of a face, None where there is no face to look at."""
    crop = face_crop(image, box)
    return None if crop is None else _encoder(basis).vector(descriptors(crop)).copy()


def learnt(rows: Rows, task: Task) -> Weights:
    """Return the SVM's ``weight`` (76800,) and ``bias`` (1,), float16 and float32; above 0 is bona fide."""
    living = np.array([species is None for species in task.labels.species])
    machine = SVC(C=_SOFTNESS, kernel="precomputed")
    machine.fit(_products(rows), living, sample_weight=task.weights * len(rows))
    weight = machine.dual_coef_[0].astype(np.float32) @ rows[machine.support_]
    return {"weight": weight.astype(np.float16), "bias": machine.intercept_.astype(np.float32)}


def margins(rows: Rows, weights: Weights) -> NDArray[np.float64]:
    """Return (N, 1) margins of the SVM."""
    found = rows @ weights["weight"].astype(np.float32) + weights["bias"].astype(np.float32)
    return found.astype(np.float64)[:, None]


_kept: list[tuple[dict[bytes, int], NDArray[np.float32]]] = []


def _products(rows: Rows) -> NDArray[np.float32]:
    """Return the products (N, N) of all rows with each other.

    They are most of the work, and folds are made of the same rows over and over: those of the largest set are kept.
    """
    names = [hashlib.blake2b(row.tobytes()).digest() for row in rows]
    if not _kept or not _kept[0][0].keys() >= set(names):
        _kept[:] = [({name: place for place, name in enumerate(names)}, rows @ rows.T)]
    places = [_kept[0][0][name] for name in names]
    return _kept[0][1][np.ix_(places, places)]


def _components(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the (384, 300) directions in which (N, 384) points differ most, each of length 1."""
    _, directions = np.linalg.eigh(np.cov(points, rowvar=False))
    return np.asarray(directions[:, ::-1][:, :COMPONENTS])


def _mixture(points: NDArray[np.float64], seed: int) -> GaussianMixture:
    mixture = GaussianMixture(
        GAUSSIANS,
        covariance_type="diag",
        reg_covar=_LEAST_VARIANCE * points.var(axis=0).mean(),
        max_iter=_ROUNDS,
        init_params="k-means++",
        random_state=seed,
    )
    with warnings.catch_warnings():
        # The rounds are few on purpose: each costs as much as describing a hundred faces.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return mixture.fit(points.astype(np.float32))


def _encoder(basis: Weights) -> FisherEncoder:
    """Return the encoder of a basis; a worker has one and the same all its time."""
    if not _encoders or _encoders[0][0] is not basis:
        _encoders[:] = [(basis, FisherEncoder(basis, POINTS))]
    return _encoders[0][1]
