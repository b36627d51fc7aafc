from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from livegate.types import Box
from livegate_tools.train.augment import draw_framing, frame, occlude, photograph
from livegate_tools.train.cache import Picture
from livegate_tools.train.recapture import hang, recapture
from livegate_tools.train.recipe import Jitter

SIZE = (320, 240)
GREY = (127.5, 127.5, 127.5)


def red_patch(box: Box, width: int = 400, height: int = 300) -> Picture:
    """A picture whose face is a pure red patch, so that a box can be read back from pixels."""
    image = np.full((height, width, 3), 200, dtype=np.uint8)
    image[int(box.y) : int(box.y + box.h), int(box.x) : int(box.x + box.w)] = (0, 0, 255)
    return Picture(image, (box,))


def red_extent(image: NDArray[np.uint8]) -> Box:
    x, y, w, h = cv2.boundingRect(((image[..., 2] > 200) & (image[..., 0] < 60)).astype(np.uint8))
    return Box(x, y, w, h)


@pytest.mark.parametrize("seed", range(30))
def test_the_box_follows_the_pixels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    picture = red_patch(Box(150, 90, 74, 100))
    framing = draw_framing(rng, picture, SIZE, Jitter(rotation_deg=0.0))
    framed = frame(picture, framing, SIZE, GREY, cv2.INTER_LINEAR)
    assert len(framed.faces) == 1
    box, seen = framed.faces[0], red_extent(framed.image)
    assert abs(seen.x - max(box.x, 0)) < 2.5
    assert abs(seen.y - max(box.y, 0)) < 2.5
    assert abs(seen.x + seen.w - min(box.x + box.w, SIZE[0])) < 2.5
    assert abs(seen.y + seen.h - min(box.y + box.h, SIZE[1])) < 2.5


@pytest.mark.parametrize("seed", range(10))
def test_a_turned_box_keeps_its_size_and_its_centre(seed: int) -> None:
    rng = np.random.default_rng(seed)
    picture = red_patch(Box(170, 120, 50, 60))
    framing = draw_framing(rng, picture, SIZE, Jitter(rotation_deg=8.0, zoom=(0.6, 0.8)))
    framed = frame(picture, framing, SIZE, GREY, cv2.INTER_LINEAR)
    box, seen = framed.faces[0], red_extent(framed.image)
    assert abs(box.x + box.w / 2 - seen.x - seen.w / 2) < 2
    assert abs(box.y + box.h / 2 - seen.y - seen.h / 2) < 2
    assert box.h == pytest.approx(60 * framing.factor)


@pytest.mark.parametrize("seed", range(30))
def test_faces_stay_within_the_asked_heights(seed: int) -> None:
    jitter = Jitter(face_px=(30.0, 90.0), zoom=(0.2, 4.0))
    picture = red_patch(Box(150, 90, 74, 100))
    framing = draw_framing(np.random.default_rng(seed), picture, SIZE, jitter)
    assert 30 <= 100 * framing.factor <= 90.001


def test_a_face_that_is_too_small_or_cut_is_unsure_not_background() -> None:
    image = np.zeros((300, 400, 3), dtype=np.uint8)
    picture = Picture(image, (Box(100, 100, 60, 80), Box(10, 10, 5, 6), Box(380, 10, 60, 80)))
    framing = draw_framing(np.random.default_rng(0), picture, SIZE, Jitter(zoom=(1.0, 1.0), rotation_deg=0.0))
    framed = frame(picture, framing, SIZE, GREY, cv2.INTER_LINEAR)
    assert len(framed.faces) == 1
    assert len(framed.unsure) == 2


@pytest.mark.parametrize("seed", range(20))
def test_photographs_keep_shape_and_type_and_the_source(seed: int) -> None:
    picture = red_patch(Box(100, 60, 74, 100), *SIZE)
    before = picture.image.copy()
    jitter = Jitter(blur=1.0, noise=1.0, jpeg=1.0, colour=1.0, grey=0.5)
    rng = np.random.default_rng(seed)
    shown = photograph(rng, occlude(rng, picture).image, jitter)
    assert shown.shape == (240, 320, 3)
    assert shown.dtype == np.uint8
    assert np.array_equal(picture.image, before)


@pytest.mark.parametrize("seed", range(20))
def test_a_recaptured_face_lies_where_its_box_says_and_hides_the_one_behind(seed: int) -> None:
    shown = red_patch(Box(150, 90, 74, 100))
    scene = red_patch(Box(160, 100, 60, 80))
    scene.image[(scene.image == (0, 0, 255)).all(axis=2)] = (0, 255, 0)
    held = recapture(np.random.default_rng(seed), shown, scene)
    assert len(held.faces) == 1
    reddish = held.image.astype(int)[..., 2] - held.image[..., 0] > 60
    ys, xs = np.nonzero(reddish)
    face = held.faces[0]
    assert abs(xs.mean() - face.x - face.w / 2) < 6
    assert abs(ys.mean() - face.y - face.h / 2) < 6
    assert not (held.image == (0, 255, 0)).all(axis=2).any()


def test_an_ornament_never_covers_a_face() -> None:
    picture = red_patch(Box(150, 90, 74, 100))
    ornament = np.zeros((50, 80, 3), dtype=np.uint8)
    changed = 0
    for seed in range(40):
        hung = hang(np.random.default_rng(seed), ornament, picture)
        assert np.array_equal(hung.image[90:190, 150:224], picture.image[90:190, 150:224])
        changed += not np.array_equal(hung.image, picture.image)
    assert changed > 5
