"""What a rig tells of cameras in trouble, and how they come back. Waits end as soon as what they wait for is there."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace

import pytest

from livegate.capture.health import CameraHealth, CameraState, Retry
from livegate.capture.rig import Rig, Timing
from livegate.errors import DeviceTimeout
from livegate.types import Box, FrameSet, Role, SensorFault, SensorState
from livegate_drivers.cameras.fake import FakeCamera, Options, Trouble
from support.lamp_cameras import AdjustableCamera, StubbornCamera

SOON_S = 20.0
SMALL = Options(width=64, height=48, fps=50, device="serial-1")
QUICK = Retry(0.01, 0.05, max_silence_s=0.3, begin_s=0.5, reset_after=3, reset_every_s=0.05)
TIMING = Timing(partner_wait_ms=200, retry=QUICK)


@pytest.fixture
def rgb() -> FakeCamera:
    return FakeCamera(SMALL, Role.RGB)


@pytest.fixture
def nir() -> FakeCamera:
    return FakeCamera(SMALL, Role.NIR)


@pytest.fixture
def rig(rgb: FakeCamera, nir: FakeCamera) -> Iterator[Rig]:
    with Rig({"front": rgb, "infrared": nir}, TIMING) as rig:
        yield rig


def until(rig: Rig, holds: Callable[[FrameSet], bool]) -> FrameSet:
    give_up_s = time.monotonic() + SOON_S
    while time.monotonic() < give_up_s:
        together = rig.next(SOON_S)
        if holds(together):
            return together
    raise AssertionError("never came")


def awaited(rig: Rig, role: Role, holds: Callable[[CameraHealth], bool]) -> CameraHealth:
    give_up_s = time.monotonic() + SOON_S
    while time.monotonic() < give_up_s:
        health = next(health for health in rig.health() if health.role is role)
        if holds(health):
            return health
        time.sleep(0.005)
    raise AssertionError(f"{role} never did: {health}")


def is_fine(together: FrameSet) -> bool:
    return together.states[Role.NIR] is SensorState.OK and not together.faults


@pytest.mark.parametrize("role", [Role.RGB, Role.NIR])
def test_a_picture_that_changes_its_size_is_named(rig: Rig, rgb: FakeCamera, nir: FakeCamera, role: Role) -> None:
    camera, other = (rgb, Role.NIR) if role is Role.RGB else (nir, Role.RGB)
    until(rig, is_fine)
    camera.begin(Trouble.WRONG_SIZE)
    changed = until(rig, lambda together: role in together.faults)
    assert changed.faults[role] == {SensorFault.WRONG_FORMAT}
    assert changed.states[role] is SensorState.MISALIGNED
    assert role not in changed.frames
    assert changed.states[other] is SensorState.OK
    camera.end()
    until(rig, lambda together: is_fine(together) and role in together.frames)


@pytest.mark.parametrize(
    ("trouble", "fault", "state"),
    [
        (Trouble.COVERED, SensorFault.COVERED, SensorState.BLINDED),
        (Trouble.WRONG_DTYPE, SensorFault.WRONG_FORMAT, SensorState.MISALIGNED),
        (Trouble.FROZEN, SensorFault.FROZEN, SensorState.STALE),
        (Trouble.BACKWARDS, SensorFault.MISDATED, SensorState.STALE),
        (Trouble.FUTURE, SensorFault.MISDATED, SensorState.STALE),
        (Trouble.RUSHED, SensorFault.MISDATED, None),
        (Trouble.REPEATED, SensorFault.REPEATED, None),
    ],
)
def test_trouble_is_a_fault_beside_its_state_and_ends(
    rig: Rig, nir: FakeCamera, trouble: Trouble, fault: SensorFault, state: SensorState | None
) -> None:
    # As many frames as it takes to know the camera's pace.
    awaited(rig, Role.NIR, lambda health: health.frames > 20)
    until(rig, is_fine)
    nir.begin(trouble)
    together = until(rig, lambda t: fault in t.faults.get(Role.NIR, ()) and state in (None, t.states[Role.NIR]))
    assert Role.RGB not in together.faults
    assert rig.faults() == together.faults
    nir.end()
    until(rig, is_fine)


def test_a_fault_of_one_frame_is_told_for_more_than_a_second_while_the_role_is_fine(rig: Rig, nir: FakeCamera) -> None:
    until(rig, is_fine)
    nir.begin(Trouble.FUTURE)
    awaited(rig, Role.NIR, lambda health: health.misdated > 0)
    nir.end()
    back = until(rig, lambda t: t.states[Role.NIR] is SensorState.OK)
    last = until(rig, lambda t: not t.faults)
    assert last.captured_ns - back.captured_ns > 1e9


@pytest.mark.parametrize("role", [Role.RGB, Role.NIR])
def test_pictures_that_cannot_be_read_for_long_have_the_wrong_format(
    rig: Rig, rgb: FakeCamera, nir: FakeCamera, role: Role
) -> None:
    until(rig, is_fine)
    camera = rgb if role is Role.RGB else nir
    camera.begin(Trouble.DAMAGED)
    awaited(rig, role, lambda health: health.damaged > 1)
    assert role not in rig.faults()
    awaited(rig, role, lambda _: rig.faults().get(role) == {SensorFault.WRONG_FORMAT})
    camera.end()
    until(rig, is_fine)


def test_faults_of_rgb_are_told_while_there_are_no_frame_sets(rig: Rig, rgb: FakeCamera) -> None:
    until(rig, is_fine)
    rgb.begin(Trouble.BACKWARDS)
    awaited(rig, Role.RGB, lambda health: health.misdated > 2)
    # One frame from before may still lie there.
    with suppress(DeviceTimeout):
        rig.next(0.1)
    with pytest.raises(DeviceTimeout, match="dated before its predecessor"):
        rig.next(0.1)
    assert rig.faults()[Role.RGB] == {SensorFault.MISDATED}


def test_what_comes_back_may_be_another_device_and_its_frames_say_so(rig: Rig, nir: FakeCamera) -> None:
    assert until(rig, is_fine).frames[Role.NIR].device == "serial-1"
    nir.begin(Trouble.UNPLUGGED)
    until(rig, lambda t: t.states[Role.NIR] is SensorState.MISSING)
    nir.replace("serial-2")
    nir.end()
    assert until(rig, is_fine).frames[Role.NIR].device == "serial-2"


def test_a_lost_camera_is_back_within_the_longest_wait_however_long_it_was_away() -> None:
    """With the waits as they are by default: the longest, and what opening takes, are less than 20 s by far."""
    retry = Retry()
    assert retry.most_s <= 5
    assert retry.max_silence_s + retry.begin_s < 20 - retry.most_s / 2


def test_a_camera_that_hangs_is_opened_again_and_then_reset_which_is_tried_once_a_while(rgb: FakeCamera) -> None:
    stubborn = StubbornCamera(SMALL, Role.NIR)
    with Rig({"front": rgb, "infrared": stubborn}, TIMING) as rig:
        until(rig, is_fine)
        stubborn.hang()
        until(rig, lambda t: t.states[Role.NIR] is not SensorState.OK)
        assert stubborn.resets == 0
        until(rig, lambda t: t.states[Role.NIR] is SensorState.OK)
        health = awaited(rig, Role.NIR, lambda health: health.state is CameraState.STREAMING)
    assert stubborn.resets == 2
    assert health.resets == 1
    assert health.lost >= 2


def test_a_camera_is_not_reset_again_and_again(rgb: FakeCamera) -> None:
    stubborn = StubbornCamera(SMALL, Role.NIR)
    stubborn.begin(Trouble.UNPLUGGED)
    timing = replace(TIMING, retry=replace(QUICK, reset_every_s=3600))
    with Rig({"front": rgb, "infrared": stubborn}, timing) as rig:
        awaited(rig, Role.NIR, lambda health: health.lost > 8)
    assert stubborn.resets == 1


def test_a_face_too_dark_is_brought_to_light_through_the_whole_rig() -> None:
    camera = AdjustableCamera(SMALL)
    with Rig({"front": camera}, TIMING) as rig:
        together = rig.next(SOON_S)
        assert together.frames[Role.RGB].image.mean() < 60
        give_up_s = time.monotonic() + SOON_S
        while together.frames[Role.RGB].image.mean() < 90 and time.monotonic() < give_up_s:
            rig.meter(together, Box(10, 10, 40, 30))
            together = rig.next(SOON_S)
    assert 90 <= together.frames[Role.RGB].image.mean() <= 150
    assert 1 <= len(camera.set) <= 5
