"""Find 128-bit signatures that differ in few bits, exactly and without comparing all of them.

A signature is cut into 8 bands of 16 bits. If two signatures differ in at most ``within`` bits, some band of theirs
differs in few: with ``within = 8 r + a`` either one of the first ``a + 1`` bands differs in at most ``r`` bits, or one
of the others in at most ``r - 1`` (else the differences would sum to more than ``within``). So a table from bands to
signatures, asked for every key of ``probes``, returns all that are near and some that are not; ``distance`` tells them
apart. M. Norouzi, A. Punjani, D. J. Fleet, "Fast Search in Hamming Space with Multi-Index Hashing", CVPR 2012.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import combinations

SIGNATURE_BITS = 128
BANDS = 8
_BAND_BITS = SIGNATURE_BITS // BANDS
_BAND_MASK = (1 << _BAND_BITS) - 1
_SIGNATURE = re.compile(rf"[0-9a-f]{{{SIGNATURE_BITS // 4}}}")


def is_signature(text: str) -> bool:
    """Return whether ``text`` is a signature as it is written: 32 lower-case hexadecimal digits."""
    return _SIGNATURE.fullmatch(text) is not None


def distance(one: int, other: int) -> int:
    """Return in how many bits two signatures differ."""
    return (one ^ other).bit_count()


def band_keys(signature: int) -> tuple[int, ...]:
    """Return the 8 keys a signature is filed under: the number of the band above its 16 bits."""
    return tuple(band << _BAND_BITS | _bits(signature, band) for band in range(BANDS))


def probes(signature: int, within: int) -> tuple[int, ...]:
    """Return the keys under which every signature within ``within`` bits (0..127) is filed at least once."""
    whole, rest = divmod(within, BANDS)
    return tuple(
        band << _BAND_BITS | (_bits(signature, band) ^ flips)
        for band in range(BANDS)
        for flips in _flips(whole if band <= rest else whole - 1)
    )


def _bits(signature: int, band: int) -> int:
    return signature >> band * _BAND_BITS & _BAND_MASK


@cache
def _flips(most: int) -> tuple[int, ...]:
    """Return every pattern of at most ``most`` bits in a band; none when ``most`` is negative."""
    return tuple(_patterns(most))


def _patterns(most: int) -> Iterator[int]:
    for count in range(most + 1):
        for places in combinations(range(_BAND_BITS), count):
            yield sum(1 << place for place in places)
