from __future__ import annotations

from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from livegate.cues import colour_texture
from livegate.cues.colour_texture import ColourTexture, balanced, opened
from livegate.texture.descriptors import DESCRIPTORS
from livegate.types import Box, Face, Frame, FrameSet, Observation, Role, SensorState

LENGTH = DESCRIPTORS["spmt"].length


def weights(*names: str) -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(1)
    return {
        key: array
        for name in names
        for key, array in (
            (name, rng.normal(0, 1, DESCRIPTORS[name].length).astype(np.float32)),
            (f"{name}_offset", np.array([0.25], np.float32)),
        )
    }


def measured(cue: ColourTexture, image: NDArray[np.uint8], box: Box) -> NDArray[np.float64] | None:
    frames = MappingProxyType({Role.RGB: Frame(Role.RGB, image, 0)})
    seen = FrameSet(frames, MappingProxyType({Role.RGB: SensorState.OK}), 0)
    return cue.measure(Observation(seen, Face(box, 0.5, 0.5)))


def noise(height: int = 120, width: int = 160) -> NDArray[np.uint8]:
    return np.random.default_rng(5).integers(0, 256, (height, width, 3), np.uint8)


def test_the_weights_say_what_is_measured_and_in_which_order() -> None:
    both = weights("lpq", "spmt")
    cue = opened(both)
    assert cue.FEATURES == ("spmt", "lpq")
    assert frozenset(cue.FEATURES) == cue.RISING
    values = measured(cue, noise(), Box(40, 20, 60, 80))
    assert values is not None
    alone = [measured(opened({k: v for k, v in both.items() if k.startswith(name)}), noise(), Box(40, 20, 60, 80))
             for name in cue.FEATURES]  # fmt: skip
    np.testing.assert_array_equal(values, np.concatenate([each for each in alone if each is not None]))


def test_a_margin_is_the_weighted_sum_and_the_offset() -> None:
    cue = opened({"spmt": np.zeros(LENGTH, np.float32), "spmt_offset": np.array([-1.5], np.float32)})
    assert measured(cue, noise(), Box(40, 20, 60, 80)) == pytest.approx([-1.5])


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((120, 160, 3), np.uint8),
        np.full((120, 160, 3), 255, np.uint8),
        noise()[:, ::-1],
        noise(240, 320)[::2, ::2],
        np.full((120, 160, 3), (0, 0, 255), np.uint8),
    ],
    ids=["black", "saturated", "mirrored", "every second pixel", "one colour"],
)
def test_every_picture_has_a_defined_number(image: NDArray[np.uint8]) -> None:
    values = measured(opened(weights("spmt")), image, Box(40, 20, 60, 80))
    assert values is not None
    assert np.isfinite(values).all()


@pytest.mark.parametrize(
    "box",
    [
        Box(np.nan, 20, 60, 80),
        Box(40, 20, np.inf, 80),
        Box(40, 20, 0, 80),
        Box(40, 20, -60, 80),
        Box(40, 20, 9, 12),
        Box(400, 20, 60, 80),
        Box(-50, -60, 60, 80),
    ],
)
def test_no_face_to_look_at_is_no_number(box: Box) -> None:
    assert measured(opened(weights("spmt")), noise(), box) is None


def test_without_a_colour_picture_there_is_no_number() -> None:
    nothing = FrameSet(MappingProxyType({}), MappingProxyType({Role.RGB: SensorState.MISSING}), 0)
    assert opened(weights("spmt")).measure(Observation(nothing, Face(Box(40, 20, 60, 80), 0.5, 0.5))) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda w: w.pop("spmt"), "'spmt_offset': expected"),
        (lambda w: w.pop("spmt_offset"), "'spmt_offset': expected"),
        (lambda w: w.update(gabor=np.zeros(3, np.float32)), "'gabor'"),
        (lambda w: w.update(spmt=w["spmt"][:-1]), r"float32 of shape \(7434,\)"),
        (lambda w: w.update(spmt=w["spmt"].astype(np.int32)), "found int32"),
        (lambda w: w.clear(), "at least one of"),
    ],
)
def test_other_weights_are_refused(change: Any, words: str) -> None:
    given = weights("spmt")
    change(given)
    with pytest.raises(ValueError, match=words):
        opened(given)


def test_the_colour_of_the_light_is_taken_away_but_not_texture() -> None:
    rng = np.random.default_rng(2)
    crop = rng.integers(60, 120, (3, 64, 64)).astype(np.uint8)
    warm = (crop * np.array([0.8, 1.0, 1.6])[:, None, None]).astype(np.uint8)
    difference = balanced(crop).astype(int) - balanced(warm)
    assert np.abs(difference).max() <= 3
    assert balanced(crop).std() > 10


@pytest.mark.parametrize("level", [0, 1, 255])
def test_a_plain_crop_stays_defined(level: int) -> None:
    found = balanced(np.full((3, 64, 64), level, np.uint8))
    assert found.dtype == np.uint8
    assert (found == found[0, 0, 0]).all()


def test_kernels_of_every_descriptor_that_ships_are_named() -> None:
    assert set(DESCRIPTORS["spmt"].kernels) <= set(colour_texture.KERNELS)
