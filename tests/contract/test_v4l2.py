"""What only the V4L2 driver does. What needs its stand-in is in v4l2_apart/ and runs in a process of its own."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from livegate.errors import DriverError
from livegate.types import Role
from livegate_drivers.cameras.v4l2 import Fourcc, Options, V4l2Camera
from livegate_drivers.v4l2.usb import Roots, usb_device

HERE = Path(__file__).parent


def test_with_the_stand_in(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("v4l2_fixture", HERE / "fixtures/cameras/v4l2.py")
    assert spec is not None
    assert spec.loader is not None
    fixture = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fixture)
    environment = {**os.environ, **fixture.environment(tmp_path)}
    files = [str(path) for path in sorted((HERE / "v4l2_apart").glob("[!c]*.py"))]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *files]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("role", "fourcc"),
    [(Role.DEPTH, Fourcc.MJPG), (Role.DEPTH, Fourcc.GREY), (Role.RGB, Fourcc.Z16), (Role.NIR, Fourcc.Z16)],
)
def test_a_format_that_cannot_be_the_roles_is_refused_with_those_that_can(role: Role, fourcc: Fourcc) -> None:
    with pytest.raises(DriverError, match=f"'{fourcc}' is no format for role {role}; choose 'fourcc' from "):
        V4l2Camera(Options(fourcc=fourcc), role)


def test_a_file_is_no_camera(tmp_path: Path) -> None:
    (tmp_path / "video0").write_text("")
    with pytest.raises(DriverError, match=r"video0: cannot be opened as a V4L2 camera"):
        V4l2Camera(Options(tmp_path / "video0"), Role.RGB).__enter__()


def test_a_folder_is_no_camera(tmp_path: Path) -> None:
    with pytest.raises(DriverError, match="cannot be opened as a V4L2 camera"):
        V4l2Camera(Options(tmp_path), Role.RGB).__enter__()


def test_a_pipe_is_no_camera_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "video0")
    with pytest.raises(DriverError, match=r"video0: .*"):
        V4l2Camera(Options(tmp_path / "video0"), Role.RGB).__enter__()


def test_a_link_leads_to_the_same_usb_device_as_the_node_itself(tmp_path: Path) -> None:
    """A node belongs to an interface, that to the device, that to a hub with numbers of its own."""
    device = tmp_path / "sys/devices/usb1/1-2/1-2.3"
    node = device / "1-2.3:1.0/video4linux/video4"
    node.mkdir(parents=True)
    (node / "device").symlink_to("../..")
    for folder, number in ((device.parent, "2"), (device, "31")):
        for name, text in {"idVendor": "8086", "busnum": "1", "devnum": number, "serial": f"S{number}"}.items():
            (folder / name).write_text(f"{text}\n")
    (tmp_path / "sys/class/video4linux").mkdir(parents=True)
    (tmp_path / "sys/class/video4linux/video4").symlink_to(node)
    (tmp_path / "video4").write_text("")
    (tmp_path / "by-id").symlink_to("video4")
    roots = Roots(tmp_path / "sys", tmp_path / "bus")
    for path in (tmp_path / "video4", tmp_path / "by-id"):
        found = usb_device(path, roots)
        assert found is not None
        assert found.serial == "S31"
        assert found.node(roots) == tmp_path / "bus/001/031"


def test_a_camera_on_no_usb_cannot_be_reset(tmp_path: Path) -> None:
    camera = V4l2Camera(Options(tmp_path / "video0"), Role.RGB, Roots(tmp_path, tmp_path))
    with pytest.raises(DriverError, match="is on no USB"):
        camera.reset()
