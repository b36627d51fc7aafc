"""Network cameras: who they let in, and what of that is told."""

from pathlib import Path

import pytest

from livegate.config import CameraConfig, DriverChoice
from livegate.drivers import open_camera
from livegate.errors import ConfigError, DeviceLost, DeviceTimeout, DriverError
from livegate.types import Role
from livegate_drivers.cameras import rtsp
from support.rtsp_server import RtspCameraServer


def test_user_and_password_are_told_to_the_camera_and_to_nobody_else(tmp_path: Path) -> None:
    good, wrong = tmp_path / "good", tmp_path / "wrong"
    good.write_text("p@ss/w:rd\n")
    wrong.write_text("guess")
    with RtspCameraServer(login="door:p@ss/w:rd") as server:
        with rtsp.open_camera(rtsp.Options(server.url, "door", good, start_timeout_s=5.0), Role.RGB) as camera:
            assert camera.read(5.0).image.shape == (240, 320, 3)
        with pytest.raises(DriverError, match="'password_file'") as told:
            rtsp.open_camera(rtsp.Options(server.url, "door", wrong, start_timeout_s=5.0), Role.RGB).__enter__()
    assert "guess" not in str(told.value)


def test_what_ffmpeg_queued_at_first_is_too_old_to_be_given(tmp_path: Path) -> None:
    with RtspCameraServer(only=40) as server, rtsp.open_camera(rtsp.Options(server.url), Role.NIR) as camera:
        with pytest.raises(DeviceTimeout):
            camera.read(0.5)
        server.stop()
        with pytest.raises(DeviceLost):
            camera.read(5.0)


def test_a_password_in_the_address_is_refused(tmp_path: Path) -> None:
    choice = DriverChoice("rtsp", {"url": "rtsp://door:secret@camera/live"}, "site.toml: [[camera]] 1", tmp_path)
    with pytest.raises(ConfigError, match=r"'url': expected .*'password_file'") as told:
        open_camera(CameraConfig("front", Role.RGB, choice))
    assert "secret" not in str(told.value)


def test_a_camera_that_refuses_at_once_is_not_said_to_have_been_waited_for() -> None:
    with pytest.raises(DriverError, match=r"no stream, after \d\.\d s of at most 60 s"):
        rtsp.open_camera(rtsp.Options("rtsp://127.0.0.1:9/", start_timeout_s=60.0), Role.RGB).__enter__()


def test_what_stands_in_the_path_is_told_to_nobody() -> None:
    camera = rtsp.open_camera(rtsp.Options("rtsp://127.0.0.1:9/user=door&password=secret"), Role.RGB)
    with pytest.raises(DeviceLost, match=r"^rtsp://127\.0\.0\.1:9: the camera is closed"):
        camera.read(0.1)


def test_it_gives_no_depth() -> None:
    with pytest.raises(DriverError, match="no depth"):
        rtsp.open_camera(rtsp.Options("rtsp://camera/live"), Role.DEPTH)


def test_a_password_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    camera = rtsp.open_camera(rtsp.Options("rtsp://127.0.0.1:9/", "door", tmp_path / "none"), Role.RGB)
    with pytest.raises(DriverError, match="none: the password cannot be read"):
        camera.__enter__()
