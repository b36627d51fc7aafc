from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from livegate_tools.train.augment import photograph
from livegate_tools.train.camera import banded, coded, low_light, motion_blur, resampled, sharpened
from livegate_tools.train.recipe import Jitter

Image = NDArray[np.uint8]


def edges() -> Image:
    """Grey with dark bars, so that detail, halo and smear can be measured."""
    image = np.full((240, 320, 3), 150, dtype=np.uint8)
    image[:, ::16] = image[:, 1::16] = 60
    return image


def detail(image: Image) -> float:
    return float(np.abs(np.diff(image.astype(float), axis=1)).mean())


EFFECTS: list[Callable[[np.random.Generator, Image], Image]] = [
    motion_blur,
    banded,
    resampled,
    low_light,
    sharpened,
    lambda rng, image: coded(rng, image, 35, 60),
]


@pytest.mark.parametrize("effect", EFFECTS)
@pytest.mark.parametrize("size", [(240, 320), (81, 79)])
def test_an_effect_keeps_shape_type_and_source_and_changes_something(
    effect: Callable[[np.random.Generator, Image], Image], size: tuple[int, int]
) -> None:
    image = np.ascontiguousarray(edges()[: size[0], : size[1]])
    before = image.copy()
    shown = effect(np.random.default_rng(1), image)
    assert shown.shape == image.shape
    assert shown.dtype == np.uint8
    assert np.array_equal(image, before)
    assert not np.array_equal(shown, image)
    assert np.array_equal(shown, effect(np.random.default_rng(1), image))


@pytest.mark.parametrize("seed", range(8))
def test_sharpening_adds_contrast_at_edges_and_motion_takes_none_away_from_flat_parts(seed: int) -> None:
    image = edges()
    assert detail(sharpened(np.random.default_rng(seed), image)) > detail(image)
    blurred = motion_blur(np.random.default_rng(seed), image)
    assert detail(blurred) <= detail(image) + 1e-9
    flat = np.full_like(image, 120)
    assert np.abs(motion_blur(np.random.default_rng(seed), flat).astype(int) - 120).max() <= 1


def test_banding_changes_rows_and_leaves_each_row_even() -> None:
    flat = np.full((240, 320, 3), 120, dtype=np.uint8)
    shown = banded(np.random.default_rng(2), flat)
    assert (shown == shown[:, :1]).all()
    assert np.ptp(shown[:, 0, 1].astype(int)) > 4


def test_low_light_is_noisier_where_it_is_dark() -> None:
    image = np.full((240, 320, 3), 60, dtype=np.uint8)
    image[:, 160:] = 190
    spread = np.array(
        [
            [low_light(np.random.default_rng(seed), image)[20:-20, part].astype(float).std() for part in halves]
            for seed in range(6)
            for halves in [(slice(10, 140), slice(180, 310))]
        ]
    )
    assert spread[:, 0].mean() > 1.2 * spread[:, 1].mean()


@pytest.mark.parametrize("seed", range(10))
def test_everything_at_once_is_still_a_picture(seed: int) -> None:
    every = Jitter(blur=1, noise=1, jpeg=1, colour=1, low_light=0.5, banding=1, sharpen=1, resample=1)
    shown = photograph(np.random.default_rng(seed), edges(), every)
    assert shown.shape == (240, 320, 3)
    assert shown.dtype == np.uint8
