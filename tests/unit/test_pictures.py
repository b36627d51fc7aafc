"""Picture files nobody vouches for: each bad one is made here, and the same is expected of every OpenCV."""

from __future__ import annotations

import contextlib
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from livegate.errors import PictureError
from livegate.pictures.reading import MAX_BYTES, read_depth, read_nir, read_picture


def _scene(height: int = 24, width: int = 40) -> NDArray[np.uint8]:
    """Return a smooth picture: dark at the top left, green to the right, red to the bottom."""
    rows, columns = np.mgrid[0:height, 0:width]
    planes = (np.full_like(rows, 40), 40 + 200 * columns // width, 40 + 200 * rows // height)
    return np.dstack(planes).astype(np.uint8)


SCENE = _scene()


def _coded(suffix: str, image: NDArray[np.generic] = SCENE, *options: int) -> bytes:
    return cv2.imencode(suffix, np.asarray(image), list(options))[1].tobytes()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png_head(width: int, height: int, bits: int = 8, colour: int = 2) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))


def _exif(orientation: int) -> bytes:
    return b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0) + bytes(4)


def _segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def _cmyk_jpeg(inks: tuple[int, int, int, int], adobe: bool) -> bytes:
    """Return an 8x8 JPEG of one colour in four components, each a single DC coefficient, coded by hand."""
    bits = ""
    for ink in inks:
        # Quantised by 8, so that a coefficient is the level itself; all categories have 4-bit codes.
        level = ink - 128
        size = abs(level).bit_length()
        bits += f"{size:04b}" + (f"{level if level > 0 else level + (1 << size) - 1:0{size}b}" if size else "") + "0"
    bits += "1" * (-len(bits) % 8)
    scan = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    components = b"".join(bytes((n, 0x11, 0)) for n in range(1, 5))
    return b"".join(
        (
            b"\xff\xd8",
            _segment(0xEE, b"Adobe\0\x64\0\0\0\0\0") if adobe else b"",
            _segment(0xDB, b"\0" + bytes([8] * 64)),
            _segment(0xC0, struct.pack(">BHHB", 8, 8, 8, 4) + components),
            _segment(0xC4, b"\0" + bytes((0, 0, 0, 10, *[0] * 12)) + bytes(range(10))),
            _segment(0xC4, b"\x10" + bytes((1, *[0] * 15)) + b"\0"),
            _segment(0xDA, b"\x04" + b"".join(bytes((n, 0)) for n in range(1, 5)) + b"\0\x3f\0"),
            scan,
            b"\xff\xd9",
        )
    )


def _written(folder: Path, content: bytes, name: str = "picture") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def _refusal(path: Path, read: Callable[[Path], object] = read_picture) -> str:
    with pytest.raises(PictureError) as refused:
        read(path)
    message = str(refused.value)
    assert str(path) in message
    assert "\n" not in message
    assert ";" in message, "says what to do"
    return message


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".webp", ".jpg"])
def test_every_format_gives_the_picture_whatever_its_name(tmp_path: Path, suffix: str) -> None:
    lossless = (cv2.IMWRITE_WEBP_QUALITY, 101) if suffix == ".webp" else ()
    image = read_picture(_written(tmp_path, _coded(suffix, SCENE, *lossless), "picture.dat"))
    assert (image.dtype, image.shape) == (np.uint8, SCENE.shape)
    assert np.abs(image.astype(int) - SCENE).mean() <= (4 if suffix == ".jpg" else 0)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".webp", ".jpg"])
def test_one_pixel_is_a_picture(tmp_path: Path, suffix: str) -> None:
    assert read_picture(_written(tmp_path, _coded(suffix, SCENE[:1, :1]))).shape == (1, 1, 3)


def test_sixteen_bits_are_cut_to_eight(tmp_path: Path) -> None:
    wide = SCENE.astype(np.uint16) * 256 + 255
    assert np.array_equal(read_picture(_written(tmp_path, _coded(".png", wide))), SCENE)


def test_grey_becomes_three_equal_channels(tmp_path: Path) -> None:
    image = read_picture(_written(tmp_path, _coded(".png", SCENE[:, :, 1])))
    assert np.array_equal(image, np.dstack([SCENE[:, :, 1]] * 3))


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_transparency_is_dropped(tmp_path: Path, suffix: str) -> None:
    seen_through = np.dstack([SCENE, np.full(SCENE.shape[:2], 200, np.uint8)])
    lossless = (cv2.IMWRITE_WEBP_QUALITY, 101) if suffix == ".webp" else ()
    assert np.array_equal(read_picture(_written(tmp_path, _coded(suffix, seen_through, *lossless))), SCENE)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["jpeg", "png"])
