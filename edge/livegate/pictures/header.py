"""What a picture file says of itself, read before any decoder sees it: format, size, depth of colour, frames.

An untrusted file of a few kilobytes may claim gigabytes of pixels; the claim is checked here, and so is whether the
file is whole, as far as its format lets one see. Formats: JPEG (ITU-T T.81), PNG (W3C, third edition, with APNG), WebP
(RFC 9649), BMP.
"""

from __future__ import annotations

import enum
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from livegate.errors import PictureError


class PictureFormat(enum.StrEnum):
    """The formats every supported OpenCV decodes alike."""

    JPEG = "JPEG"
    PNG = "PNG"
    WEBP = "WebP"
    BMP = "BMP"


@dataclass(frozen=True, slots=True)
class Header:
    """The claims of a picture file: size in pixels as stored, bits and channels a pixel, and whether it is animated.

    ``inverted_cmyk`` is None where the picture is not CMYK.
    """

    form: PictureFormat
    width: int
    height: int
    bits: int
    channels: int
    animated: bool = False
    inverted_cmyk: bool | None = None


def read_header(content: bytes) -> Header:
    """Return the header of a picture file; PictureError (without the file's name) when it is none or is cut short."""
    for magic, read in _READERS.items():
        if content.startswith(magic) and (magic != b"RIFF" or content[8:12] == b"WEBP"):
            return read(content)
    known = next((name for magic, name in _REFUSED.items() if content.startswith(magic)), None)
    found = f"a {known} file" if known else "something else"
    raise PictureError(f"expected a picture in JPEG, PNG, WebP or BMP, found {found}; convert it to one of these")


def _take(layout: str, content: bytes, at: int) -> tuple[int, ...]:
    try:
        return struct.unpack_from(layout, content, at)
    except struct.error as exc:
        raise PictureError(f"cut short after {len(content)} bytes; copy it again from its source") from exc


def _jpeg(content: bytes) -> Header:
    frame: tuple[int, ...] | None = None
    adobe = False
    for marker, at in _jpeg_segments(content):
        # Start of frame, whatever the coding: C0..CF but for the three that are tables.
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            frame = _take(">BHHB", content, at)
        adobe |= marker == 0xEE and content[at : at + 5] == b"Adobe"
    if frame is None:
        raise PictureError("damaged: a JPEG without a frame header; copy it again from its source")
    bits, height, width, channels = frame
    return Header(PictureFormat.JPEG, width, height, bits, channels, inverted_cmyk=adobe if channels == 4 else None)


def _jpeg_segments(content: bytes) -> Iterator[tuple[int, int]]:
    """Yield every marker before the first scan and where its segment's data begins; check that the scans end."""
    at = 2
    while True:
        prefix, marker = _take("BB", content, at)
        if prefix != 0xFF:
            raise PictureError("damaged: no marker where a JPEG must have one; copy it again from its source")
        if marker == 0xFF:
            at += 1
            continue
        (length,) = _take(">H", content, at + 2)
        yield marker, at + 4
        at += 2 + length
        if marker == 0xDA:
            break
    if content.find(b"\xff\xd9", at) < 0:
        raise PictureError(f"cut short after {len(content)} bytes: its end marker is missing; copy it again")


def _png(content: bytes) -> Header:
    channels = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
    header: Header | None = None
    animated = False
    for kind, at in _png_chunks(content):
        if kind == b"IHDR":
            width, height, bits, colour = _take(">IIBB", content, at)
            header = Header(PictureFormat.PNG, width, height, bits, channels.get(colour, 0))
        animated |= kind == b"acTL"
    if header is None:
        raise PictureError("damaged: a PNG without a header chunk; copy it again from its source")
    return Header(header.form, header.width, header.height, header.bits, header.channels, animated)


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield every chunk's kind and where its data begins, its checksum verified, up to and with the last one."""
    at, kind = 8, b""
    while kind != b"IEND":
        (length,) = _take(">I", content, at)
        (expected,) = _take(">I", content, at + 8 + length)
        body = content[at + 4 : at + 8 + length]
        if zlib.crc32(body) != expected:
            raise PictureError("damaged: the checksum of a PNG chunk is wrong; copy it again from its source")
        kind = body[:4]
        yield kind, at + 8
        at += 12 + length


def _webp(content: bytes) -> Header:
    sizes: set[tuple[int, int]] = set()
    alpha = animated = False
    for kind, at in _riff_chunks(content):
        if kind == b"VP8X":
            flags, low_w, high_w, low_h, high_h = _take("<B3xHBHB", content, at)
            sizes.add((1 + low_w + (high_w << 16), 1 + low_h + (high_h << 16)))
            animated, alpha = bool(flags & 0x02), bool(flags & 0x10)
        elif kind == b"VP8 ":
            width, height = _take("<6xHH", content, at)
            sizes.add((width & 0x3FFF, height & 0x3FFF))
        elif kind == b"VP8L":
            (packed,) = _take("<xI", content, at)
            sizes.add(((packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1))
            alpha |= bool(packed >> 28 & 1)
    if len(sizes) != 1:
        raise PictureError("damaged: a WebP whose parts disagree on its size; copy it again from its source")
    width, height = sizes.pop()
    return Header(PictureFormat.WEBP, width, height, 8, 4 if alpha else 3, animated)


def _riff_chunks(content: bytes) -> Iterator[tuple[bytes, int]]:
    (size,) = _take("<I", content, 4)
    end = size + 8
    if end > len(content):
        raise PictureError(f"cut short: {len(content)} of {end} bytes; copy it again from its source")
    at = 12
    while at + 8 <= end:
        (length,) = _take("<I", content, at + 4)
        yield content[at : at + 4], at + 8
        at += 8 + length + length % 2


def _bmp(content: bytes) -> Header:
    (size,) = _take("<I", content, 14)
    if size == 12:
        width, height, _, bits = _take("<HHHH", content, 18)
    else:
        width, height, _, bits = _take("<iiHH", content, 18)
    # A negative height only says that the rows run from the top.
    return Header(PictureFormat.BMP, width, abs(height), 8, max(1, bits // 8))


_READERS = {b"\xff\xd8\xff": _jpeg, b"\x89PNG\r\n\x1a\n": _png, b"RIFF": _webp, b"BM": _bmp}
_REFUSED = {b"GIF8": "GIF", b"II*\0": "TIFF", b"MM\0*": "TIFF", b"%PDF": "PDF", b"<svg": "SVG"}
