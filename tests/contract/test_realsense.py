"""What the RealSense driver does beyond every camera, against the SDK's own software device.

What it cannot show (USB, firmware, metadata of a kernel without patches) is said in docs/drivers.md.
"""

import importlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest

from livegate.capture.controls import Adjustable, Emitting, ExposureRange, Resettable
from livegate.capture.rig import Rig
from livegate.errors import DeviceLost, DeviceTimeout, DriverError
from livegate.geometry.calibration import CalibratedCamera, RigCalibration
from livegate.geometry.file import read, write
from livegate.options import parse
from livegate.types import Frame, FrameSet, Role
from livegate_drivers.cameras.realsense import (
    Options,
    RealsenseCamera,
    RealsenseLamp,
    factory_calibration,
    open_camera,
    want_of,
)
from livegate_drivers.realsense.streams import Emitter, Preset

pytestmark = pytest.mark.realsense
SOON_S = 5.0
ROLES = (Role.RGB, Role.NIR, Role.DEPTH)


@pytest.fixture
def software() -> ModuleType:
    return importlib.import_module("support.software_realsense")


@pytest.fixture
def device(software: ModuleType) -> Any:
    return software.SoftwareRealsense()


@pytest.fixture
def enter() -> Iterator[Callable[..., list[RealsenseCamera]]]:
    """Enter cameras that were all made before, as a terminal does; leave them after the test."""
    with ExitStack() as stack:
        yield lambda *cameras: [stack.enter_context(each) for each in cameras]


def options(**changes: Any) -> Options:
    return Options(**{"width": 64, "height": 48, "fps": 60} | changes)


def camera(device: Any, role: Role, **changes: Any) -> RealsenseCamera:
    return RealsenseCamera(want_of(options(**changes), role), device)


def shot(device: Any, *cameras: RealsenseCamera) -> list[Frame]:
    device.shoot()
    return [each.read(SOON_S) for each in cameras]