def test_exif_turns_the_picture_upright(tmp_path: Path, orientation: int, form: str) -> None:
    if form == "jpeg":
        plain = _coded(".jpg", SCENE, cv2.IMWRITE_JPEG_QUALITY, 100)
        content = plain[:2] + _segment(0xE1, b"Exif\0\0" + _exif(orientation)) + plain[2:]
    else:
        plain = _coded(".png")
        content = plain[:33] + _chunk(b"eXIf", _exif(orientation)) + plain[33:]
    image = read_picture(_written(tmp_path, content)).astype(int)
    turned = {
        1: SCENE,
        2: SCENE[:, ::-1],
        3: SCENE[::-1, ::-1],
        4: SCENE[::-1],
        5: SCENE.transpose(1, 0, 2),
        6: SCENE.transpose(1, 0, 2)[:, ::-1],
        7: SCENE.transpose(1, 0, 2)[::-1, ::-1],
        8: SCENE.transpose(1, 0, 2)[::-1],
    }
    assert np.abs(image - turned[orientation]).mean() < 4


def test_cmyk_is_turned_into_the_colours_meant(tmp_path: Path) -> None:
    # Adobe writes inks inverted: 255 is none. No cyan, full magenta and yellow, no black: red.
    blue, green, red = read_picture(_written(tmp_path, _cmyk_jpeg((255, 0, 0, 255), adobe=True)))[4, 4]
    assert (int(blue), int(green), int(red)) == pytest.approx((0, 0, 255), abs=3)


def test_cmyk_nobody_can_tell_the_sense_of_is_refused(tmp_path: Path) -> None:
    assert "CMYK" in _refusal(_written(tmp_path, _cmyk_jpeg((255, 0, 0, 255), adobe=False)))


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".webp", ".jpg"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_file_cut_short_is_refused_in_silence(
    tmp_path: Path, suffix: str, share: float, capfd: pytest.CaptureFixture[str]
) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    content = _coded(suffix, noise)
    message = _refusal(_written(tmp_path, content[: int(len(content) * share)]))
    assert "cut short" in message
    assert capfd.readouterr() == ("", "")


def test_a_download_padded_with_zeros_is_cut_short_all_the_same(tmp_path: Path) -> None:
    content = _coded(".jpg", np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8))
    assert "cut short" in _refusal(_written(tmp_path, content[:-500] + bytes(500)))


