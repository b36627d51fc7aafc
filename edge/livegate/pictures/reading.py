"""Reads picture files nobody vouches for: whole, of a sane size, and upright; or says what is wrong with them.

The same file gives the same pixels under every supported OpenCV.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.errors import PictureError
from livegate.pictures.header import Header, PictureFormat, read_header
from livegate.pictures.stderr import Caught, caught_stderr

# 150 MB once decoded; the largest phone cameras in common use stay below. A terminal's cameras have 0.3 to 2 million.
MAX_PIXELS = 50_000_000
MAX_BYTES = 100_000_000

# libjpeg fills what it cannot decode with grey and only says so on standard error. Bytes it can skip do no harm, and
# many cameras write some.
_JPEG_DAMAGE = re.compile(r"Premature end|Corrupt JPEG data: (?!\d+ extraneous)|Inconsistent progression")

# OpenCV 5 moved it there.
_LOGGING: Any = getattr(cv2.utils, "logging", cv2)


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Return the picture in ``path`` as (H, W, 3) uint8 in B, G, R order, turned upright by its EXIF orientation.

    Reads JPEG (CMYK too), PNG, WebP and BMP of up to MAX_PIXELS pixels and MAX_BYTES bytes. Grey becomes three equal
    channels, 16 bits are cut to their upper 8, transparency is dropped. PictureError says what was found in the file
    and what to do when it is anything else: missing, unreadable, empty, cut short, animated, too large, no picture.
    """
    content, header = _checked(path)
    if header.inverted_cmyk is False:
        raise PictureError(f"{path}: CMYK without Adobe's marker, so its colours are ambiguous; convert it to RGB")
    return np.asarray(_decoded(path, content, header, cv2.IMREAD_COLOR), dtype=np.uint8)


def read_nir(path: Path) -> NDArray[np.uint8]:
    """Return a near-infrared picture as (H, W) uint8; formats, limits and errors as for :func:`read_picture`."""
    content, header = _checked(path)
    return np.asarray(_decoded(path, content, header, cv2.IMREAD_GRAYSCALE), dtype=np.uint8)


def read_depth(path: Path) -> NDArray[np.uint16]:
    """Return a depth picture as (H, W) uint16 in millimetres, 0 = no return: a 16-bit grey PNG and nothing else.

    Limits and errors as for :func:`read_picture`.
    """
    content, header = _checked(path)
    if (header.form, header.bits, header.channels) != (PictureFormat.PNG, 16, 1):
        raise PictureError(
            f"{path}: expected depth as a 16-bit grey PNG in millimetres, found {header.form} of {header.bits} bits "
            f"and {header.channels} channel(s); export it again as such"
        )
    return np.asarray(_decoded(path, content, header, cv2.IMREAD_UNCHANGED), dtype=np.uint16)


def _checked(path: Path) -> tuple[bytes, Header]:
    content = _content(path)
    try:
        header = read_header(content)
    except PictureError as exc:
        raise PictureError(f"{path}: {exc}") from exc
    pixels = header.width * header.height
    if header.width <= 0 or header.height <= 0:
        raise PictureError(f"{path}: damaged, its size is {header.width}x{header.height}; copy it again")
    if pixels > MAX_PIXELS:
        raise PictureError(
            f"{path}: {header.width}x{header.height} is {pixels / 1e6:.0f} million pixels, at most "
            f"{MAX_PIXELS // 1_000_000} million are read; scale it down"
        )
    if header.animated:
        raise PictureError(f"{path}: an animated {header.form}; expected one picture, extract the frame you mean")
    return content, header


def _content(path: Path) -> bytes:
    try:
        kind = path.stat().st_mode
        # Opening a pipe would wait for whoever writes to it.
        content = _head(path) if stat.S_ISREG(kind) else None
    except OSError as exc:
        raise PictureError(f"{path}: cannot be read ({exc.strerror}); name a picture you may read") from exc
    except ValueError as exc:
        raise PictureError(f"{str(path)!r}: is no file name ({exc}); name a picture") from exc
    if content is None:
        what = "a folder; name a picture in it" if stat.S_ISDIR(kind) else "a device or pipe; name a picture file"
        raise PictureError(f"{path}: is {what}")
    if not content:
        raise PictureError(f"{path}: is empty; copy it again from its source")
    if len(content) > MAX_BYTES:
        raise PictureError(f"{path}: is larger than {MAX_BYTES // 1_000_000} MB; scale it down")
    return content


def _head(path: Path) -> bytes:
    """Return one byte more than allowed at most: enough to tell."""
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _decoded(path: Path, content: bytes, header: Header, flags: int) -> NDArray[np.generic]:
    try:
        with _quiet() as caught:
            image = cv2.imdecode(np.frombuffer(content, dtype=np.uint8), flags)
    except cv2.error as exc:
        raise PictureError(f"{path}: damaged {header.form}: {exc.err}; copy it again from its source") from exc
    if image is None:
        raise PictureError(f"{path}: damaged or cut short {header.form}; copy it again from its source")
    if header.form is PictureFormat.JPEG and _JPEG_DAMAGE.search(caught.text):
        raise PictureError(f"{path}: damaged JPEG, part of it would be made up; copy it again from its source")
    if sorted(image.shape[:2]) != sorted((header.width, header.height)):
        raise PictureError(
            f"{path}: damaged {header.form}: says {header.width}x{header.height}, holds "
            f"{image.shape[1]}x{image.shape[0]}; copy it again from its source"
        )
    return image


@contextmanager
def _quiet() -> Iterator[Caught]:
    """Keep OpenCV and its decoders from writing on stderr what the caller is about to be told in a sentence."""
    level = _LOGGING.setLogLevel(0)
    try:
        with caught_stderr() as caught:
            yield caught
    finally:
        _LOGGING.setLogLevel(level)
