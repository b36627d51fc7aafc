from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livegate.cues import near_infrared
from livegate.types import Box, Observation, Role
from support import infrared
from support.sights import face, frame_set

Numbers = dict[str, float]


def numbers(nir: np.ndarray, rgb: np.ndarray | None = None, box: Box = infrared.BOX) -> Numbers:
    seen = frame_set(nir=nir, rgb=infrared.visible() if rgb is None else rgb)
    values = near_infrared.measure(Observation(seen, face(box)))
    assert values is not None
    assert values.dtype == np.float64
    assert np.isfinite(values).all()
    return dict(zip(near_infrared.FEATURES, values, strict=True))


def test_a_living_face_stands_before_its_background_by_the_square_of_the_distance() -> None:
    lit = numbers(infrared.living())
    # 16 times by distance alone, less what the offset against noise takes and the side of the head turns away.
    assert np.log(3) < lit["log_face_over_surround"] < np.log(16)
    assert abs(numbers(infrared.sheet(0.0))["log_face_over_surround"]) < 0.1


def test_a_living_face_has_relief_that_its_colours_do_not_explain() -> None:
    alive = numbers(infrared.living())
    for flat in (infrared.sheet(0.0), infrared.sheet(0.6), infrared.sheet(1.0), infrared.screen(glint=False)):
        sheet = numbers(flat)
        assert alive["log_relief"] > sheet["log_relief"] + 0.5
        assert alive["log_usual_relief"] > sheet["log_usual_relief"] + 0.5
    assert alive["curvature"] > numbers(infrared.sheet(0.0))["curvature"] + 0.2


def test_dye_vanishes_and_toner_agrees_in_everything() -> None:
    dye, toner, alive = (numbers(nir) for nir in (infrared.sheet(0.0), infrared.sheet(1.0), infrared.living()))
    assert abs(dye["rgb_agreement"]) < 0.3
    assert toner["rgb_agreement"] > 0.95
    assert dye["rgb_agreement"] < alive["rgb_agreement"] < toner["rgb_agreement"]


def test_a_screen_is_dark_with_a_glint() -> None:
    glass, alive = numbers(infrared.screen()), numbers(infrared.living())
    assert glass["log_darkness"] < alive["log_darkness"] - 1
    assert glass["highlight"] > alive["highlight"] + 0.5
    assert numbers(infrared.screen(glint=False))["highlight"] < 0.1


@pytest.mark.parametrize("gain", [0.6, 1.4])
def test_what_the_camera_amplifies_does_not_matter(gain: float) -> None:
    usual, amplified = numbers(infrared.living()), numbers(infrared.living(gain=gain))
    for name, tolerance in (("curvature", 0.1), ("highlight", 0.05), ("log_relief", 0.2),
                            ("log_usual_relief", 0.2), ("rgb_agreement", 0.05)):  # fmt: skip
        assert amplified[name] == pytest.approx(usual[name], abs=tolerance)


def test_a_mirrored_scene_measures_the_same() -> None:
    box = infrared.BOX
    mirrored = Box(640 - box.x - box.w, box.y, box.w, box.h)
    one = numbers(infrared.living())
    other = numbers(infrared.living()[:, ::-1], infrared.visible()[:, ::-1], mirrored)
    for name, value in one.items():
        assert other[name] == pytest.approx(value, abs=0.05), name


@pytest.mark.parametrize("shift", [-5, 5])
def test_pictures_a_few_pixels_aside_change_little(shift: int) -> None:
    aside = numbers(np.roll(infrared.sheet(1.0), shift, axis=1))
    assert aside["log_relief"] < numbers(infrared.living())["log_relief"] - 0.3
    assert aside["rgb_agreement"] > 0.7


def test_sunlight_is_subtracted_where_the_lamp_was_dark_for_a_moment() -> None:
    seen = frame_set(nir=infrared.living(ambient=0.4), rgb=infrared.visible())
    frames = dict(seen.frames)
    frames[Role.NIR] = dataclasses.replace(frames[Role.NIR], unlit=infrared.unlit(0.4))
    values = near_infrared.measure(Observation(dataclasses.replace(seen, frames=frames), face(infrared.BOX)))
    assert values is not None
    without_sun, in_sun = numbers(infrared.living()), numbers(infrared.living(ambient=0.4))
    subtracted = dict(zip(near_infrared.FEATURES, values, strict=True))
    for name in ("log_face_over_surround", "curvature", "rgb_agreement"):
        assert abs(subtracted[name] - without_sun[name]) < abs(in_sun[name] - without_sun[name]) / 2


@pytest.mark.parametrize("level", [0, 255])
def test_a_picture_without_any_structure_is_measured(level: int) -> None:
    blank = numbers(np.full((480, 640), level, np.uint8))
    assert blank["rgb_agreement"] == pytest.approx(0, abs=1e-2)
    assert blank["saturated_share"] == float(level == 255)


@pytest.mark.parametrize(
    "box", [Box(-50, -50, 20, 20), Box(635, 475, 150, 200), Box(0, 0, 3, 3), Box(0, 0, np.nan, 9), Box(0, 0, np.inf, 9)]
)
def test_a_box_without_a_face_in_the_picture_is_not_measured(box: Box) -> None:
    seen = Observation(frame_set(nir=np.full((480, 640), 90, np.uint8)), face(box))
    assert near_infrared.measure(seen) is None


def test_a_picture_of_another_size_is_not_measured() -> None:
    assert near_infrared.measure(Observation(frame_set(nir=np.zeros((240, 320), np.uint8)), face())) is None
    assert near_infrared.measure(Observation(frame_set(), face())) is None


@settings(max_examples=60, deadline=None)
@given(
    st.floats(-700, 700), st.floats(-500, 500), st.floats(-10, 2000), st.floats(-10, 2000), st.integers(0, 2**32 - 1),
    st.sampled_from(["noise", "binary", "stripes"]), st.booleans(),
)  # fmt: skip
def test_nothing_a_camera_shows_breaks_it(
    x: float, y: float, w: float, h: float, seed: int, kind: str, whole: bool
) -> None:
    rng = np.random.default_rng(seed)
    nir = rng.integers(0, 256, (120, 160), dtype=np.uint8)
    if kind == "binary":
        nir = (nir > 127).astype(np.uint8) * 255
    if kind == "stripes":
        nir = np.repeat(nir[:1], 120, axis=0)
    rgb = np.repeat(nir[::-1, :, None], 3, axis=2)
    given_nir = nir if whole else np.asfortranarray(nir)
    seen = Observation(frame_set(nir=given_nir, rgb=rgb[:, ::-1]), face(Box(x, y, w, h)))
    values = near_infrared.measure(seen)
    assert values is None or (values.shape == (len(near_infrared.FEATURES),) and np.isfinite(values).all())
