"""Image distortion analysis of pictures whose distortion is known, and of pictures that are none."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livegate.texture.distortion import BLUR, COLOURS, DIVERSITY, LENGTH, MOMENTS, SPECULAR, distortion, specular
from livegate.types import Box
from support.bounds import stays_within

BOX = Box(40.0, 30.0, 120.0, 150.0)


def face(size: tuple[int, int] = (220, 200)) -> np.ndarray:
    """Something skin-coloured with shading, fine structure and dark features."""
    rng = np.random.default_rng(1)
    rows, columns = np.mgrid[: size[0], : size[1]]
    shading = 110 + 70 * np.sin(np.pi * columns / size[1])
    fine = rng.normal(0, 9, size)
    picture = np.array([0.55, 0.7, 1.0]) * (shading + fine)[..., None]
    picture[(rows // 25 + columns // 30) % 4 == 0] *= 0.5
    return np.asarray(np.clip(picture, 0, 255), np.uint8)


def measured(image: np.ndarray, box: Box = BOX) -> np.ndarray:
    found = distortion(image, box)
    assert found is not None
    assert found.shape == (LENGTH,)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    return found


def test_a_second_lens_blurs() -> None:
    sharp, blurred = measured(face())[BLUR], measured(cv2.GaussianBlur(face(), (0, 0), 2.0))[BLUR]
    assert (blurred > 1.1 * sharp).all()


def test_a_second_set_of_colours_is_narrower() -> None:
    washed = cv2.addWeighted(face(), 0.6, np.full_like(face(), 128), 0.4, 0)
    usual, narrow = measured(face()), measured(washed)
    saturation = MOMENTS.start + 5
    assert narrow[saturation] < usual[saturation] - 0.1
    assert narrow[DIVERSITY] < usual[DIVERSITY]
    assert narrow[COLOURS][:10].sum() > usual[COLOURS][:10].sum()


def test_a_glare_is_seen_where_it_is() -> None:
    glaring = face()
    cv2.circle(glaring, (100, 90), 12, (255, 255, 255), -1)
    seen = specular(glaring, BOX)
    assert seen is not None
    assert seen.part.shape == seen.spots.shape == (64, 64)
    # The crop is 0.8 of 150 pixels about the box's middle: the glare lies 15 pixels above it.
    assert seen.part[22:26, 30:34].min() > 200
    assert measured(glaring)[SPECULAR][1] > measured(face())[SPECULAR][1]


def test_the_numbers_are_shares_and_moments() -> None:
    found = measured(face())
    assert 0 < found[SPECULAR][0] < 1
    assert (np.diff(found[COLOURS]) <= 0).all()
    assert 0 < found[COLOURS].sum() <= 1
    for plane in range(3):
        mean, deviation, _, low, high = found[MOMENTS][5 * plane : 5 * plane + 5]
        assert 0 <= mean <= 1
        assert 0 <= deviation <= 0.5
        assert 0 <= low + high <= 1


def test_strides_do_not_matter() -> None:
    image = face()
    mirrored = np.ascontiguousarray(image[:, ::-1])
    np.testing.assert_array_equal(measured(mirrored[:, ::-1]), measured(image))


@pytest.mark.parametrize("level", [0, 7, 255])
@pytest.mark.parametrize("box", [BOX, Box(-30.0, -20.0, 150.0, 190.0), Box(90.0, 90.0, 17.0, 17.0)])
def test_black_and_saturated_pictures_have_numbers(level: int, box: Box) -> None:
    found = measured(np.full((200, 200, 3), level, np.uint8), box)
    np.testing.assert_array_equal(found[SPECULAR], 0)
    assert found[COLOURS][0] == 1
    assert found[BLUR].tolist() == [1, 0]


@pytest.mark.parametrize(
    "box",
    [
        Box(float("nan"), 0, 50, 50),
        Box(0, 0, float("inf"), 50),
        Box(50, 50, 0, 40),
        Box(50, 50, -20, 40),
        Box(50, 50, 8, 9),
        Box(500, 500, 50, 50),
        Box(-60, 20, 70, 70),
    ],
)
def test_no_face_to_look_at(box: Box) -> None:
    assert distortion(face(), box) is None
    assert specular(face(), box) is None


@pytest.mark.parametrize("image", [np.zeros((50, 50), np.uint8), np.zeros((50, 50, 3)), np.zeros((0, 50, 3), np.uint8)])
def test_what_is_no_colour_picture(image: np.ndarray) -> None:
    assert distortion(image, Box(5, 5, 40, 40)) is None


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32),
    st.tuples(*[st.floats(-60, 120) for _ in range(2)], *[st.floats(-5, 300) for _ in range(2)]),
    st.tuples(st.sampled_from([1, -1, 3]), st.sampled_from([1, -1, 2])),
)
def test_any_picture_and_any_box_have_numbers_or_none(
    seed: int, box: tuple[float, float, float, float], strides: tuple[int, int]
) -> None:
    rng = np.random.default_rng(seed)
    image = rng.integers(0, rng.integers(1, 256), (90, 110, 3), dtype=np.uint8, endpoint=True)
    found = distortion(image[:: strides[0], :: strides[1]], Box(*box))
    assert found is None or np.isfinite(found).all()


BOUNDED = """
import numpy as np
from livegate.texture.distortion import distortion, specular
from livegate.types import Box

rng = np.random.default_rng(1)
for image in (rng.integers(0, 256, (80, 90, 3), np.uint8), np.zeros((80, 90, 3), np.uint8)):
    for box in (Box(10, 5, 60, 70), Box(-20, -20, 60, 70), Box(50, 40, 60, 60), Box(20, 20, 16, 16)):
        assert distortion(image, box) is not None
        assert specular(image, box) is not None
print("within")
"""


def test_no_kernel_reads_outside_its_arrays() -> None:
    stays_within(BOUNDED)
