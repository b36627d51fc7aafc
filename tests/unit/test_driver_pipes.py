"""Programs that hand us pictures through a pipe: what they write is cut and shaped rightly, and they are let go."""

import sys
from pathlib import Path

import numpy as np
import pytest

from livegate.errors import DeviceLost, DeviceTimeout, DriverError
from livegate.types import Role
from livegate_drivers.cameras import gstreamer, libcamera, picamera2
from livegate_drivers.piped.planes import from_gst, from_yuv420, gst_stride
from livegate_drivers.piped.process import FD, FramePipe
from livegate_drivers.pixels import in_mm


def writer(script: str) -> tuple[str, ...]:
    return (sys.executable, "-c", f"import sys, time\nout = sys.stdout.buffer\n{script}")


def test_frames_are_cut_where_they_end_however_they_are_written() -> None:
    pipe = FramePipe(writer("[(out.write(bytes([n]) * 7), out.flush()) for n in range(30)]; time.sleep(60)"), 70, "cam")
    pipe.start(10, "remedy")
    try:
        frames = [pipe.read(10) for _ in range(3)]
    finally:
        pipe.stop()
    assert [data for data, _ in frames] == [
        b"".join(bytes([n]) * 7 for n in range(first, first + 10)) for first in (0, 10, 20)
    ]
    dates = [arrived_ns for _, arrived_ns in frames]
    assert dates == sorted(dates)


def test_a_frame_that_is_not_whole_is_waited_for_and_finished_later() -> None:
    pipe = FramePipe(writer("out.write(b'ab'); out.flush(); time.sleep(0.5); out.write(b'cd'); out.flush()"), 4, "cam")
    pipe.start(10, "remedy")
    try:
        with pytest.raises(DeviceTimeout, match=r"no frame within 0\.05 s"):
            pipe.read(0.05)
        assert pipe.read(10)[0] == b"abcd"
        with pytest.raises(DeviceLost, match="has ended"):
            pipe.read(10)
    finally:
        pipe.stop()


def test_a_program_that_ends_before_its_first_picture_is_quoted() -> None:
    pipe = FramePipe(writer("sys.stderr.write('hello\\nERROR: no such camera\\n'); sys.exit(3)"), 4, "cam")
    with pytest.raises(DriverError, match=r"cam: .*ended before its first picture: ERROR: no such camera; plug it in"):
        pipe.start(10, "plug it in")


def test_a_program_that_is_silent_is_given_up_and_ended() -> None:
    pipe = FramePipe(writer("time.sleep(60)"), 4, "cam")
    with pytest.raises(DriverError, match=r"gave no picture within 0\.2 s"):
        pipe.start(0.2, "plug it in")


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(DriverError, match="'no-such-program' cannot be run"):
        FramePipe(("no-such-program",), 4, "cam").start(1, "install it")


def test_a_chatty_program_does_not_block_on_its_complaints() -> None:
    script = "[(sys.stderr.write('x' * 5000 + '\\n'), out.write(b'abcd'), out.flush()) for _ in range(100)]"
    pipe = FramePipe(writer(script), 4, "cam")
    pipe.start(10, "remedy")
    try:
        assert {pipe.read(10)[0] for _ in range(100)} == {b"abcd"}
    finally:
        pipe.stop()


def test_a_program_may_write_to_a_descriptor_of_its_own() -> None:
    script = f"import os\nprint('noise')\nos.write({FD}, b'abcd')\ntime.sleep(60)"
    pipe = FramePipe(writer(script), 4, "cam")
    pipe.start(10, "remedy")
    try:
        assert pipe.read(10)[0] == b"abcd"
    finally:
        pipe.stop()


@pytest.mark.parametrize("role", list(Role))
def test_padded_rows_become_pictures(role: Role) -> None:
    width, height = 5, 3
    stride = gst_stride(width, role)
    assert stride % 4 == 0
    image = from_gst(bytes(range(stride)) * height, width, height, role, unit_mm=1.0)
    assert image.shape[:2] == (height, width)
    first = {Role.NIR: 1, Role.DEPTH: 2 + 3 * 256}.get(role, [3, 4, 5])
    assert image[2, 1].tolist() == first


def test_yuv_planes_become_grey_and_colour() -> None:
    luma, blue, red = np.full((4, 8), 128, np.uint8), np.full((2, 4), 128, np.uint8), np.full((2, 4), 220, np.uint8)
    data = luma.tobytes() + blue.tobytes() + red.tobytes()
    assert (from_yuv420(data, 8, 4, Role.NIR) == 128).all()
    bgr = from_yuv420(data, 8, 4, Role.RGB)
    assert bgr.shape == (4, 8, 3)
    assert (bgr[..., 2] > 200).all()


def test_depth_beyond_sixteen_bits_is_no_return() -> None:
    assert in_mm(np.array([[0, 1000, 60000]], np.uint16), 2.0).tolist() == [[0, 2000, 0]]
    assert in_mm(np.array([[1955]], np.uint16), 0.1).tolist() == [[196]]


def test_what_a_driver_cannot_give_is_refused_at_once() -> None:
    with pytest.raises(DriverError, match="no depth"):
        libcamera.open_camera(libcamera.Options(), Role.DEPTH)
    with pytest.raises(DriverError, match="multiple of 64"):
        libcamera.open_camera(libcamera.Options(width=642), Role.RGB)
    with pytest.raises(DriverError, match="no depth"):
        picamera2.open_camera(picamera2.Options(), Role.DEPTH)
    with pytest.raises(DriverError, match="begin it with a source"):
        gstreamer.open_camera(gstreamer.Options(""), Role.RGB)
    with pytest.raises(DriverError, match="quotation"):
        gstreamer.open_camera(gstreamer.Options("a 'b"), Role.RGB)


def test_picamera2_names_its_package_where_it_is_not_installed(tmp_path: Path) -> None:
    with pytest.raises(DriverError, match="python3-picamera2"):
        picamera2.open_camera(picamera2.Options(), Role.RGB).__enter__()


def test_a_password_in_a_pipeline_is_not_told() -> None:
    camera = gstreamer.open_camera(
        gstreamer.Options("rtspsrc location=rtsp://a:secret@host/ ! decodebin", program="no-such-gst"), Role.RGB
    )
    with pytest.raises(DriverError) as told:
        camera.__enter__()
    assert "secret" not in str(told.value)
