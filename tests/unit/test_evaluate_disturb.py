"""What is put into pictures to disturb them: as much as asked for, nothing else, and nothing at strength 0."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
import pytest

from livegate.types import Box, Frame, FrameSet, Role, SensorState
from livegate_tools.evaluate.disturb.catalogue import DISTURBANCES
from livegate_tools.evaluate.disturb.scene import Scene

FACE = Box(100, 60, 70, 90)


def scene(seed: int = 0, towards: tuple[float, float] = (0.6, 0.8)) -> Scene:
    return Scene(FACE, towards, np.random.default_rng(seed))


def frame_set() -> FrameSet:
    rng = np.random.default_rng(1)
    colour = rng.integers(60, 200, (240, 320, 3), np.uint8)
    lit = np.full((240, 320), 60, np.uint8)
    lit[60:150, 100:170] = 150
    depth = np.full((240, 320), 1500, np.uint16)
    depth[60:150, 100:170] = 600
    images = {Role.RGB: colour, Role.RGB_RIGHT: colour.copy(), Role.NIR: lit, Role.DEPTH: depth}
    unlit = {Role.NIR: lit // 4}
    frames = {role: Frame(role, image, 5, unlit=unlit.get(role)) for role, image in images.items()}
    return FrameSet(MappingProxyType(frames), MappingProxyType(dict.fromkeys(frames, SensorState.OK)), 5)


def place(picture: np.ndarray, where: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(where)
    return np.array([columns.mean(), rows.mean()])


@pytest.mark.parametrize("name", DISTURBANCES)
def test_nothing_changes_at_strength_0_and_the_pictures_given_never_do(name: str) -> None:
    before = {role: frame.image.copy() for role, frame in frame_set().frames.items()}
    given = frame_set()
    none = DISTURBANCES[name].apply(given, 0.0, scene())
    strongest = DISTURBANCES[name].apply(given, DISTURBANCES[name].strengths[-1], scene())
    for role, image in before.items():
        assert np.array_equal(none.frames[role].image, image), role
        assert np.array_equal(given.frames[role].image, image), role
    changed = {role for role, image in before.items() if not np.array_equal(strongest.frames[role].image, image)}
    assert changed
    assert changed <= DISTURBANCES[name].roles | ({Role.NIR, Role.RGB_RIGHT} if name == "noise" else set())
    assert strongest.states == given.states


@pytest.mark.parametrize("name", DISTURBANCES)
def test_equal_chance_gives_equal_pictures_and_absent_sensors_are_no_trouble(name: str) -> None:
    strength = DISTURBANCES[name].strengths[0]
    one, other = (DISTURBANCES[name].apply(frame_set(), strength, scene(3)) for _ in range(2))
    assert all(np.array_equal(one.frames[role].image, other.frames[role].image) for role in one.frames)
    whole = frame_set()
    alone = FrameSet(MappingProxyType({Role.RGB: whole.frames[Role.RGB]}), MappingProxyType({}), 5)
    assert DISTURBANCES[name].apply(alone, strength, scene()).frames.keys() == {Role.RGB}


def test_registration_is_off_by_the_pixels_asked_for_in_opposite_directions() -> None:
    given = frame_set()
    off = DISTURBANCES["misregistration"].apply(given, 5.0, scene())
    for role, sign in ((Role.NIR, 1), (Role.DEPTH, -1)):
        before, after = given.frames[role].image, off.frames[role].image
        level = (before.max() / 2 + before.min() / 2) if role is Role.NIR else 1000
        moved = place(after, (after > level) == (role is Role.NIR)) - place(
            before, (before > level) == (role is Role.NIR)
        )
        assert moved == pytest.approx(np.array([3.0, 4.0]) * sign, abs=0.6)
    assert set(np.unique(off.frames[Role.DEPTH].image)) == {600, 1500}, "no distance between two"


def test_a_late_camera_sees_the_face_where_it_has_moved_to_and_says_when() -> None:
    late = DISTURBANCES["skew"].apply(frame_set(), 40.0, scene(towards=(1.0, 0.0)))
    columns = np.nonzero(late.frames[Role.DEPTH].image == 600)[1]
    # 150 mm/s, 0.5 px/mm, 40 ms.
    assert columns.min() == 103
    assert late.frames[Role.NIR].captured_ns == 5 + 40_000_000
    assert late.frames[Role.RGB].captured_ns == 5


def test_rows_of_the_pair_are_off_and_columns_are_not() -> None:
    given = frame_set()
    off = DISTURBANCES["rectification"].apply(given, 2.0, scene())
    assert np.array_equal(off.frames[Role.RGB_RIGHT].image[2:], given.frames[Role.RGB_RIGHT].image[:-2])


def test_noise_has_the_deviation_asked_for() -> None:
    given = frame_set()
    noisy = DISTURBANCES["noise"].apply(given, 6.0, scene())
    for role in (Role.RGB, Role.NIR):
        added = noisy.frames[role].image.astype(float) - given.frames[role].image
        assert added.std() == pytest.approx(6.0, rel=0.1)
    depth = DISTURBANCES["depth_noise"].apply(given, 1.0, scene()).frames[Role.DEPTH].image
    assert depth[100:140, 110:160].std() == pytest.approx(6.0, rel=0.4)


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_as_much_of_depth_is_lost_as_asked_for(share: float) -> None:
    depth = DISTURBANCES["holes"].apply(frame_set(), share, scene()).frames[Role.DEPTH].image
    assert (depth == 0).mean() == pytest.approx(share, abs=0.01)


def test_the_sun_lights_what_the_lamp_does_not_reach_and_the_dark_picture() -> None:
    given = frame_set()
    sunny = DISTURBANCES["sunlight"].apply(given, 2.0, scene(towards=(0.0, 1.0))).frames[Role.NIR]
    before = given.frames[Role.NIR]
    assert sunny.unlit is not None
    assert before.unlit is not None
    assert sunny.unlit[100, 130] > before.unlit[100, 130]
    behind, face = (slice(180, 220), slice(20, 60)), (slice(70, 140), slice(110, 160))

    def contrast(image: np.ndarray) -> float:
        return float(image[face].mean() / image[behind].mean())

    assert contrast(sunny.image) < 0.8 * contrast(before.image), "the room is brighter against the face"
    assert (sunny.image == 255).mean() < 0.06, "and the exposure follows"
