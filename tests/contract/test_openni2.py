"""What the OpenNI2 driver does beyond every camera: on a stand-in for the library, and with the library itself."""

import ctypes
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from livegate.errors import DeviceLost, DriverError, PictureError
from livegate.types import Role
from livegate_drivers.cameras.openni2 import OpenNi2Camera, Options, open_camera
from support.compiled import shared_library

SOON_S = 5.0
ROLES = (Role.RGB, Role.NIR, Role.DEPTH)
# The library's own pretended device, in a process of its own: shutting it down may crash.
DUMMY = """
import os
from livegate.types import Role
from livegate_drivers.cameras.openni2 import Options, open_camera
with open_camera(Options(uri="Dummy", width=320, height=240), Role.DEPTH) as camera:
    frames = [camera.read(5.0) for _ in range(3)]
    numbers = [frame.sequence for frame in frames]
    print(frames[0].image.shape, frames[0].image.dtype, numbers == sorted(set(numbers)), flush=True)
    os._exit(0)
"""


@pytest.fixture
def library() -> Iterator[Path]:
    path = shared_library(Path(__file__).parent / "openni2_fake.c")
    yield path
    counts = ctypes.CDLL(str(path))
    assert (counts.fake_open(), counts.fake_held()) == (0, 0)


@pytest.fixture
def plug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A device on the bus, with a serial number."""
    (tmp_path / "bus").write_text(f"{tmp_path / 'plug'}\n{tmp_path / 'other'}\n")
    monkeypatch.setenv("OPENNI2_FAKE_LIST", str(tmp_path / "bus"))
    (tmp_path / "plug").write_text("10 serial=A7")
    return tmp_path / "plug"


def camera(library: Path, role: Role, **changes: Any) -> OpenNi2Camera:
    options = {"library": str(library), "width": 64, "height": 48, "fps": 100}
    return open_camera(Options(**options | changes), role)


def test_one_device_serves_three_roles(library: Path, plug: Path) -> None:
    cameras = [camera(library, role) for role in ROLES]
    with ExitStack() as stack:
        for each in cameras:
            stack.enter_context(each)
        assert ctypes.CDLL(str(library)).fake_open() == 1
        for _ in range(3):
            frames = [each.read(SOON_S) for each in cameras]
    rgb, nir, depth = frames
    assert {frame.device for frame in frames} == {"A7"}
    assert rgb.image[0, 0, 0] == 5
    assert rgb.image[0, 0, 2] == 250
    assert nir.image.shape == (48, 64)
    assert 500 <= depth.image[0, 0] < 600
    assert depth.intrinsics is not None
    assert depth.intrinsics.fx == pytest.approx(32 / np.tan(0.5), rel=1e-6)
    assert (depth.intrinsics.cx, depth.intrinsics.cy) == (31.5, 23.5)


@pytest.mark.parametrize(
    ("role", "number", "shown"),
    [
        (Role.DEPTH, 100, lambda x, i: 500 + i + 0 * x),
        (Role.DEPTH, 101, lambda x, i: 500 + i + (x % 10 >= 5)),
        (Role.NIR, 202, lambda x, i: x + i),
        (Role.NIR, 203, lambda x, i: (x * 16 + i % 16) >> 2),
    ],
)
def test_formats_become_what_the_role_needs(
    library: Path, plug: Path, role: Role, number: int, shown: Any, tmp_path: Path
) -> None:
    plug.write_text(f"10 padding=6 format={number}")
    with camera(library, role) as one:
        seen = one.read(SOON_S).image
    columns = np.arange(64)
    matching = [
        i for i in range(1000) if np.array_equal(seen[0], shown(columns, i) % (256 if role is Role.NIR else 2**16))
    ]
    assert matching
    assert (seen == seen[0]).all()


@pytest.mark.parametrize("number", [201, 205])
def test_colour_may_come_as_yuv(library: Path, plug: Path, number: int) -> None:
    plug.write_text(f"10 padding=2 format={number}")
    with camera(library, Role.RGB) as one:
        seen = one.read(SOON_S).image
    assert seen.shape == (48, 64, 3)
    # Without chroma it is grey.
    assert np.ptp(seen.astype(int), axis=2).max() <= 1


def test_a_frame_that_lies_about_itself_is_damaged(library: Path, plug: Path) -> None:
    plug.write_text("10 short")
    with camera(library, Role.DEPTH) as one, pytest.raises(PictureError, match=r"OpenNI2 device.* no 64x48 picture"):
        one.read(SOON_S)
    plug.write_text("10 format=204")
    with camera(library, Role.RGB) as one, pytest.raises(PictureError, match="JPEG frame is damaged"):
        one.read(SOON_S)


def test_a_mode_it_has_not_is_named_with_those_it_has(library: Path, plug: Path) -> None:
    with pytest.raises(DriverError, match="depth does not come as 640x48@100; it does as 32x24@100, 64x48@100"):
        camera(library, Role.DEPTH, width=640).__enter__()
    plug.write_text("10 format=102")
    with pytest.raises(DriverError, match="it does as nothing this driver reads"):
        camera(library, Role.DEPTH).__enter__()


def test_devices_are_told_apart_by_serial_number_or_address(library: Path, plug: Path, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("10 serial=B8")
    with pytest.raises(DriverError, match=r"there are several .*name one with 'serial' or 'uri'"):
        camera(library, Role.DEPTH).__enter__()
    with camera(library, Role.DEPTH, serial="B8") as one:
        assert one.read(SOON_S).device == "B8"
    with camera(library, Role.DEPTH, uri=str(plug)) as one:
        assert one.read(SOON_S).device == "A7"
    with pytest.raises(DriverError, match=r"OpenNI2 device C9: cannot be opened .*plug is A7; .*other is B8"):
        camera(library, Role.DEPTH, serial="C9").__enter__()


def test_an_unplugged_device_is_lost_to_all_and_comes_back(library: Path, plug: Path) -> None:
    cameras = [camera(library, role) for role in (Role.RGB, Role.DEPTH)]
    with cameras[0], cameras[1]:
        before = cameras[1].read(SOON_S)
        plug.unlink()
        for each in cameras:
            with pytest.raises(DeviceLost, match="was unplugged"):
                read_on(each)
    plug.write_text("10 serial=A7")
    with cameras[1]:
        after = cameras[1].read(SOON_S)
    assert after.captured_ns > before.captured_ns
    assert after.sequence > before.sequence


def test_a_device_that_cannot_give_colour_beside_infrared_says_so(library: Path, plug: Path) -> None:
    plug.write_text("10 one_light")
    cameras = [camera(library, role) for role in (Role.RGB, Role.NIR)]
    with pytest.raises(DriverError, match=r"some devices cannot give infrared beside colour .only one of IR and color"):
        cameras[0].__enter__()
    assert cameras[1].role is Role.NIR


def test_registration_is_the_devices_own_only_where_it_has_it(library: Path, plug: Path) -> None:
    with camera(library, Role.DEPTH, registered=True) as one:
        assert one.read(SOON_S).image.shape == (48, 64)
    plug.write_text("10 no_registration no_fov")
    with pytest.raises(DriverError, match="cannot lay depth on colour by itself"):
        camera(library, Role.DEPTH, registered=True).__enter__()
    with camera(library, Role.DEPTH) as one:
        assert one.read(SOON_S).intrinsics is None


def test_without_the_library_the_package_is_named() -> None:
    one = open_camera(Options(library="libNoSuchOpenNI.so.9"), Role.DEPTH)
    with pytest.raises(DriverError, match=r"libNoSuchOpenNI\.so\.9.*apt install libopenni2-0"):
        one.__enter__()


def test_a_second_colour_camera_it_has_not() -> None:
    with pytest.raises(DriverError, match="gives rgb, nir, depth, no rgb_right"):
        open_camera(Options(), Role.RGB_RIGHT)


@pytest.mark.openni2
def test_the_library_itself_says_that_there_is_no_device() -> None:
    with pytest.raises(DriverError, match="there is no device; plug it in"):
        open_camera(Options(), Role.DEPTH).__enter__()
    with pytest.raises(DriverError, match=r"nowhere: .*Couldn't open device 'nowhere'"):
        open_camera(Options(uri="nowhere"), Role.DEPTH).__enter__()


@pytest.mark.openni2
def test_the_librarys_own_pretended_device_streams() -> None:
    done = subprocess.run([sys.executable, "-c", DUMMY], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "(240, 320) uint16 True\n", done.stderr


def read_on(one: OpenNi2Camera) -> None:
    for _ in range(100):
        one.read(SOON_S)
