"""The crop of texture cues and its colour planes."""

from __future__ import annotations

import colorsys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from livegate.texture.crop import LEAST_FACE_PX, SIDE, face_crop
from livegate.texture.planes import byte_planes, colour_planes
from livegate.types import Box

ANY = st.floats(allow_nan=True, allow_infinity=True)
NEAR = st.floats(-300, 300)


def picture(height: int = 90, width: int = 120, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def averaged(image: NDArray[np.uint8], left: float, top: float, length: float, side: int) -> NDArray[np.float64]:
    """The same crop by matrices: how much of each picture row or column lies under each row or column of the crop."""

    def shares(start: float, size: int) -> NDArray[np.float64]:
        step = length / side
        reach = max(step, 1.0)
        found = np.zeros((side, size))
        for i in range(side):
            low = start + (i + 0.5) * step - reach / 2
            for pixel in range(int(np.floor(low)), int(np.ceil(low + reach))):
                under = min(low + reach, pixel + 1) - max(low, pixel)
                found[i, min(max(pixel, 0), size - 1)] += under / reach
        return found

    down, along = shares(top, image.shape[0]), shares(left, image.shape[1])
    return np.einsum("iy,yxc,jx->cij", down, image.astype(np.float64), along)


@settings(max_examples=60, deadline=None)
@given(x=st.floats(-20, 90), y=st.floats(-20, 60), w=st.floats(16, 80), h=st.floats(16, 80), scale=st.floats(1, 1.2))
def test_each_pixel_is_the_mean_of_what_it_covers(x: float, y: float, w: float, h: float, scale: float) -> None:
    image = picture()
    found = face_crop(image, Box(x, y, w, h), 16, scale)
    if found is None:
        return
    length = max(w, h) * scale
    wanted = averaged(image, x + w / 2 - length / 2, y + h / 2 - length / 2, length, 16)
    assert np.abs(found - wanted).max() < 0.51


def test_a_picture_of_the_crops_size_comes_back_as_it_is() -> None:
    image = picture(SIDE, SIDE)
    found = face_crop(image, Box(0, 0, SIDE, SIDE), scale=1.0)
    assert found is not None
    assert (np.moveaxis(found, 0, -1) == image).all()


@pytest.mark.parametrize("view", [np.s_[:, ::-1], np.s_[::2, ::2], np.s_[:, :, ::-1]])
def test_strides_change_nothing(view: Any) -> None:
    image, box = picture(200, 240)[view], Box(11.3, 9.1, 70.0, 61.0)
    found, wanted = face_crop(image, box), face_crop(np.ascontiguousarray(image), box)
    assert found is not None
    assert wanted is not None
    assert (found == wanted).all()


def test_a_picture_that_cannot_be_written_to_will_do() -> None:
    image = picture()
    image.flags.writeable = False
    assert face_crop(image, Box(10, 10, 60, 60)) is not None


@settings(max_examples=300, deadline=None)
@given(x=ANY | NEAR, y=ANY | NEAR, w=ANY | NEAR, h=ANY | NEAR, size=st.tuples(st.integers(1, 40), st.integers(1, 40)))
def test_any_box_is_a_crop_or_nothing(x: float, y: float, w: float, h: float, size: tuple[int, int]) -> None:
    found = face_crop(picture(*size), Box(x, y, w, h))
    assert found is None or found.shape == (3, SIDE, SIDE)


@pytest.mark.parametrize(
    "box",
    [
        Box(float("nan"), 0, 40, 40),
        Box(0, 0, float("inf"), 40),
        Box(0, 0, 0, 40),
        Box(0, 0, 40, -40),
        Box(0, 0, LEAST_FACE_PX - 1, LEAST_FACE_PX - 1),
        Box(-35, 20, 40, 40),
        Box(500, 20, 40, 40),
        Box(-1e9, -1e9, 2e9, 2e9),
        Box(1e308, 1e308, 1e308, 1e308),
    ],
)
def test_no_crop(box: Box) -> None:
    assert face_crop(picture(), box) is None


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((90, 120), np.uint8),
        np.zeros((90, 120, 4), np.uint8),
        np.zeros((90, 120, 3), np.float32),
        np.zeros((0, 120, 3), np.uint8),
    ],
)
def test_no_picture(image: NDArray[Any]) -> None:
    assert face_crop(image, Box(10, 10, 60, 60)) is None


def test_planes_are_those_of_the_literature() -> None:
    crop = np.random.default_rng(1).integers(0, 256, (3, 24, 24), dtype=np.uint8)
    crop[:, 0] = [[0] * 24, [0] * 24, [0] * 24]
    crop[:, 1] = 255
    crop[:, 2] = [[10] * 24, [200] * 24, [200] * 24]
    planes = colour_planes(crop)
    blue, green, red = (channel / 255 for channel in crop.astype(np.float64))
    hsv = np.array([
        colorsys.rgb_to_hsv(*rgb) for rgb in zip(red.ravel(), green.ravel(), blue.ravel(), strict=True)
    ]).T.reshape(3, 24, 24)  # fmt: skip
    assert np.allclose(planes[:3], hsv, atol=1e-6)
    assert np.allclose(planes[3], 16 + 65.481 * red + 128.553 * green + 24.966 * blue, atol=1e-4)
    assert np.allclose(planes[4], 128 - 37.797 * red - 74.203 * green + 112 * blue, atol=1e-4)
    assert np.allclose(planes[5], 128 + 112 * red - 93.786 * green - 18.214 * blue, atol=1e-4)


@pytest.mark.parametrize("value", [0, 1, 254, 255])
def test_flat_crops_have_planes(value: int) -> None:
    levels = byte_planes(colour_planes(np.full((3, 8, 8), value, dtype=np.uint8)))
    assert (levels[:2] == 0).all()
    assert (levels[2] == value).all()
    assert (levels[4:] == 128).all()


def test_bytes_are_rounded_planes() -> None:
    planes = colour_planes(np.random.default_rng(2).integers(0, 256, (3, 32, 32), dtype=np.uint8))
    scale = np.array([255, 255, 255, 1, 1, 1])[:, np.newaxis, np.newaxis]
    assert np.abs(byte_planes(planes) - planes * scale).max() < 0.5 + 1e-3
