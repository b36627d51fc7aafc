"""Devices that lie, stall, vanish or have other modes: named, bounded in time, and never a picture that is not one."""

import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from livegate.capture.grabber import Grabber
from livegate.capture.health import CameraState, Retry
from livegate.errors import DeviceLost, DeviceTimeout, DriverError, PictureError
from livegate.types import Role
from livegate_drivers.cameras.v4l2 import V4l2Camera
from livegate_drivers.v4l2 import uapi
from livegate_drivers.v4l2.stream import PAUSE_S, Dated

CameraOf = Callable[..., V4l2Camera]


@pytest.fixture(autouse=True)
def _nothing_is_left_open() -> Iterator[None]:
    before = sorted(Path("/proc/self/fd").iterdir())
    yield
    assert sorted(Path("/proc/self/fd").iterdir()) == before


def enter(camera: V4l2Camera) -> None:
    with camera:
        pass


def read_for(camera: V4l2Camera, duration_s: float) -> None:
    give_up_s = time.monotonic() + duration_s
    while time.monotonic() < give_up_s:
        with suppress(DeviceTimeout):
            camera.read(1)


def read_until_good(camera: V4l2Camera) -> None:
    give_up_s = time.monotonic() + 5
    while time.monotonic() < give_up_s:
        with suppress(PictureError):
            camera.read(1)
            return
    raise AssertionError("no good frame came after the damaged one")


def test_a_busy_device_is_named(device: Path, camera_of: CameraOf) -> None:
    device.write_text("busy")
    with pytest.raises(DriverError, match="video9: is busy: another program may hold it"):
        enter(camera_of("MJPG", Role.RGB))


def test_a_held_device_is_busy_and_free_again(camera_of: CameraOf) -> None:
    with camera_of("YUYV", Role.RGB), pytest.raises(DriverError, match="busy"):
        enter(camera_of("YUYV", Role.RGB))
    with camera_of("YUYV", Role.RGB) as camera:
        assert camera.read(5).image.shape == (240, 320, 3)


def test_it_lets_go_of_a_device_that_it_refuses(camera_of: CameraOf) -> None:
    for _ in range(2):
        with pytest.raises(DriverError, match="instead of"):
            enter(camera_of("GREY", Role.NIR, fps=120))
    with camera_of("GREY", Role.NIR) as camera:
        camera.read(5)


@pytest.mark.parametrize("options", [{"width": 8000}, {"height": 250}, {"fps": 120}, {"fps": 22}])
def test_another_mode_than_asked_is_refused_with_those_it_has(camera_of: CameraOf, options: dict[str, Any]) -> None:
    with pytest.raises(
        DriverError, match=r"video9: gives .* instead of .*; it has GREY .*640x480 .30, 15 fps.; .*choose"
    ):
        enter(camera_of("GREY", Role.NIR, **options))


def test_a_mode_refused_outright_is_told_with_those_it_has(device: Path, camera_of: CameraOf) -> None:
    device.write_text(f"10 refuse=5:{errno.EINVAL}")
    with pytest.raises(DriverError, match="cannot give 320x240 Z16 at 30 fps; it has Z16 320x240"):
        enter(camera_of("Z16", Role.DEPTH))


def test_lists_that_never_end_are_ended(device: Path, camera_of: CameraOf) -> None:
    device.write_text("10 endless")
    with pytest.raises(DriverError, match=r"it has MJPG 320x240 .* and \d+ more"):
        enter(camera_of("MJPG", Role.RGB, fps=120))
    enter(camera_of("MJPG", Role.RGB))


def test_a_device_without_a_pace_of_its_own_is_taken(device: Path, camera_of: CameraOf) -> None:
    device.write_text(f"10 refuse=22:{errno.ENOTTY}")
    with camera_of("GREY", Role.NIR, fps=77) as camera:
        camera.read(5)


