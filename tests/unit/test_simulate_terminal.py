"""The second colour camera, the moments of unsynchronised cameras, daylight, and what mixtures are drawn."""

from __future__ import annotations

import numpy as np
import pytest

from livegate_tools.simulate.held_out import Split
from livegate_tools.simulate.materials import Kind
from livegate_tools.simulate.mixture import ANY, SCREENS, Mixture
from livegate_tools.simulate.moments import Displacement, displaced, draw_timing
from livegate_tools.simulate.renderer import Radiance
from livegate_tools.simulate.stereo_view import draw_pair, seen_from_right

SHARES = {"print_flat": 0.5, "replay_phone": 0.3, "replay_tablet": 0.2}
STILL = np.array([[1.0, 0, 0], [0, 1.0, 0]])


def textured(shape: tuple[int, int] = (40, 160)) -> np.ndarray:
    x = np.arange(shape[1], dtype=np.float32)
    wave = 0.5 + 0.3 * np.sin(x / 3.1) + 0.1 * np.sin(x / 7.7)
    return np.repeat(np.tile(wave, (shape[0], 1))[..., None], 3, axis=2).astype(np.float32)


def test_a_plane_moves_left_by_its_disparity_to_a_fraction_of_a_pixel() -> None:
    light = textured()
    right = seen_from_right(light, np.full((40, 160), 1000.0, np.float32), 500.0, 11.0)
    x = np.arange(20, 140, dtype=np.float64)
    wanted = np.interp(x + 5.5, np.arange(160), light[20, :, 0])
    assert np.allclose(right[20, 20:140, 0], wanted, atol=1e-3)


def test_what_comes_to_light_beside_a_near_thing_is_like_what_is_behind_it() -> None:
    light, depth = np.full((40, 160, 3), 0.2, np.float32), np.full((40, 160), 2000.0, np.float32)
    light[:, 60:100], depth[:, 60:100] = 0.9, 500.0
    right = seen_from_right(light, depth, 500.0, 20.0)[20, :, 0]
    assert np.allclose(right[42:78], 0.9), "20 px to the left"
    assert np.allclose(right[82:], 0.2), "and nothing black or doubled where it was"
    assert np.allclose(right[:39], 0.2)


def test_pairs_keep_to_the_documented_ranges() -> None:
    pairs = [draw_pair(np.random.default_rng(k), Split.TEST) for k in range(200)]
    assert all(40 <= pair.baseline_mm <= 75 for pair in pairs)
    assert all(abs(pair.row_px) <= 0.7 for pair in pairs)
    assert max(pair.baseline_mm for pair in pairs) - min(pair.baseline_mm for pair in pairs) > 25


def scene() -> Radiance:
    kinds = np.zeros((480, 640), np.uint8)
    kinds[200:300, 300:380] = Kind.SKIN
    depth = np.where(kinds == Kind.SKIN, 500.0, 2000.0).astype(np.float32)
    nir = np.where(kinds == Kind.SKIN, 0.6, 0.1).astype(np.float32)
    return Radiance(np.zeros((480, 640, 3), np.float32), nir, depth, kinds, 0.5 * nir)


def test_a_face_that_moves_leaves_the_room_where_it_is() -> None:
    late = displaced(scene(), Displacement((4.0, -2.0), STILL))
    rows, columns = np.nonzero(late.kinds == Kind.SKIN)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (198, 297, 304, 383)
    assert set(np.unique(late.depth_mm)) == {500.0, 2000.0}, "no distance between the two"
    assert late.nir[299, 302] == pytest.approx(0.1), "the room comes to light behind it"


def test_a_registration_that_is_off_moves_everything() -> None:
    off = displaced(scene(), Displacement((0.0, 0.0), np.array([[1.0, 0, 1.0], [0, 1.0, 0]])))
    columns = np.nonzero(off.kinds == Kind.SKIN)[1]
    assert (columns.min(), columns.max()) == (301, 380)
    assert set(np.unique(off.depth_mm)) == {500.0, 2000.0}


def test_pictures_of_a_moment_lie_a_few_pixels_apart_and_no_more() -> None:
    for seed in range(100):
        when = draw_timing(np.random.default_rng(seed), Split.DEV, px_per_mm=1.2)
        for one in (when.nir, when.depth):
            assert np.hypot(*one.moved_px) < 15e-3 * 400 * 1.2
            middle = one.matrix @ (320, 240, 1) - (320, 240)
            assert np.hypot(*middle) <= 1.5 + 1e-6


def test_a_mixture_has_exactly_the_shares_asked_for() -> None:
    mixture = Mixture(0.2, ("print_flat", "cutout_mask", SCREENS))
    rng = np.random.default_rng(0)
    kinds = [None if mixture.is_alive(i) else mixture.species_of(rng, i, SHARES) for i in range(75)]
    assert kinds.count(None) == 15
    assert kinds.count("print_flat") == kinds.count("cutout_mask") == 20
    assert kinds.count("replay_phone") + kinds.count("replay_tablet") == 20
    assert kinds.count("replay_phone") > 0


def test_without_wishes_the_simulator_decides() -> None:
    assert ANY.is_alive(3) is None
    assert ANY.stamp == {}
    drawn = {ANY.species_of(np.random.default_rng(k), 1, SHARES) for k in range(50)}
    assert drawn == set(SHARES)
    assert [Mixture(None, ("a", "b")).species_of(np.random.default_rng(0), i, SHARES) for i in (1, 3, 5)] == list("aba")


def test_no_outline_of_a_near_thing_stays_where_it_was() -> None:
    light, depth = np.full((40, 160, 3), 0.2, np.float32), np.full((40, 160), 2000.0, np.float32)
    light[:, 60:100], depth[:, 60:100] = 0.9, 500.0
    light[:, 58:60] = light[:, 100:102] = 0.5
    right = seen_from_right(light, depth, 500.0, 20.0)[20, :, 0]
    assert np.allclose(right[80:], 0.2)
    assert np.allclose(right[:38], 0.2)
