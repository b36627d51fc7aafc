"""What every camera driver must do.

A fixture module defines ROLES, the roles it can be tried in, and, each returning options as a configuration has them,
``streaming(folder, role)``: frames come without end; ``silent(folder, role)``: nothing comes for a second;
``missing(folder)``: (options, the name its error must give) of a device that is not there; and
``losing(folder, role)``: (options, lose) where ``lose(camera)`` makes the device go.
"""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from livegate.capture.camera import Camera
from livegate.config import CameraConfig, DriverChoice
from livegate.drivers import open_camera
from livegate.errors import ConfigError, DeviceLost, DeviceTimeout, DriverError
from livegate.types import Role

SOON_S = 5.0
SHAPES = {Role.RGB: (3, np.uint8), Role.RGB_RIGHT: (3, np.uint8), Role.NIR: (2, np.uint8), Role.DEPTH: (2, np.uint16)}


def camera_of(fixture: ModuleType, options: Mapping[str, Any], folder: Path, role: Role = Role.RGB) -> Camera:
    choice = DriverChoice(fixture.NAME, options, "site.toml: [[camera]] 1", folder)
    return open_camera(CameraConfig("front", role, choice))


@pytest.fixture
def streaming(cameras_fixture: ModuleType, tmp_path: Path) -> Camera:
    role = cameras_fixture.ROLES[0]
    return camera_of(cameras_fixture, cameras_fixture.streaming(tmp_path, role), tmp_path, role)


def test_a_frame_is_what_its_role_says(cameras_fixture: ModuleType, tmp_path: Path) -> None:
    for role in cameras_fixture.ROLES:
        folder = tmp_path / role
        folder.mkdir()
        with camera_of(cameras_fixture, cameras_fixture.streaming(folder, role), folder, role) as camera:
            frame = camera.read(SOON_S)
        dimensions, dtype = SHAPES[role]
        assert camera.role is frame.role is role
        assert frame.image.ndim == dimensions
        assert frame.image.dtype == dtype
        assert frame.image.size > 0


def test_frames_are_new_and_dated_in_order_on_the_monotonic_clock(streaming: Camera) -> None:
    with streaming as camera:
        frames = [camera.read(SOON_S) for _ in range(8)]
        now_ns = time.monotonic_ns()
    times_ns = [frame.captured_ns for frame in frames]
    numbers = [frame.sequence for frame in frames]
    assert times_ns == sorted(set(times_ns))
    assert numbers == sorted(set(numbers))
    assert now_ns - 60 * 10**9 < times_ns[0] <= times_ns[-1] <= now_ns


def test_a_silent_camera_times_out(cameras_fixture: ModuleType, tmp_path: Path) -> None:
    role = cameras_fixture.ROLES[0]
    options = cameras_fixture.silent(tmp_path, role)
    with camera_of(cameras_fixture, options, tmp_path, role) as camera, pytest.raises(DeviceTimeout):
        read_twice(camera)


def test_a_lost_camera_says_so_and_stays_lost(cameras_fixture: ModuleType, tmp_path: Path) -> None:
    role = cameras_fixture.ROLES[0]
    options, lose = cameras_fixture.losing(tmp_path, role)
    with camera_of(cameras_fixture, options, tmp_path, role) as camera:
        camera.read(SOON_S)
        lose(camera)
        for _ in range(2):
            with pytest.raises(DeviceLost):
                read_until_lost(camera)


def test_it_may_be_entered_again_and_gives_newer_frames(streaming: Camera) -> None:
    with streaming as camera:
        before = camera.read(SOON_S)
    with streaming as camera:
        after = camera.read(SOON_S)
    assert after.captured_ns > before.captured_ns


def test_closing_twice_is_harmless_and_closed_is_lost(streaming: Camera) -> None:
    with streaming as camera:
        camera.read(SOON_S)
        camera.__exit__(None, None, None)
        with pytest.raises(DeviceLost):
            camera.read(0.0)


def test_an_unknown_option_is_refused_by_name(cameras_fixture: ModuleType, tmp_path: Path) -> None:
    role = cameras_fixture.ROLES[0]
    options = {**cameras_fixture.streaming(tmp_path, role), "fsp": 30}
    with pytest.raises(ConfigError, match=r"site\.toml: \[\[camera\]\] 1: unknown key 'fsp'"):
        camera_of(cameras_fixture, options, tmp_path, role)


def test_a_missing_device_is_named_when_entered_and_not_before(cameras_fixture: ModuleType, tmp_path: Path) -> None:
    options, name = cameras_fixture.missing(tmp_path)
    camera = camera_of(cameras_fixture, options, tmp_path, cameras_fixture.ROLES[0])
    with pytest.raises(DriverError, match=name):
        camera.__enter__()
    camera.__exit__(None, None, None)


def test_drivers_that_need_a_process_of_their_own(cameras_apart: ModuleType, tmp_path: Path) -> None:
    environment = {**os.environ, **cameras_apart.environment(tmp_path), "LIVEGATE_CONTRACT_DRIVER": cameras_apart.NAME}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", __file__]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def read_twice(camera: Camera) -> None:
    # The first frame may have been waiting already.
    for _ in range(2):
        camera.read(0.1)


def read_until_lost(camera: Camera) -> None:
    give_up_s = time.monotonic() + SOON_S
    while time.monotonic() < give_up_s:
        try:
            camera.read(0.1)
        except DeviceTimeout:
            continue