@pytest.mark.parametrize(
    ("number", "error", "remedy"),
    [
        (18, errno.ENOSPC, "starting its stream failed .*USB bus has no room left: choose MJPG"),
        (18, errno.EPIPE, "sensor behind this node is not linked"),
        (8, errno.EBUSY, "is busy: another program may hold it"),
        (8, errno.ENOMEM, "asking for its buffers failed .*no memory"),
        (9, errno.EIO, "asking for buffer 0 failed .*plug the camera in again"),
        (5, errno.EIO, "setting its format failed"),
        (0, errno.ENOTTY, "cannot be opened as a V4L2 camera"),
        (15, errno.ENODEV, "was unplugged"),
    ],
)
def test_a_failing_call_is_named_with_a_remedy(
    device: Path, camera_of: CameraOf, number: int, error: int, remedy: str
) -> None:
    device.write_text(f"10 refuse={number}:{error}")
    with pytest.raises(DriverError, match=f"video9: .*{remedy}"):
        enter(camera_of("GREY", Role.NIR))


@pytest.mark.parametrize(
    ("capabilities", "problem"),
    [
        (uapi.CAP_META_CAPTURE | uapi.CAP_STREAMING, "gives metadata, no pictures; take the camera's other node"),
        (uapi.CAP_VIDEO_CAPTURE_MPLANE | uapi.CAP_STREAMING, "multi-planar node.*gstreamer"),
        (uapi.CAP_STREAMING, "does not capture pictures"),
        (uapi.CAP_VIDEO_CAPTURE, "does not capture pictures"),
    ],
)
def test_a_node_that_gives_no_pictures_is_named(
    device: Path, camera_of: CameraOf, capabilities: int, problem: str
) -> None:
    device.write_text(f"10 caps={capabilities}")
    with pytest.raises(DriverError, match=f"'Shim Camera' .*{problem}"):
        enter(camera_of("GREY", Role.NIR))


@pytest.mark.parametrize("oddity", ["line=100", "line=0xFFFFFFF", "room=0", "room=1000", "room=0xFFFFFFFF"])
def test_a_layout_that_is_a_lie_is_refused(device: Path, camera_of: CameraOf, oddity: str) -> None:
    device.write_text(f"10 {oddity}")
    with pytest.raises(DriverError, match=r"video9: .*(faulty|mapping buffer)"):
        enter(camera_of("GREY", Role.NIR))


@pytest.mark.parametrize("fourcc", ["GREY", "MJPG"])
@pytest.mark.parametrize("oddity", ["damaged", "used=0", "used=1000", "used=0xFFFFFFFF", "used=76799"])
def test_a_damaged_picture_is_none_least_of_all_the_last_one(
    device: Path, camera_of: CameraOf, fourcc: str, oddity: str
) -> None:
    with camera_of(fourcc, Role.NIR) as camera:
        camera.read(5)
        device.write_text(f"10 {oddity}")
        if (fourcc, oddity) != ("MJPG", "used=76799"):
            with pytest.raises(PictureError, match="video9: frame"):
                read_for(camera, 5)
        device.write_text("10")
        read_until_good(camera)


@pytest.mark.parametrize(
    "damage",
    [
        lambda good: b"\xff\xd8 no jpeg",
        lambda good: good[:5000],
        lambda good: b"",
        lambda good: good.replace(b"\x00\xf0\x01\x40", b"\xff\xff\xff\xff", 1),
        lambda good: good.replace(b"\x00\xf0\x01\x40", b"\x00\xe0\x01\x40", 1),
    ],
    ids=["rubbish", "cut", "empty", "gigantic", "another_size"],
)
def test_a_damaged_jpeg_is_no_picture(camera_of: CameraOf, damage: Callable[[bytes], bytes]) -> None:
    picture = Path(os.environ["V4L2_SHIM_JPEG"])
    good = picture.read_bytes()
    with camera_of("MJPG", Role.RGB) as camera:
        camera.read(5)
        try:
            picture.write_bytes(damage(good))
            with pytest.raises(PictureError, match="video9"):
                read_for(camera, 5)
        finally:
            picture.write_bytes(good)
        read_until_good(camera)


