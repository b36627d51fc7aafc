from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from livegate.capture.synchronise import MAX_AGE_MS, TOLERANCE_MS, blinded, synchronise
from livegate.types import Frame, FrameSet, Role, SensorState

NOW_NS = 10**12
TOLERANCE_NS = round(TOLERANCE_MS * 1e6)
SCENE = np.random.default_rng(0).integers(20, 230, (48, 64, 3), np.uint8)
PICTURES: dict[Role, NDArray[Any]] = {
    Role.RGB: SCENE,
    Role.RGB_RIGHT: SCENE[:, ::-1],
    Role.NIR: SCENE[..., 0],
    Role.DEPTH: SCENE[..., 1].astype(np.uint16) * 4,
}


def frame(role: Role, captured_ns: int = NOW_NS, image: NDArray[Any] | None = None) -> Frame:
    return Frame(role, PICTURES[role] if image is None else image, captured_ns)


def paired(nir: Sequence[Frame], rgb: Frame | None = None, now_ns: int = NOW_NS) -> FrameSet:
    return synchronise(rgb or frame(Role.RGB), {Role.NIR: nir}, now_ns)


def test_frames_of_one_moment_are_ok() -> None:
    others = {role: [frame(role)] for role in (Role.NIR, Role.DEPTH, Role.RGB_RIGHT)}
    together = synchronise(frame(Role.RGB), others, NOW_NS)
    assert set(together.states) == set(Role)
    assert set(together.states.values()) == {SensorState.OK}
    assert together.captured_ns == NOW_NS
    assert together.image(Role.NIR) is PICTURES[Role.NIR]


@given(st.lists(st.integers(NOW_NS - 10**9, NOW_NS), max_size=3, unique=True).map(sorted))
def test_the_partner_is_the_nearest_and_never_far(times_ns: list[int]) -> None:
    together = paired([frame(Role.NIR, captured_ns) for captured_ns in times_ns])
    distances = [abs(captured_ns - NOW_NS) for captured_ns in times_ns]
    if not distances:
        assert together.states[Role.NIR] is SensorState.MISSING
    elif min(distances) > TOLERANCE_NS:
        assert together.states[Role.NIR] is SensorState.STALE
    else:
        assert together.states[Role.NIR] is SensorState.OK
        assert abs(together.frames[Role.NIR].captured_ns - NOW_NS) == min(distances)
    assert (Role.NIR in together.frames) == (together.states[Role.NIR] is SensorState.OK)


def test_old_frames_are_stale_rgb_itself_included() -> None:
    later_ns = NOW_NS + round(MAX_AGE_MS * 1e6) + 1
    together = paired([frame(Role.NIR)], now_ns=later_ns)
    assert set(together.states.values()) == {SensorState.STALE}
    assert not together.frames


@pytest.mark.parametrize(
    "image",
    [
        SCENE[..., 0].astype(np.float32),
        SCENE,
        np.zeros((0, 0), np.uint8),
        np.zeros(5, np.uint8),
    ],
)
def test_a_picture_of_another_kind_is_misaligned(image: NDArray[Any]) -> None:
    together = paired([frame(Role.NIR, image=image)])
    assert together.states == {Role.RGB: SensorState.OK, Role.NIR: SensorState.MISALIGNED}
    assert Role.NIR not in together.frames


def test_depth_of_eight_bits_is_misaligned() -> None:
    depth = frame(Role.DEPTH, image=SCENE[..., 0])
    assert synchronise(frame(Role.RGB), {Role.DEPTH: [depth]}, NOW_NS).states[Role.DEPTH] is SensorState.MISALIGNED


def test_a_bad_rgb_picture_is_not_handed_on() -> None:
    together = paired([frame(Role.NIR)], rgb=frame(Role.RGB, image=SCENE.astype(np.float32)))
    assert together.states == {Role.RGB: SensorState.MISALIGNED, Role.NIR: SensorState.OK}
    assert together.image(Role.RGB) is None


def test_a_covered_camera_is_blinded() -> None:
    together = paired([frame(Role.NIR, image=np.zeros((48, 64), np.uint8))])
    assert together.states[Role.NIR] is SensorState.BLINDED


def noisy(level: float, spread: float, dtype: Any = np.uint8) -> NDArray[Any]:
    picture = np.random.default_rng(2).normal(level, spread, (480, 640))
    return np.clip(np.rint(picture), 0, np.iinfo(dtype).max).astype(dtype)


def spotted() -> NDArray[Any]:
    picture = noisy(2, 1)
    picture[:20, :60] = 255
    return picture


@pytest.mark.parametrize("picture", [noisy(2, 1.5), noisy(255, 1), noisy(120, 0), noisy(120, 0.3), spotted()])
def test_dark_saturated_and_flat_pictures_show_nothing(picture: NDArray[Any]) -> None:
    assert blinded(picture)


@pytest.mark.parametrize("picture", [noisy(60, 10), SCENE, SCENE[:1, :1] // 2 + SCENE[:3, :3]])
def test_a_scene_is_not_blinded(picture: NDArray[Any]) -> None:
    assert not blinded(picture)


def test_depth_without_returns_or_of_one_value_is_blinded() -> None:
    assert blinded(np.zeros((480, 640), np.uint16))
    assert blinded(np.full((480, 640), 65535, np.uint16))
    assert not blinded(noisy(700, 5, np.uint16))
