"""What only the V4L2 driver does: refuse another mode, name why a device cannot be opened. Runs in its own process."""

import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from livegate.errors import DriverError, PictureError
from livegate.types import Role
from livegate_drivers.cameras.v4l2 import Fourcc, Options, V4l2Camera

SHIMMED = "V4L2_SHIM_DEVICE" in os.environ


@pytest.fixture
def device() -> Path:
    path = Path(os.environ["V4L2_SHIM_DEVICE"])
    path.write_text("10")
    return path


def test_depth_is_refused() -> None:
    with pytest.raises(DriverError, match="no depth"):
        V4l2Camera(Options(), Role.DEPTH)


def test_a_file_is_no_camera(tmp_path: Path) -> None:
    (tmp_path / "video0").write_text("")
    with pytest.raises(DriverError, match=r"video0: cannot be opened as a V4L2 camera"):
        V4l2Camera(Options(tmp_path / "video0"), Role.RGB).__enter__()


if SHIMMED:

    def test_a_busy_device_is_named(device: Path) -> None:
        device.write_text("busy")
        with pytest.raises(DriverError, match="another program may hold it"):
            V4l2Camera(Options(device), Role.RGB).__enter__()

    def test_a_held_device_is_busy_and_free_again(device: Path) -> None:
        options = Options(device, 320, 240, fourcc=Fourcc.YUYV)
        with V4l2Camera(options, Role.RGB), pytest.raises(DriverError):
            V4l2Camera(options, Role.RGB).__enter__()
        with V4l2Camera(options, Role.RGB) as camera:
            assert camera.read(5).image.shape == (240, 320, 3)

    @pytest.mark.parametrize("options", [{"width": 8000}, {"height": 250}, {"fps": 120}])
    def test_another_mode_than_asked_is_refused(device: Path, options: dict[str, int]) -> None:
        with pytest.raises(DriverError, match=r"video9: gives .* instead of .*list-formats-ext"):
            V4l2Camera(Options(device, **options), Role.RGB).__enter__()

    @pytest.mark.parametrize("damage", [lambda good: b"\xff\xd8 no jpeg", lambda good: good[:5000], lambda good: b""])
    def test_a_damaged_jpeg_is_no_picture_least_of_all_the_last_one(
        device: Path, damage: Callable[[bytes], bytes]
    ) -> None:
        picture = Path(os.environ["V4L2_SHIM_JPEG"])
        good = picture.read_bytes()
        with V4l2Camera(Options(device, 320, 240), Role.RGB) as camera:
            camera.read(5)
            picture.write_bytes(damage(good))
            with pytest.raises(PictureError, match="video9"):
                read_for(camera, 5)
            picture.write_bytes(good)
            read_until_good(camera)

else:

    def test_with_the_stand_in(tmp_path: Path) -> None:
        environment = {**os.environ, **fixture().environment(tmp_path)}
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", __file__]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def fixture() -> ModuleType:
    path = Path(__file__).parent / "fixtures/cameras/v4l2.py"
    spec = importlib.util.spec_from_file_location("v4l2_fixture", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read_for(camera: V4l2Camera, duration_s: float) -> None:
    give_up_s = time.monotonic() + duration_s
    while time.monotonic() < give_up_s:
        camera.read(1)


def read_until_good(camera: V4l2Camera) -> None:
    give_up_s = time.monotonic() + 5
    while time.monotonic() < give_up_s:
        try:
            camera.read(1)
        except PictureError:
            continue
        return
    raise AssertionError("no good frame came after the damaged one")