def test_a_picture_promised_and_never_given_times_out_without_spinning(device: Path, camera_of: CameraOf) -> None:
    with camera_of("GREY", Role.NIR) as camera:
        camera.read(5)
        device.write_text("10 again")
        with pytest.raises(DeviceTimeout, match="video9: no frame within"):
            camera.read(0.5)
    asked = device.with_name(device.name + ".asked").read_text().splitlines()
    assert 2 <= len(asked) <= 0.5 / PAUSE_S + 2


@pytest.mark.parametrize("error", [errno.ENODEV, errno.EIO, errno.EINVAL])
def test_a_device_that_fails_while_it_streams_is_lost(device: Path, camera_of: CameraOf, error: int) -> None:
    with camera_of("GREY", Role.NIR) as camera:
        camera.read(5)
        device.write_text(f"10 refuse=17:{error}")
        for _ in range(2):
            with pytest.raises(DeviceLost, match="video9: the camera is gone or broken"):
                read_for(camera, 5)


def test_a_buffer_it_does_not_have_is_a_loss(device: Path, camera_of: CameraOf) -> None:
    with camera_of("GREY", Role.NIR) as camera:
        camera.read(5)
        device.write_text("10 index=7")
        with pytest.raises(DeviceLost, match="gave buffer 7 of 4"):
            read_for(camera, 5)


def test_what_was_dropped_shows_in_the_numbers(device: Path, camera_of: CameraOf) -> None:
    device.write_text("20 skip=2")
    with camera_of("GREY", Role.NIR) as camera:
        numbers = [camera.read(5).sequence for _ in range(4)]
    assert all((number - numbers[0]) % 3 == 0 or number - numbers[0] > 3 for number in numbers)
    assert numbers[-1] - numbers[0] >= 9


def test_a_slow_reader_gets_the_newest_and_sees_the_gap(camera_of: CameraOf) -> None:
    with camera_of("GREY", Role.NIR) as camera:
        camera.read(5)
        before = camera.read(5)
        time.sleep(0.2)
        # The kernel filled the buffers there were and dropped what came then.
        waited, after = camera.read(5), camera.read(5)
        assert waited.sequence - before.sequence >= 3
        assert after.sequence - waited.sequence > 5
        assert after.captured_ns > waited.captured_ns
        for _ in range(8):
            camera.read(5)


def test_a_device_that_does_not_count_is_counted(device: Path, camera_of: CameraOf) -> None:
    device.write_text("10 frozen_count")
    with camera_of("GREY", Role.NIR) as camera:
        numbers = [camera.read(5).sequence for _ in range(4)]
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize(
    ("oddity", "dated"), [("wall", Dated.KERNEL), ("undated", Dated.KERNEL), ("backwards", Dated.ARRIVAL)]
)
def test_pictures_without_a_monotonic_date_are_dated_when_they_arrive(
    device: Path, camera_of: CameraOf, oddity: str, dated: Dated
) -> None:
    device.write_text(f"10 {oddity}")
    with camera_of("GREY", Role.NIR, dated=dated) as camera:
        before_ns = time.monotonic_ns()
        times_ns = [camera.read(5).captured_ns for _ in range(3)]
    assert before_ns < times_ns[0] < times_ns[1] < times_ns[2] < time.monotonic_ns()


def test_an_impossible_date_is_told_as_it_is_for_others_to_judge(device: Path, camera_of: CameraOf) -> None:
    with camera_of("GREY", Role.NIR) as camera:
        first = camera.read(5)
        device.write_text("10 backwards")
        camera.read(5)
        assert camera.read(5).captured_ns < first.captured_ns


def test_a_camera_unplugged_and_plugged_in_again_goes_on_by_itself(device: Path, camera_of: CameraOf) -> None:
    with Grabber("front", camera_of("Z16", Role.DEPTH), Retry(0.02, 0.05)) as grabber:
        until(lambda: grabber.health.state is CameraState.STREAMING)
        device.unlink()
        until(lambda: grabber.health.state is CameraState.LOST)
        frames = grabber.health.frames
        device.write_text("10")
        until(lambda: grabber.health.frames > frames)


def until(true: Callable[[], bool]) -> None:
    give_up_s = time.monotonic() + 20
    while not true():
        assert time.monotonic() < give_up_s
        time.sleep(0.01)
