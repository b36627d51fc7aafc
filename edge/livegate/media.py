"""The signature of a spoof medium: which picture was held before the camera, so that it is known again.

A signature is a salted, locality-preserving hash: two presentations of one print or screen differ in few of its 128
bits, two different pictures in about half. Low spatial frequencies of the aligned face after a logarithm (so that
exposure drops out with the mean), as perceptual hashes take them (Zauner, *Implementation and benchmarking of
perceptual image hash functions*, 2010); signs of random projections (Charikar, *Similarity estimation techniques from
rounding algorithms*, STOC 2002) with +1/-1 entries (Achlioptas, *Database-friendly random projections*, PODS 2001).

The projections come from a secret salt: without it nobody can compute a signature from a picture, and signatures of
different salts say nothing of each other. Only attacks are signed, a living person never is. What the signature knows
is the picture that was shown: a face printed anew in another size is often known, the same screen with another picture
is another medium.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.types import Attempt, Box, Observation, Role

SIGNATURE_BITS = 128
# Fixed by measurement, see docs/access.md: how often one picture is known again against how often two are confused.
MATCH_BITS = 18
SALT_BYTES = 32

_DOMAIN = b"livegate media signature v1\x00"
# The face with a rim of its medium; more of it and the room behind counts, less and hardly anything but the face does.
_ENLARGED = 1.3
_SIDE_PX = 32
# Pixels are skipped where the patch has more than this a side; each of the 32 still is the mean of four or more.
_READ_PX = 2 * _SIDE_PX
_FREQUENCIES = 10
_COEFFICIENTS = _FREQUENCIES**2 - 1
# More frames cost time and steady the signature little.
_FRAMES = 4
# Grey levels added before the logarithm, so that noise in the dark does not lead.
_DARK = 8.0


class MediaSigner:
    """Signs the media of attacks with one salt. Stateless; any thread may use it."""

    def __init__(self, salt: bytes) -> None:
        """Take the secret ``salt`` of SALT_BYTES bytes; ValueError when it is shorter."""
        if len(salt) < SALT_BYTES:
            raise ValueError(f"media salt: expected {SALT_BYTES} bytes or more, found {len(salt)}")
        self._planes = _planes(salt)

    def sign(self, attempt: Attempt) -> str | None:
        """Return the signature of the medium in ``attempt``: 32 hexadecimal digits, steadied over its frames.

        None where no frame shows anything: no colour picture, no part of the face box in view, or a uniform picture.
        """
        seen = [found for one in _spread(attempt.observations) if (found := _coefficients(one)) is not None]
        if not seen:
            return None
        signs = self._planes @ np.mean(seen, axis=0) > 0
        return np.packbits(signs).tobytes().hex()


def _planes(salt: bytes) -> NDArray[np.float32]:
    """Return the projections (SIGNATURE_BITS, _COEFFICIENTS), +1 and -1, the same on every machine."""
    count = SIGNATURE_BITS * _COEFFICIENTS
    stream = hashlib.shake_256(_DOMAIN + salt).digest((count + 7) // 8)
    bits = np.unpackbits(np.frombuffer(stream, np.uint8))[:count]
    return (2.0 * bits.astype(np.float32) - 1.0).reshape(SIGNATURE_BITS, _COEFFICIENTS)


def _spread(observations: Sequence[Observation]) -> list[Observation]:
    """Return at most _FRAMES observations, evenly spread and the newest among them."""
    last = len(observations) - 1
    return [observations[at] for at in sorted({round(last * part / (_FRAMES - 1)) for part in range(_FRAMES)})]


def _coefficients(seen: Observation) -> NDArray[np.float32] | None:
    """Return the low frequencies (_COEFFICIENTS,) float32 of one frame, of length 1; None when it shows nothing."""
    image = seen.frame_set.image(Role.RGB)
    patch = None if image is None else _patch(image, seen.face.box)
    if patch is None:
        return None
    spectrum = cv2.dct(np.log(patch + np.float32(_DARK)))[:_FREQUENCIES, :_FREQUENCIES]
    found = np.asarray(spectrum.ravel()[1:], np.float32)
    length = float(np.linalg.norm(found))
    return found / np.float32(length) if length > np.finfo(np.float32).eps * _SIDE_PX else None


def _patch(image: NDArray[np.uint8], box: Box) -> NDArray[np.float32] | None:
    """Return the enlarged box as a grey picture (_SIDE_PX, _SIDE_PX) float32; edges repeat beyond the frame."""
    height, width = image.shape[:2]
    half_w, half_h = box.w * _ENLARGED / 2, box.h * _ENLARGED / 2
    left, right = (round(box.x + box.w / 2 + side * half_w) for side in (-1, 1))
    top, bottom = (round(box.y + box.h / 2 + side * half_h) for side in (-1, 1))
    inside = image[max(top, 0) : max(min(bottom, height), 0), max(left, 0) : max(min(right, width), 0)]
    if inside.size == 0 or right - left > 4 * width or bottom - top > 4 * height:
        return None
    skip = max(1, min(right - left, bottom - top) // _READ_PX)
    above, below, before, after = (max(px, 0) // skip for px in (-top, bottom - height, -left, right - width))
    grey = cv2.cvtColor(np.ascontiguousarray(inside[::skip, ::skip]), cv2.COLOR_BGR2GRAY)
    if above or below or before or after:
        grey = cv2.copyMakeBorder(grey, above, below, before, after, cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(grey, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA), np.float32)