def test_a_png_with_a_flipped_bit_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    content = bytearray(_coded(".png"))
    content[len(content) // 2] ^= 1
    assert "checksum" in _refusal(_written(tmp_path, bytes(content)))
    assert capfd.readouterr() == ("", "")


def test_a_jpeg_whose_data_runs_out_is_refused_in_silence(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    content = _coded(".jpg", noise)
    assert "would be made up" in _refusal(_written(tmp_path, content[:-1500] + b"\xff\xd9"))
    assert capfd.readouterr() == ("", "")
    os.write(2, b"standard error works\n")
    assert capfd.readouterr().err == "standard error works\n"


def test_bytes_a_camera_left_behind_do_no_harm(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    content = _coded(".jpg")
    assert read_picture(_written(tmp_path, content[:-2] + b"\0\0\0" + content[-2:])).shape == SCENE.shape
    assert read_picture(_written(tmp_path, content + b"after the end")).shape == SCENE.shape
    assert capfd.readouterr() == ("", "")


def test_pictures_are_read_without_a_standard_error(tmp_path: Path) -> None:
    path = _written(tmp_path, _coded(".png"))
    script = (
        "import sys, pathlib; from livegate.pictures import reading; reading.read_picture(pathlib.Path(sys.argv[1]))"
    )
    subprocess.run(["/bin/sh", "-c", 'exec "$@" 2>&-', "sh", sys.executable, "-c", script, str(path)], check=True)


BOMBS = {
    "png": _png_head(10_000, 10_000) + _chunk(b"IDAT", zlib.compress(b"")) + _chunk(b"IEND", b""),
    "jpeg": b"\xff\xd8" + _segment(0xC0, struct.pack(">BHHB", 8, 10_000, 10_000, 3) + bytes(9)) + _segment(0xDA, b"")
    + b"\xff\xd9",
    "bmp": b"BM" + bytes(12) + struct.pack("<IiiHH", 40, 10_000, -10_000, 1, 24) + bytes(24),
    "webp": b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<IB3xHBHB", 10, 0, 9_999, 0, 9_999, 0),
}  # fmt: skip


@pytest.mark.parametrize("form", BOMBS)
def test_a_hundred_megapixels_are_refused_before_they_are_decoded(tmp_path: Path, form: str) -> None:
    message = _refusal(_written(tmp_path, BOMBS[form]))
    assert "10000x10000" in message
    assert "50 million" in message


def test_webp_parts_that_disagree_are_refused(tmp_path: Path) -> None:
    inner = _coded(".webp", SCENE, cv2.IMWRITE_WEBP_QUALITY, 80)[12:]
    body = b"WEBPVP8X" + struct.pack("<IB3xHBHB", 10, 0, 3, 0, 3, 0) + inner
    assert "disagree" in _refusal(_written(tmp_path, b"RIFF" + struct.pack("<I", len(body)) + body))


def test_animations_are_refused(tmp_path: Path) -> None:
    still = _coded(".png")
    moving = still[:33] + _chunk(b"acTL", struct.pack(">II", 2, 0)) + still[33:]
    assert "animated PNG" in _refusal(_written(tmp_path, moving, "a"))
    body = b"WEBPVP8X" + struct.pack("<IB3xHBHB", 10, 0x02, 39, 0, 23, 0)
    assert "animated WebP" in _refusal(_written(tmp_path, b"RIFF" + struct.pack("<I", len(body)) + body, "b"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"GIF89a" + bytes(40), "a GIF file"),
        (b"II*\0" + bytes(40), "a TIFF file"),
        (b"hello, world", "something else"),
        (b"\xff\xd8\xff", "cut short"),
        (b"\xff\xd8\xff\xdbhello", "cut short"),
        (b"\x89PNG\r\n\x1a\n", "cut short"),
        (_png_head(0, 5) + _chunk(b"IEND", b""), "size is 0x5"),
        (b"\x89PNG\r\n\x1a\n" + _chunk(b"IEND", b""), "without a header"),
        (b"\xff\xd8" + _segment(0xDA, b"") + b"\xff\xd9", "without a frame header"),
        (b"\xff\xd8\xff\xe0\0\x02hello", "no marker"),
        (b"RIFF\0\0\0\0WEBP", "disagree"),
        (b"BM", "cut short"),
        (b"BM" + bytes(40), "size is 0x0"),
    ],
)
def test_what_is_no_picture_is_said_to_be_none(tmp_path: Path, content: bytes, said: str) -> None:
    assert said in _refusal(_written(tmp_path, content))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.sampled_from([".png", ".jpg", ".webp", ".bmp"]), st.data())
def test_damage_anywhere_is_read_or_refused_but_nothing_else(tmp_path: Path, suffix: str, data: st.DataObject) -> None:
    content = bytearray(_coded(suffix))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(PictureError):
        assert read_picture(_written(tmp_path, bytes(content))).dtype == np.uint8


def test_paths_that_are_no_readable_file_are_named(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "is a folder" in _refusal(tmp_path)
    assert "symbolic links" in _refusal(loop)
    assert "device or pipe" in _refusal(pipe)
    assert "No such file" in _refusal(tmp_path / "missing")
    assert "too long" in _refusal(tmp_path / ("x" * 300))
    with pytest.raises(PictureError, match="no file name"):
        read_picture(Path("a\0b"))


def test_a_file_that_opens_but_cannot_be_read_is_refused() -> None:
    # Its first page is never mapped: reading it is an input/output error, for root, too.
    assert "Input/output error" in _refusal(Path("/proc/self/mem"))


def test_a_huge_file_is_refused_without_reading_it_all(tmp_path: Path) -> None:
    path = tmp_path / "huge"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    assert "larger than 100 MB" in _refusal(path)


def test_depth_is_sixteen_bit_millimetres_and_nothing_else(tmp_path: Path) -> None:
    depth = np.arange(24 * 40, dtype=np.uint16).reshape(24, 40) * 60
    assert np.array_equal(read_depth(_written(tmp_path, _coded(".png", depth), "depth")), depth)
    for name, content in (("8", _coded(".png", SCENE[:, :, 0])), ("colour", _coded(".png")), ("jpeg", _coded(".jpg"))):
        assert "16-bit grey PNG" in _refusal(_written(tmp_path, content, name), read_depth)


def test_near_infrared_is_one_channel(tmp_path: Path) -> None:
    nir = SCENE[:, :, 1]
    assert np.array_equal(read_nir(_written(tmp_path, _coded(".png", nir), "nir")), nir)
    assert read_nir(_written(tmp_path, _coded(".jpg"), "colour")).shape == (24, 40)
    wide = nir.astype(np.uint16) * 256
    assert np.array_equal(read_nir(_written(tmp_path, _coded(".png", wide), "wide")), nir)
