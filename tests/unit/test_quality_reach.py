"""A face too far away for the depth camera is asked to come closer; a screen is not taken for one."""

from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegate.quality.reach import beyond_reach
from livegate.types import Box, Face, Frame, FrameSet, Intrinsics, Role, SensorState

NEAR, FAR = Box(250, 150, 140, 180), Box(300, 200, 60, 78)


def seen(depth: np.ndarray | None) -> FrameSet:
    frames = {Role.RGB: Frame(Role.RGB, np.zeros((480, 640, 3), np.uint8), 0)}
    if depth is not None:
        frames[Role.DEPTH] = Frame(Role.DEPTH, depth, 0, intrinsics=Intrinsics(600, 600, 320, 240, 640, 480))
    return FrameSet(MappingProxyType(frames), MappingProxyType(dict.fromkeys(frames, SensorState.OK)), 0)


def face(box: Box) -> Face:
    return Face(box, 0.5, 0.5)


def test_who_looks_far_away_and_returns_nothing_is_beyond_reach() -> None:
    assert beyond_reach(seen(np.zeros((480, 640), np.uint16)), face(FAR))


def test_a_wall_behind_does_not_matter() -> None:
    depth = np.full((480, 640), 3800, np.uint16)
    depth[200:280, 300:360] = 0
    assert beyond_reach(seen(depth), face(FAR))


def test_a_near_face_that_returns_nothing_is_not_excused() -> None:
    assert not beyond_reach(seen(np.zeros((480, 640), np.uint16)), face(NEAR))


def test_a_small_screen_in_a_hand_is_not_excused() -> None:
    depth = np.zeros((480, 640), np.uint16)
    depth[280:340, 280:380] = 420
    assert not beyond_reach(seen(depth), face(FAR))


def test_a_far_face_that_returns_is_judged() -> None:
    depth = np.zeros((480, 640), np.uint16)
    depth[200:278, 300:360] = 1400
    assert not beyond_reach(seen(depth), face(FAR))


def test_without_a_depth_camera_nobody_is_beyond_its_reach() -> None:
    assert not beyond_reach(seen(None), face(FAR))


@pytest.mark.parametrize("size", [(1, 1), (480, 640)])
@given(x=st.floats(-2000, 2000), y=st.floats(-2000, 2000), w=st.floats(0, 3000), h=st.floats(0, 3000))
def test_any_box_will_do(size: tuple[int, int], x: float, y: float, w: float, h: float) -> None:

    assert beyond_reach(seen(np.zeros(size, np.uint16)), face(Box(x, y, w, h))) in (True, False)
