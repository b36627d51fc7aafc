"""What is sealed: a ZIP of lossless pictures and a JSON that says what they are, padded so that its size tells little.

PNG, not JPEG: what convicts a print or a screen (its raster, moire, the grain of paper) is what lossy coding removes
first, and depth has 16 bits. The ZIP is stored, not deflated, since PNG is compressed already.
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2

from livegate.errors import EvidenceError
from livegate.events.canonical import canonical
from livegate.evidence.cut import Picture

MANIFEST = "evidence.json"
LEAST_BYTES = 65_536
_LENGTH = struct.Struct(">Q")
# Every entry carries the same date: the one that counts is in the manifest.
_DATE = (1980, 1, 1, 0, 0, 0)
# Zlib level 1: a third of the time of the default for a tenth more bytes.
_PNG = (cv2.IMWRITE_PNG_COMPRESSION, 1)


@dataclass(frozen=True, slots=True)
class About:
    """What the centre needs to place the pictures; ``sequence`` is that of the attempt's event in ``stream``."""

    attempt_id: str
    terminal: str
    """site/terminal"""
    time: str
    stream: str
    sequence: int
    media_signature: str | None
    model: Mapping[str, Any] | None
    """name, sha256 and threshold, as events write them."""


def bundle(about: About, pictures: tuple[Picture, ...]) -> bytes:
    """Return the padded bundle; EvidenceError when a picture cannot be encoded."""
    named = [(f"{number:02d}-{picture.role}.png", picture) for number, picture in enumerate(pictures)]
    manifest = {
        "attempt_id": about.attempt_id,
        "terminal": about.terminal,
        "time": about.time,
        "stream": about.stream,
        "sequence": about.sequence,
        "media_signature": about.media_signature,
        "model": about.model,
        "pictures": [_described(name, picture) for name, picture in named],
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(MANIFEST, _DATE), canonical(manifest))
        for name, picture in named:
            archive.writestr(zipfile.ZipInfo(name, _DATE), _png(picture))
    return pad(packed.getvalue())


def pad(content: bytes) -> bytes:
    """Return ``content`` behind its length (8 bytes, big endian), with zeros up to one of few sizes.

    Padmé (Nikitin et al., Reducing Metadata Leakage from Encrypted Files, PoPETs 2019, section 4.3): at most 12 % more
    bytes, and the size tells O(log log n) bits; never below :data:`LEAST_BYTES`.
    """
    length = max(_LENGTH.size + len(content), LEAST_BYTES)
    exponent = length.bit_length() - 1
    spare_bits = exponent - exponent.bit_length()
    mask = (1 << spare_bits) - 1
    return (_LENGTH.pack(len(content)) + content).ljust((length + mask) & ~mask, b"\0")


def unpad(padded: bytes) -> bytes:
    """Return what :func:`pad` was given; EvidenceError when ``padded`` is nothing of the kind."""
    if len(padded) < _LENGTH.size:
        raise EvidenceError("evidence: shorter than its own length")
    (length,) = _LENGTH.unpack_from(padded)
    if length > len(padded) - _LENGTH.size:
        raise EvidenceError(f"evidence: says {length} bytes and holds {len(padded) - _LENGTH.size}")
    return padded[_LENGTH.size : _LENGTH.size + length]


def _described(name: str, picture: Picture) -> dict[str, Any]:
    return {
        "file": name,
        "role": picture.role,
        "x": picture.x,
        "y": picture.y,
        "since_start_ms": round(picture.since_start_ms, 3),
    }


def _png(picture: Picture) -> bytes:
    try:
        encoded, content = cv2.imencode(".png", picture.image, _PNG)
    except cv2.error as exc:
        raise EvidenceError(f"evidence: a picture of {picture.role} cannot be encoded ({exc.err})") from exc
    if not encoded:
        raise EvidenceError(f"evidence: a picture of {picture.role} cannot be encoded")
    return content.tobytes()