def test_one_device_serves_three_roles_with_pictures_of_one_moment(device: Any, enter: Any) -> None:
    cameras = enter(*(camera(device, role) for role in ROLES))
    sets = [shot(device, *cameras) for _ in range(5)]
    assert device.openings == 1
    for rgb, nir, depth in sets:
        assert rgb.captured_ns == nir.captured_ns == depth.captured_ns
        assert rgb.sequence == nir.sequence == depth.sequence
    rgb, nir, depth = sets[-1]
    np.testing.assert_array_equal(rgb.image[0, 0], [5, 5, 250])
    np.testing.assert_array_equal(nir.image, device.pixels("infrared1"))
    np.testing.assert_array_equal(depth.image, device.pixels("depth") // 10)
    assert {frame.device for frame in sets[-1]} == {"012345678901"}
    assert rgb.intrinsics is not None
    assert (rgb.intrinsics.fx, rgb.intrinsics.cy, rgb.intrinsics.width) == (60.0, 23.25, 64)


@pytest.mark.parametrize("colour_format", ["bgr8", "rgb8", "bgra8", "yuyv"])
def test_colour_comes_in_opencvs_order_from_any_format(software: ModuleType, enter: Any, colour_format: str) -> None:
    device = software.SoftwareRealsense(colour_format)
    (frame,) = shot(device, *enter(camera(device, Role.RGB)))
    shown = {"bgr8": [5, 1, 250], "rgb8": [5, 1, 250], "bgra8": [5, 1, 250], "yuyv": [0, 0, 0]}[colour_format]
    np.testing.assert_array_equal(frame.image[0, 0], shown)
    assert frame.image.shape == (48, 64, 3)


def test_the_right_infrared_picture_is_another(device: Any, enter: Any) -> None:
    left, right = enter(*(camera(device, Role.NIR, infrared=index) for index in (1, 2)))
    one, other = shot(device, left, right)
    np.testing.assert_array_equal(one.image + 1, other.image)


def test_exposure_is_told_in_microseconds_by_both_sensors(device: Any, enter: Any) -> None:
    rgb, nir = shot(device, *enter(camera(device, Role.RGB), camera(device, Role.NIR)))
    assert (rgb.exposure_us, nir.exposure_us) == (15_600.0, 8_500.0)


def test_what_nobody_took_is_a_gap(device: Any, enter: Any) -> None:
    (rgb,) = enter(camera(device, Role.RGB))
    (first,) = shot(device, rgb)
    for _ in range(3):
        device.shoot()
    assert rgb.read(SOON_S).sequence == first.sequence + 3
    with pytest.raises(DeviceTimeout):
        rgb.read(0.01)


def test_threads_read_one_device_side_by_side(device: Any) -> None:
    frames: dict[Role, list[Frame]] = {role: [] for role in ROLES}

    def read_on(one: RealsenseCamera) -> None:
        with one:
            frames[one.role].extend(one.read(SOON_S) for _ in range(20))

    threads = [threading.Thread(target=read_on, args=(camera(device, role),)) for role in ROLES]
    with device.streaming():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(4 * SOON_S)
    for seen in frames.values():
        assert len(seen) == 20
        for of in (lambda frame: frame.sequence, lambda frame: frame.captured_ns):
            assert [of(frame) for frame in seen] == sorted({of(frame) for frame in seen})
        assert seen[-1].captured_ns <= time.monotonic_ns()


def test_a_device_that_is_unplugged_is_lost_to_all_and_comes_back(device: Any) -> None:
    cameras = [camera(device, role) for role in ROLES]
    with ExitStack() as stack:
        for each in cameras:
            stack.enter_context(each)
        device.gone = "the camera was unplugged"
        for each in cameras:
            with pytest.raises(DeviceLost, match="software RealSense: the camera was unplugged"):
                each.read(SOON_S)
    device.gone = None
    before = cameras[0]
    with before, cameras[2]:
        rgb, depth = shot(device, before, cameras[2])
        assert rgb.captured_ns == depth.captured_ns
    assert device.openings == 2


def test_a_terminal_sees_all_three_in_one_frame_set_and_again_after_a_loss(device: Any) -> None:
    cameras = {role: camera(device, role) for role in ROLES}
    with device.streaming(), Rig({str(role): each for role, each in cameras.items()}) as rig:
        seen = complete(rig)
        assert all(abs(frame.captured_ns - seen.captured_ns) <= 25e6 for frame in seen.frames.values())
        device.gone = "the camera was unplugged"
        # What a device gives while it is pulled out is nothing.
        with device.silent():
            lost = until(lambda: all(health.lost for health in rig.health()))
        assert lost
        device.gone = None
        assert complete(rig).captured_ns > seen.captured_ns


def complete(rig: Rig) -> FrameSet:
    give_up_s = time.monotonic() + 4 * SOON_S
    while time.monotonic() < give_up_s:
        try:
            frame_set = rig.next(SOON_S)
        except DeviceTimeout:
            continue
        if set(frame_set.frames) == set(ROLES):
            return frame_set
    pytest.fail(f"no complete frame set: {rig.health()}")


def until(true: Callable[[], bool]) -> bool:
    give_up_s = time.monotonic() + 4 * SOON_S
    while not true() and time.monotonic() < give_up_s:
        time.sleep(0.01)
    return true()


def test_settings_of_any_table_reach_the_device(device: Any, enter: Any) -> None:
    sdk = importlib.import_module("pyrealsense2")
    enter(
        camera(device, Role.RGB, preset=Preset.HIGH_ACCURACY, emitter=Emitter.ON, laser=0.5, exposure_us=5_000, gain=20)
    )
    stereo, colour = device.stereo.get_option, device.colour.get_option
    assert stereo(sdk.option.visual_preset) == 3
    assert (stereo(sdk.option.emitter_enabled), stereo(sdk.option.laser_power)) == (1, 180)
    assert (colour(sdk.option.exposure), colour(sdk.option.gain), colour(sdk.option.enable_auto_exposure)) == (
        50,
        20,
        0,
    )
    assert stereo(sdk.option.enable_auto_exposure) == 1


def test_what_a_program_that_died_left_set_is_undone(device: Any, enter: Any) -> None:
    sdk = importlib.import_module("pyrealsense2")
    device.stereo.set_option(sdk.option.emitter_on_off, 1)
    device.stereo.set_option(sdk.option.enable_auto_exposure, 0)
    device.colour.set_option(sdk.option.enable_auto_exposure, 0)
    enter(camera(device, Role.DEPTH), camera(device, Role.RGB))
    assert device.stereo.get_option(sdk.option.emitter_on_off) == 0
    assert device.stereo.get_option(sdk.option.enable_auto_exposure) == 1
    assert device.colour.get_option(sdk.option.enable_auto_exposure) == 1


def test_dates_do_not_go_back_where_a_stream_changes_its_clock(device: Any, enter: Any) -> None:
    (depth,) = enter(camera(device, Role.DEPTH))
    dates = []
    for domain in ("hardware_clock", "system_time", "hardware_clock", "global_time"):
        device.domain = domain
        dates += [shot(device, depth)[0].captured_ns for _ in range(3)]
    assert dates == sorted(set(dates))
    assert dates[-1] <= time.monotonic_ns()


def test_tables_that_contradict_each_other_are_refused(device: Any) -> None:
    first, second = camera(device, Role.NIR, laser=0.5), camera(device, Role.DEPTH, laser=1.0)
    with pytest.raises(DriverError, match=r"ask for 'laser' 0\.5 and 1\.0; give it in one, or alike"):
        first.__enter__()
    assert second.role is Role.DEPTH


def test_what_the_device_does_not_take_is_named(device: Any) -> None:
    for changes, said in (
        ({"laser_mw": 500.0}, "'laser_power' takes 0 to 360 of its own units, not 500"),
        ({"width": 1280}, "infrared 1 does not come as 1280x48@60; it does as 64x48@60"),
    ):
        with pytest.raises(DriverError, match=said):
            camera(device, Role.NIR, **changes).__enter__()


def test_exposure_can_be_set_within_bounds_and_handed_back(device: Any, enter: Any) -> None:
    sdk = importlib.import_module("pyrealsense2")
    rgb, depth = enter(camera(device, Role.RGB), camera(device, Role.DEPTH))
    assert isinstance(rgb, Adjustable)
    assert isinstance(rgb, Resettable)
    assert rgb.exposure_range() == ExposureRange(100, 1_000_000, 16, 248)
    assert depth.exposure_range() == ExposureRange(1, 165_000, 16, 248)
    rgb.expose(5_049, 17.4)
    depth.expose(10**9, 0)
    assert [device.colour.get_option(option) for option in (sdk.option.exposure, sdk.option.gain)] == [50, 17]
    assert [device.stereo.get_option(option) for option in (sdk.option.exposure, sdk.option.gain)] == [165_000, 16]
    assert device.colour.get_option(sdk.option.enable_auto_exposure) == 0
    rgb.automatic()
    assert device.colour.get_option(sdk.option.enable_auto_exposure) == 1


def test_a_lamp_shines_by_the_power_it_was_set_to(device: Any, enter: Any) -> None:
    sdk = importlib.import_module("pyrealsense2")
    lamp = RealsenseLamp(want_of(options(lamp=True, laser_mw=300), Role.NIR), device)
    assert isinstance(lamp, Emitting)
    assert not isinstance(camera(device, Role.NIR), Emitting)
    enter(lamp)
    seen = []
    for level in (0.0, 0.5, 1.0):
        lamp.shine(level)
        seen.append([device.stereo.get_option(o) for o in (sdk.option.emitter_enabled, sdk.option.laser_power)])
    assert seen == [[0, 300], [1, 150], [1, 300]]


def test_every_other_frame_dark_gives_lit_and_unlit_pairs(device: Any, enter: Any) -> None:
    device.alternating = True
    nir, depth = enter(*(camera(device, role, emitter=Emitter.ALTERNATING) for role in (Role.NIR, Role.DEPTH)))
    pairs = []
    for _ in range(4):
        device.shoot()
        pairs.append(shot(device, nir, depth))
    for seen, measured in pairs:
        assert seen.unlit is not None
        assert int(seen.unlit.max()) * 3 < int(seen.image.max())
        assert measured.unlit is None
        assert measured.captured_ns == seen.captured_ns
    assert [seen.sequence for seen, _ in pairs] == [0, 1, 2, 3]
    # The dark one before it was lost on the way.
    device.number += 2
    device.shoot()
    assert shot(device, nir)[0].sequence == 5


def test_pairs_need_frames_that_say_whether_they_are_lit(device: Any, enter: Any) -> None:
    device.tells_emitter = False
    (nir,) = enter(camera(device, Role.NIR, emitter=Emitter.ALTERNATING))
    with pytest.raises(DeviceLost, match=r"do not say whether the emitter was lit.*RSUSB.*emitter = 'on'"):
        shot(device, nir)


def test_what_the_maker_measured_is_told_as_a_calibration_file_has_it(software: ModuleType) -> None:
    sdk = importlib.import_module("pyrealsense2")
    device = software.SoftwareRealsense(distortion=(-0.06, 0.07, 0.001, -0.0005, -0.02))
    told = factory_calibration(options(), device)
    assert set(told) == {"rgb", "nir", "depth"}
    np.testing.assert_allclose(told["depth"]["translation_mm"], software.TRANSLATION_MM, atol=1e-5)
    assert told["rgb"]["rotation"] == np.eye(3).ravel().tolist()
    place = sdk.extrinsics()
    place.rotation = np.array(told["nir"]["rotation"]).reshape(3, 3).T.ravel().tolist()
    place.translation = [value / 1000 for value in told["nir"]["translation_mm"]]
    point = np.array([0.1, 0.2, 0.7])
    moved = sdk.rs2_transform_point_to_point(place, point.tolist())
    np.testing.assert_allclose(moved, software.ROTATION @ point + np.array(software.TRANSLATION_MM) / 1000, atol=1e-6)


def test_what_the_maker_measured_makes_a_calibration_file(device: Any, tmp_path: Path) -> None:
    tables = factory_calibration(options(), device)
    cameras = {role: parse(CalibratedCamera, table, role) for role, table in tables.items()}
    made = RigCalibration(made="2026-11-22T08:00:00Z", rms_px=0.0, **cameras)
    write(tmp_path / "cameras.toml", made)
    kept = read(tmp_path / "cameras.toml").calibration
    assert {camera.device for camera in kept.cameras.values()} == {"012345678901"}
    assert kept.depth is not None
    assert kept.depth.unit_mm == 1.0


def test_any_distortion_is_told_as_opencvs(software: ModuleType) -> None:
    sdk = importlib.import_module("pyrealsense2")
    device = software.SoftwareRealsense(distortion=(-0.06, 0.07, 0.001, -0.0005, -0.02))
    told = factory_calibration(options(), device)["rgb"]
    optics = device.device.query_sensors()[1].get_stream_profiles()[0].as_video_stream_profile().get_intrinsics()
    lens = np.array([[told["fx"], 0, told["cx"]], [0, told["fy"], told["cy"]], [0, 0, 1]])
    for pixel in ((0.0, 0.0), (63.0, 47.0), (10.0, 40.0), (31.5, 23.25)):
        ray = sdk.rs2_deproject_pixel_to_point(optics, pixel, 1.0)
        seen, _ = cv2.projectPoints(np.array([ray]), np.zeros(3), np.zeros(3), lens, np.array(told["distortion"]))
        assert np.abs(seen.ravel() - pixel).max() < 0.02


def test_a_camera_that_is_not_there_is_named_with_what_to_do() -> None:
    absent = open_camera(options(serial="999999999999"), Role.DEPTH)
    with pytest.raises(DriverError, match="RealSense camera 999999999999: is not on the bus; plug it in"):
        absent.__enter__()
    with pytest.raises(DriverError, match="is not on the bus"):
        absent.reset()


def test_a_recording_plays_all_roles_from_one_opening_and_can_neither_be_set_nor_reset(
    software: ModuleType, tmp_path: Path
) -> None:
    software.record(tmp_path / "visit.db3", [0.02] * 12)
    cameras = [open_camera(Options(file=tmp_path / "visit.db3", laser=1.0), role) for role in ROLES]
    with cameras[0] as rgb, cameras[1] as nir, cameras[2] as depth:
        seen = {}
        for each in (depth, nir, rgb):
            frame = each.read(SOON_S)
            seen[frame.role] = frame
        assert {frame.image.shape[:2] for frame in seen.values()} == {(48, 64)}
        assert int(seen[Role.DEPTH].image[0, 0]) // 100 == 5
        assert rgb.exposure_range() is None
        rgb.expose(1_000, 1)
        rgb.automatic()
        with pytest.raises(DriverError, match="is used by another camera"):
            rgb.reset()
    with pytest.raises(DriverError, match="cannot be reset"):
        cameras[0].reset()


def test_a_file_that_is_no_recording_is_refused(tmp_path: Path) -> None:
    (tmp_path / "visit.db3").write_text("no database")
    with pytest.raises(DriverError, match=r"visit\.db3: is no recording of the RealSense SDK"):
        open_camera(Options(file=tmp_path / "visit.db3"), Role.RGB).__enter__()
