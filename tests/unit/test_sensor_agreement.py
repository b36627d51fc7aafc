from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livegate.cues import sensor_agreement
from livegate.types import Box, Observation
from support import infrared
from support.sights import face, frame_set, surface

Numbers = dict[str, float]


def numbers(nir: np.ndarray, depth: np.ndarray, rgb: np.ndarray | None = None) -> Numbers:
    seen = frame_set(nir=nir, depth=depth, rgb=infrared.visible() if rgb is None else rgb)
    values = sensor_agreement.measure(Observation(seen, face(infrared.BOX)))
    assert values is not None
    assert values.dtype == np.float64
    assert np.isfinite(values).all()
    return dict(zip(sensor_agreement.FEATURES, values, strict=True))


def test_near_infrared_of_a_living_face_shows_the_relief_that_depth_measures() -> None:
    alive = numbers(infrared.living(), infrared.depth())
    assert alive["relief_agreement"] > 0.5
    assert alive["log_explained"] < -0.3
    assert alive["distance_agreement"] > 0.7
    assert alive["return_share"] == 1.0


@pytest.mark.parametrize("ink", [0.0, 0.5, 1.0])
def test_ink_has_no_relief(ink: float) -> None:
    for shape in ("plane", "paper"):
        printed = numbers(infrared.sheet(ink), surface(shape))
        assert abs(printed["relief_agreement"]) < 0.2
        assert printed["log_explained"] > -0.1


def test_a_relief_under_a_picture_of_another_light_does_not_agree() -> None:
    """Behind a print there is a head, or the depth is forged: near infrared has nothing of its relief."""
    assert numbers(infrared.sheet(1.0), infrared.depth())["relief_agreement"] < 0.3
    assert numbers(infrared.screen(), infrared.depth())["distance_agreement"] < 0.3


def test_a_face_no_other_sensor_sees_is_measured_not_missed() -> None:
    nothing = numbers(infrared.screen(glint=False), np.zeros((480, 640), np.uint16))
    assert nothing["return_share"] == 0.0
    assert nothing["bright_without_return"] == 0.0
    assert nothing["relief_agreement"] == nothing["distance_agreement"] == 0.0
    paper_too_near = numbers(infrared.sheet(0.0), np.zeros((480, 640), np.uint16))
    assert paper_too_near["bright_without_return"] == 1.0


@pytest.mark.parametrize("gain", [0.6, 1.4])
def test_what_a_camera_amplifies_does_not_matter(gain: float) -> None:
    usual = numbers(infrared.living(), infrared.depth())
    amplified = numbers(infrared.living(gain=gain), infrared.depth())
    for name, value in usual.items():
        assert amplified[name] == pytest.approx(value, abs=0.2), name


def test_a_few_pixels_aside_it_still_agrees() -> None:
    aside = numbers(np.roll(infrared.living(), 4, axis=1), np.roll(infrared.depth(), -2, axis=0))
    assert aside["relief_agreement"] > 0.3


def test_pictures_of_different_sizes_are_not_compared() -> None:
    small = frame_set(nir=infrared.living(), depth=np.zeros((240, 320), np.uint16))
    assert sensor_agreement.measure(Observation(small, face())) is None
    assert sensor_agreement.measure(Observation(frame_set(nir=infrared.living()), face())) is None


@settings(max_examples=60, deadline=None)
@given(
    st.floats(-200, 200), st.floats(-200, 200), st.floats(-10, 500), st.floats(-10, 500), st.integers(0, 2**32 - 1),
    st.sampled_from([0, 1, 500, 65535]), st.booleans(),
)  # fmt: skip
def test_nothing_cameras_show_breaks_it(
    x: float, y: float, w: float, h: float, seed: int, depth_mm: int, mixed: bool
) -> None:
    rng = np.random.default_rng(seed)
    nir = rng.integers(0, 256, (120, 160), dtype=np.uint8)
    rgb = rng.integers(0, 256, (120, 160, 3), dtype=np.uint8)
    depth = np.full((120, 160), depth_mm, np.uint16)
    if mixed:
        depth = np.asfortranarray(np.where(rng.random(depth.shape) < 0.5, rng.integers(0, 65536, depth.shape), depth))
    seen = frame_set(nir=nir, rgb=rgb, depth=depth.astype(np.uint16))
    values = sensor_agreement.measure(Observation(seen, face(Box(x, y, w, h))))
    assert values is None or (values.shape == (len(sensor_agreement.FEATURES),) and np.isfinite(values).all())
