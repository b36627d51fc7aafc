"""The simulated camera: repeatable, one stage for every class, with the noise and colour a Bayer sensor has."""

import dataclasses
from itertools import pairwise

import cv2
import numpy as np
import pytest

from livegate_tools.simulate import camera_stage
from livegate_tools.simulate.camera_stage import expose, expose_nir
from livegate_tools.simulate.cameras import CameraModel, draw_camera
from livegate_tools.simulate.held_out import Split, draw_constant, split_of


def plain(**changes: object) -> CameraModel:
    """Return a camera without processing, so that the sensor itself can be measured."""
    camera = draw_camera(np.random.default_rng(0), "train")
    off = {
        "fringe": 0.0, "vignette": 0.0, "exposure_ev": 0.0, "white_strength": 0.0, "white_tint": (1.0, 1.0),
        "colour_repair": 1.0, "gamma": 1.0, "contrast": 0.0, "shoulder": 0.0, "black": 0.0, "saturation": 1.0,
        "denoise": 0.0, "sharpen": 0.0, "jpeg_quality": 100, "meter_target": 0.3, "edge_aware": False,
        "resolution": 1.0, "resaved_quality": 0,
    }  # fmt: skip
    return dataclasses.replace(camera, **(off | changes))


def flat(colour: tuple[float, float, float], size: tuple[int, int] = (120, 160)) -> np.ndarray:
    return np.broadcast_to(np.array(colour, np.float32), (*size, 3)).copy()


def test_equal_seeds_give_equal_pictures_and_leave_the_scene_alone() -> None:
    scene = np.random.default_rng(5).random((120, 160, 3), np.float32)
    before = scene.copy()
    one, two = (expose(scene, draw_camera(np.random.default_rng(1), "train"), np.random.default_rng(2)) for _ in "ab")
    assert one.dtype == np.uint8
    assert one.shape == scene.shape
    assert np.array_equal(one, two)
    assert np.array_equal(scene, before)


@pytest.mark.parametrize("bayer", ["rggb", "bggr", "grbg", "gbrg"])
@pytest.mark.parametrize("edge_aware", [False, True])
def test_every_bayer_order_keeps_colours_in_their_channel(bayer: str, edge_aware: bool) -> None:
    for channel, colour in enumerate([(0.6, 0.1, 0.1), (0.1, 0.6, 0.1), (0.1, 0.1, 0.6)]):
        camera = plain(bayer=bayer, edge_aware=edge_aware, electrons=9000.0)
        blue, green, red = expose(flat(colour), camera, np.random.default_rng(0))[20:-20, 20:-20].mean(axis=(0, 1))
        seen = np.array([red, green, blue])
        assert seen.argmax() == channel
        assert seen[channel] > 3 * np.sort(seen)[1]


def test_noise_grows_with_the_light_as_shot_noise_does() -> None:
    camera = plain(electrons=400.0, read_electrons=2.0, bayer="rggb", crosstalk=0.0)
    scene = flat((0.2, 0.2, 0.2))
    scene[:, 80:] = 0.8
    picture = expose(scene, camera, np.random.default_rng(3)).astype(float)
    dark, bright = picture[10:-10, 10:70, 1].var(), picture[10:-10, 90:150, 1].var()
    assert 2.5 < bright / dark < 6.5


def test_fine_stripes_alias_into_colour_only_through_the_bayer_step() -> None:
    stripes = flat((0.5, 0.5, 0.5))
    stripes[:, ::2] = 0.05
    picture = expose(stripes, plain(lens_sigma_px=0.2, electrons=9000.0), np.random.default_rng(0)).astype(float)
    assert np.abs(picture[..., 2] - picture[..., 0])[20:-20, 20:-20].mean() > 20


def test_saturated_light_comes_out_white() -> None:
    scene = flat((0.1, 0.1, 0.1))
    scene[40:80, 60:100] = (60.0, 50.0, 40.0)
    for seed in range(12):
        picture = expose(scene, draw_camera(np.random.default_rng(seed), "train"), np.random.default_rng(0))
        assert picture[55:65, 75:85].min() > 235


def test_near_infrared_is_grey_and_repeatable() -> None:
    scene = np.tile(np.linspace(0, 1, 160, dtype=np.float32), (120, 1))
    camera = draw_camera(np.random.default_rng(4), "dev")
    one, two = (expose_nir(scene, camera, np.random.default_rng(1)) for _ in "ab")
    assert one.shape == scene.shape
    assert np.array_equal(one, two)
    assert one[:, 140:].mean() > one[:, :20].mean()


def test_splits_share_no_camera_and_no_constant() -> None:
    seen = {s: [draw_camera(np.random.default_rng(n), s) for n in range(40)] for s in Split}
    for one, other in pairwise((*Split, Split.TRAIN)):
        assert not {c.camera_id for c in seen[one]} & {c.camera_id for c in seen[other]}
        assert not {c.gamma for c in seen[one]} & {c.gamma for c in seen[other]}


def test_constants_of_a_split_stay_in_its_strips_and_cover_the_range() -> None:
    rng = np.random.default_rng(0)
    strips = {s: {int(draw_constant(rng, 0.0, 20.0, s)) for _ in range(600)} for s in Split}
    assert len(strips[Split.TRAIN]) == 12
    assert len(strips[Split.DEV]) == len(strips[Split.TEST]) == 4
    assert set().union(*strips.values()) == set(range(20))


def test_names_keep_their_split() -> None:
    shares = [split_of(f"room-{n}") for n in range(2000)]
    assert shares == [split_of(f"room-{n}") for n in range(2000)]
    assert 0.65 < shares.count(Split.TRAIN) / 2000 < 0.75


def test_every_bayer_order_is_known_to_the_demosaic_step() -> None:
    assert set(camera_stage._BAYER_CODES) == set(camera_stage._BAYER_ORDER)
    assert cv2.COLOR_BayerBG2RGB == cv2.COLOR_BayerRGGB2RGB
