"""The picamera2 driver against a module that behaves as its manual says."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from livegate.errors import DeviceLost, DriverError
from livegate.types import Role
from livegate_drivers.cameras import picamera2

FAKE = Path(__file__).parents[1] / "support" / "fake_picamera2"


@pytest.fixture
def plugged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "plugged"
    path.touch()
    monkeypatch.setenv("FAKE_PICAMERA2_PLUGGED", str(path))
    monkeypatch.syspath_prepend(str(FAKE))
    yield path
    sys.modules.pop("picamera2", None)


@pytest.mark.usefixtures("plugged")
def test_a_frame_is_dated_when_its_exposure_began_and_says_how_long_it_took() -> None:
    with picamera2.open_camera(picamera2.Options(width=64, height=48), Role.RGB) as camera:
        frame = camera.read(5.0)
        read_ns = time.monotonic_ns()
    assert frame.exposure_us == 10_000
    assert frame.captured_ns <= read_ns - 10_000_000
    assert frame.device == "/base/soc/i2c0mux/imx708@1a"
    assert frame.image[0, 0, :2].tolist() == [10, 20]


@pytest.mark.usefixtures("plugged")
def test_exposure_is_set_within_its_range() -> None:
    with picamera2.open_camera(picamera2.Options(width=64, height=48), Role.NIR) as camera:
        camera.expose(10**9, 100.0)
        assert camera.read(5.0).exposure_us == 60_000
        camera.expose(1.0, 0.0)
        assert camera.read(5.0).exposure_us == 100
        camera.automatic()


@pytest.mark.usefixtures("plugged")
def test_a_closed_camera_cannot_be_set() -> None:
    camera = picamera2.open_camera(picamera2.Options(), Role.RGB)
    assert camera.exposure_range() is None
    for call in (camera.automatic, lambda: camera.expose(1000.0, 1.0)):
        with pytest.raises(DeviceLost):
            call()


@pytest.mark.usefixtures("plugged")
def test_a_camera_in_use_is_refused_and_the_other_goes_on() -> None:
    with picamera2.open_camera(picamera2.Options(width=64, height=48), Role.RGB) as camera:
        with pytest.raises(DriverError, match="no other program may use it"):
            picamera2.open_camera(picamera2.Options(), Role.NIR).__enter__()
        assert camera.read(5.0).sequence == 0


@pytest.mark.usefixtures("plugged")
def test_a_camera_that_does_not_start_is_let_go() -> None:
    with pytest.raises(DriverError, match="cannot be started"):
        picamera2.open_camera(picamera2.Options(width=8192), Role.RGB).__enter__()
    with picamera2.open_camera(picamera2.Options(width=64, height=48), Role.RGB) as camera:
        assert camera.read(5.0).sequence == 0


def test_a_camera_that_is_gone_is_closed_all_the_same(plugged: Path) -> None:
    """It cannot be stopped then, and nothing but a loss may come of that."""
    with picamera2.open_camera(picamera2.Options(width=64, height=48), Role.RGB) as camera:
        plugged.unlink()
        with pytest.raises(DeviceLost):
            camera.read(5.0)
    plugged.touch()
    with picamera2.open_camera(picamera2.Options(width=64, height=48), Role.RGB) as camera:
        assert camera.read(5.0).image.shape == (48, 64, 3)
