"""The cue colour_surf: its numbers by a plain reckoning, and faces it cannot or can hardly see."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livegate.cues.colour_surf import CLASSIFIER, FEATURES, ColourSurf, opened
from livegate.texture.colour_surf import BASIS, COMPONENTS, GAUSSIANS, NUMBERS, FisherEncoder, descriptors
from livegate.texture.crop import face_crop
from livegate.types import Box, Observation
from support.sights import face, frame_set

WHOLE = Box(240.0, 120.0, 150.0, 200.0)


@functools.cache
def weights() -> dict[str, np.ndarray]:
    """A basis that is none of faces, but one of unit directions and a mixture that descriptors lie in."""
    rng = np.random.default_rng(1)
    return {
        "projection": np.linalg.qr(rng.normal(size=(NUMBERS, COMPONENTS)))[0].astype(np.float16),
        "centre": rng.normal(0, 0.01, COMPONENTS).astype(np.float16),
        "shares": np.full(GAUSSIANS, 1 / GAUSSIANS, np.float16),
        "means": rng.normal(0, 0.1, (GAUSSIANS, COMPONENTS)).astype(np.float16),
        "deviations": rng.uniform(0.1, 0.2, (GAUSSIANS, COMPONENTS)).astype(np.float16),
        "weight": rng.normal(size=CLASSIFIER["weight"]).astype(np.float16),
        "bias": np.array([0.25], np.float32),
    }


@functools.cache
def cue() -> ColourSurf:
    return opened(weights())


def seen(picture: np.ndarray, box: Box = WHOLE) -> Observation:
    return Observation(frame_set(rgb=picture), face(box))


def noise(seed: int = 2) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (480, 640, 3), dtype=np.uint8)


def vector_reference(found: np.ndarray) -> np.ndarray:
    """The Fisher vector in float64 with every posterior in it."""
    basis = {name: array.astype(np.float64) for name, array in weights().items()}
    points = found.astype(np.float64) @ basis["projection"] - basis["centre"]
    out = np.empty((2, GAUSSIANS, COMPONENTS))
    away = [(points - mean) / spread for mean, spread in zip(basis["means"], basis["deviations"], strict=True)]
    logs = np.stack([-np.log(s).sum() - (z**2).sum(axis=1) / 2 for s, z in zip(basis["deviations"], away, strict=True)])
    posterior = np.exp(logs - logs.max(axis=0))
    posterior /= posterior.sum(axis=0)
    for k, z in enumerate(away):
        out[0, k] = posterior[k] @ z / np.sqrt(basis["shares"][k])
        out[1, k] = posterior[k] @ (z**2 - 1) / np.sqrt(2 * basis["shares"][k])
    rooted = np.sign(out) * np.sqrt(np.abs(out))
    return np.asarray(rooted.ravel() / np.linalg.norm(rooted))


def test_the_vector_by_a_plain_reckoning() -> None:
    crop = face_crop(noise(), WHOLE)
    assert crop is not None
    found = descriptors(crop)
    assert found.shape == (1024, NUMBERS)
    vector = FisherEncoder(weights(), len(found)).vector(found)
    expected = vector_reference(found)
    assert vector @ expected == pytest.approx(1, abs=1e-4)
    margin = cue().measure(seen(noise()))
    assert margin is not None
    assert margin[0] == pytest.approx(expected @ weights()["weight"].astype(float) + 0.25, abs=0.05)


def test_one_finite_number_the_same_each_time() -> None:
    first, other, again = (cue().measure(seen(noise(seed))) for seed in (2, 3, 2))
    assert first is not None
    assert first.shape == (len(FEATURES),)
    assert first == again
    assert first != other


@settings(max_examples=30, deadline=None)
@given(*(st.floats(-1e4, 1e4) | st.just(float("nan")) | st.just(float("inf")) for _ in range(4)))
def test_any_box_is_measured_or_is_none(x: float, y: float, w: float, h: float) -> None:
    found = cue().measure(seen(noise(), Box(x, y, w, h)))
    assert found is None or np.isfinite(found).all()


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_picture_of_one_level_has_a_number(level: int) -> None:
    found = cue().measure(seen(np.full((480, 640, 3), level, np.uint8)))
    assert found is not None
    assert np.isfinite(found).all()


def test_a_view_of_a_larger_picture() -> None:
    large = np.repeat(np.repeat(noise(), 2, axis=0), 2, axis=1)
    assert cue().measure(seen(large[::2, ::2])) == cue().measure(seen(noise()))


@pytest.mark.parametrize("name", [*BASIS, *CLASSIFIER])
def test_weights_that_are_none(name: str) -> None:
    with pytest.raises(ValueError, match=f"'{name}' is missing"):
        opened({key: array for key, array in weights().items() if key != name})
    with pytest.raises(ValueError, match=f"'{name}' has the shape"):
        opened({**weights(), name: np.zeros((3, 3), np.float32)})


@pytest.mark.parametrize("name", ["shares", "deviations"])
def test_a_mixture_that_is_none(name: str) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        opened({**weights(), name: np.zeros(BASIS[name], np.float16)})
