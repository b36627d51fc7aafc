"""The rig with cameras that misbehave. Waits have generous bounds and end as soon as what they wait for is there."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from livegate.capture.health import CameraHealth, CameraState, Retry
from livegate.capture.rig import Rig, Timing, open_rig
from livegate.config import CameraConfig, DriverChoice
from livegate.errors import ConfigError, DeviceTimeout
from livegate.types import Frame, FrameSet, Role, SensorState
from livegate_drivers.cameras.fake import FakeCamera, Options, Trouble

SOON_S = 20.0
SMALL = Options(width=64, height=48, fps=50)
TIMING = Timing(partner_wait_ms=200, retry=Retry(0.01, 0.05))


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


class BrokenCamera(FakeCamera):
    """Raises what no camera may."""

    def read(self, timeout_s: float) -> Frame:
        raise ZeroDivisionError


def until(rig: Rig, role: Role, state: SensorState) -> FrameSet:
    give_up_s = time.monotonic() + SOON_S
    while time.monotonic() < give_up_s:
        together = rig.next(SOON_S)
        if together.states[role] is state:
            return together
    raise AssertionError(f"{role} never became {state}")


def health_until(rig: Rig, role: Role, holds: Callable[[CameraHealth], bool]) -> CameraHealth:
    give_up_s = time.monotonic() + SOON_S
    while time.monotonic() < give_up_s:
        health = next(health for health in rig.health() if health.role is role)
        if holds(health):
            return health
        time.sleep(0.005)
    raise AssertionError(f"{role} never did: {health}")


def test_frames_come_in_order_each_once_and_with_every_role(rig: Rig) -> None:
    sets = [rig.next(SOON_S) for _ in range(5)]
    times_ns = [together.captured_ns for together in sets]
    assert times_ns == sorted(set(times_ns))
    assert all(set(together.states) == {Role.RGB, Role.NIR} for together in sets)
    until(rig, Role.NIR, SensorState.OK)


def test_an_unplugged_camera_is_missing_and_comes_back(rig: Rig, nir: FakeCamera) -> None:
    until(rig, Role.NIR, SensorState.OK)
    nir.begin(Trouble.UNPLUGGED)
    together = until(rig, Role.NIR, SensorState.MISSING)
    assert together.image(Role.NIR) is None
    health = health_until(rig, Role.NIR, lambda health: health.state is CameraState.LOST and health.lost > 2)
    assert "unplugged" in (health.last_error or "")
    nir.end()
    until(rig, Role.NIR, SensorState.OK)
    health_until(rig, Role.NIR, lambda health: health.state is CameraState.STREAMING)


@pytest.mark.parametrize(
    ("trouble", "state"),
    [
        (Trouble.STALLED, SensorState.STALE),
        (Trouble.DAMAGED, SensorState.STALE),
        (Trouble.BACKWARDS, SensorState.STALE),
        (Trouble.WRONG_DTYPE, SensorState.MISALIGNED),
        (Trouble.COVERED, SensorState.BLINDED),
        (Trouble.FROZEN, SensorState.STALE),
    ],
)
def test_trouble_shows_as_a_state_and_passes(rig: Rig, nir: FakeCamera, trouble: Trouble, state: SensorState) -> None:
    until(rig, Role.NIR, SensorState.OK)
    nir.begin(trouble)
    assert until(rig, Role.NIR, state).image(Role.NIR) is None
    nir.end()
    until(rig, Role.NIR, SensorState.OK)


def test_trouble_is_counted(rig: Rig, nir: FakeCamera) -> None:
    nir.begin(Trouble.DAMAGED)
    health_until(rig, Role.NIR, lambda health: health.damaged > 1)
    until(rig, Role.RGB, SensorState.OK)
    nir.end()
    health_until(rig, Role.NIR, lambda health: health.frames > 0)
    nir.begin(Trouble.BACKWARDS)
    health_until(rig, Role.NIR, lambda health: health.misdated > 1)
    nir.begin(Trouble.STALLED)
    health_until(rig, Role.NIR, lambda health: health.timeouts > 1 and health.state is CameraState.SILENT)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_driver_that_breaks_its_contract_leaves_its_role_missing(rgb: FakeCamera) -> None:
    with Rig({"front": rgb, "infrared": BrokenCamera(SMALL, Role.NIR)}, TIMING) as rig:
        until(rig, Role.NIR, SensorState.MISSING)
        health_until(rig, Role.NIR, lambda health: health.state is CameraState.STOPPED)


def test_without_rgb_there_is_no_frame_set_but_the_reason(rig: Rig, rgb: FakeCamera) -> None:
    rgb.begin(Trouble.UNPLUGGED)
    health_until(rig, Role.RGB, lambda health: health.state is CameraState.LOST)
    with pytest.raises(DeviceTimeout, match=r"camera 'front' \(rgb, lost\).*unplugged"):
        rig.next(0.1)
    rgb.end()
    until(rig, Role.RGB, SensorState.OK)


def test_frames_nobody_took_are_dropped_and_counted(rig: Rig) -> None:
    health_until(rig, Role.RGB, lambda health: health.drops > 3)
    newest_ns = health_until(rig, Role.RGB, lambda health: True).last_ns
    assert newest_ns is not None
    assert rig.next(SOON_S).captured_ns >= newest_ns


def test_it_ends_its_threads_and_may_run_again(rgb: FakeCamera, nir: FakeCamera) -> None:
    rig = Rig({"front": rgb, "infrared": nir}, TIMING)
    for _ in range(2):
        with rig:
            until(rig, Role.NIR, SensorState.OK)
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("camera-")]
        assert {health.state for health in rig.health()} == {CameraState.STOPPED}


def test_scripted_trouble_needs_no_one_to_tell_it(rgb: FakeCamera) -> None:
    events = [{"trouble": "stalled", "at": 5, "frames": 40}, {"trouble": "unplugged", "at": 45, "frames": 40}]
    options = {"width": 64, "height": 48, "fps": 50, "event": events}
    cameras = [
        CameraConfig("front", Role.RGB, DriverChoice("fake", {"width": 64, "height": 48, "fps": 50}, "here", Path())),
        CameraConfig("infrared", Role.NIR, DriverChoice("fake", options, "here", Path())),
    ]
    with open_rig(cameras, TIMING) as rig:
        for state in (SensorState.STALE, SensorState.MISSING, SensorState.OK):
            until(rig, Role.NIR, state)


def test_a_rig_needs_rgb_and_one_camera_a_role(rgb: FakeCamera, nir: FakeCamera) -> None:
    with pytest.raises(ConfigError):
        Rig({"infrared": nir})
    with pytest.raises(ConfigError):
        Rig({"front": rgb, "back": FakeCamera(SMALL, Role.RGB)})
