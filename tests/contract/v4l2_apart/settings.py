"""Controls, exposure, which device it is, and its reset."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from livegate.capture.controls import Adjustable, ExposureRange, Resettable
from livegate.errors import DeviceLost, DriverError
from livegate.types import Role
from livegate_drivers.cameras.v4l2 import V4l2Camera
from livegate_drivers.v4l2.usb import Roots

CameraOf = Callable[..., V4l2Camera]
AUTO = "Auto Exposure"
TIME = "Exposure Time, Absolute"


def enter(camera: V4l2Camera) -> None:
    with camera:
        pass


def was_set(device: Path) -> list[str]:
    told = device.with_name(device.name + ".controls")
    return told.read_text().splitlines() if told.exists() else []


def exposure_of(camera: V4l2Camera, awaited: Callable[[float | None], bool]) -> float | None:
    give_up_s = time.monotonic() + 5
    while not awaited(told := camera.read(5).exposure_us) and time.monotonic() < give_up_s:
        pass
    return told


@pytest.fixture
def roots(tmp_path: Path, device: Path) -> Roots:
    """A camera on the USB as sysfs shows it: its node belongs to an interface, that to the device."""
    interface = tmp_path / "sys/devices/pci0000:00/usb1/1-2/1-2:1.0"
    (interface / f"video4linux/{device.name}").mkdir(parents=True)
    told = {"serial": "SN-0815\n", "idVendor": "046d\n", "busnum": "1\n", "devnum": "7\n"}
    for name, text in told.items():
        (interface.parent / name).write_text(text)
    (interface / f"video4linux/{device.name}/device").symlink_to(interface)
    by_class = tmp_path / "sys/class/video4linux"
    by_class.mkdir(parents=True)
    (by_class / device.name).symlink_to(interface / f"video4linux/{device.name}")
    for number in ("007", "009"):
        node = tmp_path / "bus/001" / number
        node.parent.mkdir(parents=True, exist_ok=True)
        node.write_text("")
    return Roots(tmp_path / "sys", tmp_path / "bus")


def test_controls_are_set_those_that_switch_others_first(device: Path, camera_of: CameraOf) -> None:
    wanted = {"exposure_time_absolute": 120, "brightness": -3, "auto_exposure": 1, "white_balance_automatic": False}
    with camera_of("GREY", Role.NIR, controls=wanted) as camera:
        assert camera.read(5).exposure_us == 12_000
    assert was_set(device) == [f"{AUTO} 1", "White Balance, Automatic 0", f"{TIME} 120", "Brightness -3"]


@pytest.mark.parametrize(
    ("controls", "problem"),
    [
        ({"exposure": 1}, "the camera has no control 'exposure'.*; it has brightness, white_balance_automatic, gain, "),
        ({"brigtness": 1}, "did you mean 'brightness'"),
        ({"brightness": 65}, "'brightness': expected -64 to 64, found 65"),
        ({"gain": 17}, "'gain': expected 16 to 248 in steps of 8, found 17"),
        ({"gain": 24.0}, "'gain': expected a whole number, found 24.0"),
        ({"brightness": True}, "expected a whole number, found True"),
        ({"white_balance_automatic": "no"}, "expected true or false, found 'no'"),
        ({"privacy": True}, "'privacy' can only be read"),
        ({"auto_exposure": 3, "exposure_time_absolute": 5}, "cannot be set to 5 .*set the switch it depends on"),
    ],
)
def test_a_control_that_cannot_be_is_refused(camera_of: CameraOf, controls: dict[str, Any], problem: str) -> None:
    with pytest.raises(DriverError, match=f"video9: controls: .*{problem}"):
        enter(camera_of("GREY", Role.NIR, controls=controls))


def test_a_control_that_keeps_its_value_is_named(device: Path, camera_of: CameraOf) -> None:
    device.write_text("10 stubborn")
    with pytest.raises(DriverError, match="'brightness' was set to 5 and is"):
        enter(camera_of("GREY", Role.NIR, controls={"brightness": 5}))


def test_an_older_kernels_controls_are_found_too(device: Path, camera_of: CameraOf) -> None:
    device.write_text("10 refuse=103:25")
    enter(camera_of("GREY", Role.NIR, controls={"gain": 24}))
    assert "Gain 24" in was_set(device)


def test_exposure_is_set_bounded_told_and_handed_back(device: Path, camera_of: CameraOf) -> None:
    with camera_of("GREY", Role.NIR) as camera:
        assert isinstance(camera, Adjustable)
        # No longer than a frame lasts, whatever the control allows.
        period_us = pytest.approx(1e6 / 30)
        assert camera.exposure_range() == ExposureRange(100, period_us, 16, 248)
        assert camera.read(5).exposure_us is None
        camera.expose(5_040, 30)
        assert camera.read(5).exposure_us is None
        assert exposure_of(camera, lambda told: told is not None) == 5_000
        camera.expose(1e9, 1e9)
        camera.automatic()
        assert camera.read(5).exposure_us is None
    lines = was_set(device)
    short, long = [f"{AUTO} 1", f"{TIME} 50", "Gain 24"], [f"{AUTO} 1", f"{TIME} 333", "Gain 248"]
    assert [lines[0], *lines[1:4], *lines[4:7]] == [f"{AUTO} 3", *short, *long]
    assert lines[-1] == f"{AUTO} 3"


def test_a_camera_is_left_as_it_was_found(device: Path, camera_of: CameraOf) -> None:
    with camera_of("GREY", Role.NIR, controls={"auto_exposure": 1, "exposure_time_absolute": 157, "gain": 64}):
        pass
    with camera_of("GREY", Role.NIR) as camera:
        camera.expose(5_000, 16)
    assert was_set(device)[-3:] == ["Gain 64", f"{TIME} 157", f"{AUTO} 3"]


def test_an_automatic_exposure_is_told_once_it_is_seen_to_change(device: Path, camera_of: CameraOf) -> None:
    with camera_of("GREY", Role.NIR) as camera:
        assert camera.read(5).exposure_us is None
        device.write_text("10 meters=80")
        assert exposure_of(camera, lambda told: told is not None) == 8_000
        device.write_text("10 meters=60")
        assert exposure_of(camera, lambda told: told != 8_000) == 6_000
        camera.expose(5_000, 16)
        assert exposure_of(camera, lambda told: told is not None) == 5_000
        camera.automatic()
        assert camera.read(5).exposure_us == 6_000


def test_what_a_program_that_died_left_is_undone(device: Path, camera_of: CameraOf) -> None:
    camera = camera_of("GREY", Role.NIR)
    camera.__enter__()
    camera.expose(5_000, 0)
    # As if it had died: the device is let go, nothing is put back.
    camera._stream.close()
    with camera_of("GREY", Role.NIR) as again:
        assert again.read(5).exposure_us is None
    assert was_set(device)[-1] == f"{AUTO} 3"


def test_a_device_that_refuses_an_exposure_is_not_adjustable_from_then_on(device: Path, camera_of: CameraOf) -> None:
    with camera_of("GREY", Role.NIR) as camera:
        device.write_text("10 refuse=28:5")
        camera.expose(5_000, 16)
        assert camera.exposure_range() is None
        camera.read(5)


def test_exposing_an_unplugged_camera_is_a_loss(device: Path, camera_of: CameraOf) -> None:
    with camera_of("GREY", Role.NIR) as camera:
        device.write_text("10 refuse=28:19")
        with pytest.raises(DeviceLost, match="unplugged"):
            camera.expose(5_000, 16)
    with pytest.raises(DeviceLost, match="closed"):
        camera.exposure_range()


def test_a_usb_camera_is_known_by_its_serial(camera_of: CameraOf, roots: Roots) -> None:
    with camera_of("GREY", Role.NIR, roots, serial="SN-0815") as camera:
        assert camera.read(5).device == "SN-0815"


def test_another_is_known_by_what_and_where_it_is(camera_of: CameraOf) -> None:
    with camera_of("GREY", Role.NIR) as camera:
        assert camera.read(5).device == "Shim Camera platform:shim"


def test_another_device_than_the_configured_one_is_refused(camera_of: CameraOf, roots: Roots) -> None:
    with pytest.raises(DriverError, match="video9: is 'SN-0815', not 'SN-1'; plug the right camera in"):
        enter(camera_of("GREY", Role.NIR, roots, serial="SN-1"))


def test_the_right_device_is_reset(device: Path, camera_of: CameraOf, roots: Roots) -> None:
    camera = camera_of("GREY", Role.NIR, roots)
    assert isinstance(camera, Resettable)
    camera.reset()
    resets = device.with_name(device.name + ".resets")
    assert resets.read_text().splitlines() == [str(roots.bus / "001/007")]


def test_a_device_whose_node_is_gone_is_reset_where_it_was_and_is_now(
    device: Path, camera_of: CameraOf, roots: Roots
) -> None:
    camera = camera_of("GREY", Role.NIR, roots)
    enter(camera)
    usb = (roots.sysfs / "class/video4linux" / device.name / "device").resolve().parent
    (roots.sysfs / "class/video4linux" / device.name).unlink()
    (usb / "devnum").write_text("9\n")
    camera.reset()
    resets = device.with_name(device.name + ".resets")
    assert resets.read_text().splitlines() == [str(roots.bus / "001/009")]


def test_a_reset_that_fails_says_why(camera_of: CameraOf, roots: Roots) -> None:
    (roots.bus / "001/007").unlink()
    with pytest.raises(DriverError, match=r"001/007 cannot be reset .*power"):
        camera_of("GREY", Role.NIR, roots).reset()
