"""Whatever bytes a device delivers: a picture of the role's shape, or none."""

import struct

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livegate.types import Role
from livegate_drivers.jpeg import jpeg_size
from livegate_drivers.v4l2.agreement import PACKINGS, Layout
from livegate_drivers.v4l2.pixels import GIVES, Meaning, decode

WIDTH, HEIGHT = 32, 16
GOOD = cv2.imencode(".jpg", np.tile(np.arange(WIDTH, dtype=np.uint8) * 8, (HEIGHT, 1)))[1].tobytes()
CASES = [(role, fourcc) for role, known in GIVES.items() for fourcc in known]


def layout_of(fourcc: str, padding: int = 0) -> Layout:
    packing = PACKINGS[fourcc]
    used = WIDTH * packing.pixel_bytes
    lines = int(HEIGHT * packing.lines) if used else 0
    return Layout(fourcc, WIDTH, HEIGHT, lines, used + padding if used else 0, used, 30.0)


def expect_picture_or_none(data: bytes, layout: Layout, role: Role, meaning: Meaning) -> None:
    picture = decode(np.frombuffer(data, np.uint8), layout, role, meaning)
    if picture is None:
        return
    channels = () if role in (Role.NIR, Role.DEPTH) else (3,)
    assert picture.shape == (HEIGHT, WIDTH, *channels)
    assert picture.dtype == (np.uint16 if role is Role.DEPTH else np.uint8)


@pytest.mark.parametrize(("role", "fourcc"), CASES)
@settings(max_examples=30, deadline=None)
@given(
    data=st.binary(min_size=1, max_size=3 * WIDTH * HEIGHT),
    padding=st.integers(0, 9),
    bits=st.integers(8, 16),
    unit_mm=st.floats(0.001, 100),
)
def test_any_bytes(role: Role, fourcc: str, data: bytes, padding: int, bits: int, unit_mm: float) -> None:
    expect_picture_or_none(data, layout_of(fourcc, padding), role, Meaning(bits, unit_mm))


@pytest.mark.parametrize(("role", "fourcc"), CASES)
def test_a_picture_one_byte_short_is_none_and_one_too_long_is_one(role: Role, fourcc: str) -> None:
    layout = layout_of(fourcc, padding=3)
    if not layout.least_bytes:
        return
    for size, there in ((layout.least_bytes - 1, False), (layout.least_bytes, True), (layout.least_bytes + 1, True)):
        assert (decode(np.zeros(size, np.uint8), layout, role, Meaning()) is not None) is there


@settings(max_examples=200, deadline=None)
@given(at=st.integers(0, len(GOOD) - 1), value=st.integers(0, 255), cut=st.integers(0, len(GOOD)))
def test_a_jpeg_with_a_wrong_byte_or_its_end_missing(at: int, value: int, cut: int) -> None:
    wrong = GOOD[:at] + bytes([value]) + GOOD[at + 1 :]
    for data in (wrong, GOOD[:cut], wrong[:cut]):
        if data:
            expect_picture_or_none(data, layout_of("MJPG"), Role.NIR, Meaning())


def test_the_size_is_read_from_the_head() -> None:
    assert jpeg_size(GOOD) == (WIDTH, HEIGHT)
    assert jpeg_size(GOOD[:40]) is None
    assert jpeg_size(b"") is None
    fill = b"\xff\xd8" + b"\xff" * 9 + GOOD[3:]
    assert jpeg_size(fill) == (WIDTH, HEIGHT)


def test_a_segment_that_leads_past_the_end_is_no_size() -> None:
    assert jpeg_size(b"\xff\xd8\xff\xe0" + struct.pack(">H", 60000) + bytes(10)) is None


def test_a_segment_without_length_does_not_hold_it_up() -> None:
    assert jpeg_size(b"\xff\xd8" + b"\xff\xe0\x00\x00" * 50) is None


def test_a_jpeg_turned_by_its_own_words_is_not_turned() -> None:
    """Its Exif says: turn by 180 degrees."""
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, 3, 0)
    exif = b"Exif\0\0" + b"MM\0*" + struct.pack(">IH", 8, 1) + entry + bytes(4)
    turned = GOOD[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + GOOD[2:]
    pictures = [
        decode(np.frombuffer(data, np.uint8), layout_of("MJPG"), Role.NIR, Meaning()) for data in (GOOD, turned)
    ]
    assert pictures[0] is not None
    np.testing.assert_array_equal(pictures[0], pictures[1])


def test_a_jpeg_without_its_tables_has_the_usual_ones() -> None:
    """Many UVC cameras leave the Huffman tables out, as motion JPEG allows."""
    kept, at = GOOD[:2], 2
    while GOOD[at + 1] != 0xDA:
        length = 2 + int.from_bytes(GOOD[at + 2 : at + 4], "big")
        kept += b"" if GOOD[at + 1] == 0xC4 else GOOD[at : at + length]
        at += length
    bare = kept + GOOD[at:]
    assert len(bare) < len(GOOD)
    pictures = [decode(np.frombuffer(data, np.uint8), layout_of("MJPG"), Role.NIR, Meaning()) for data in (GOOD, bare)]
    assert pictures[0] is not None
    np.testing.assert_array_equal(pictures[0], pictures[1])
