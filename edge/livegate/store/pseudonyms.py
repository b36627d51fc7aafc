"""Credentials by pseudonym: a keyed hash that says "the same card again" and nothing else."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field

_DOMAIN = b"livegate credential\x00"


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """Makes pseudonyms with this terminal's key."""

    key: bytes = field(repr=False)

    def of(self, value: str) -> str:
        """Return the pseudonym of a raw credential value: HMAC-SHA-256, the first 32 hexadecimal digits.

        The kind of credential is not part of it, so that a list entry for a value holds however it is presented.
        """
        digest = hmac.digest(self.key, _DOMAIN + value.encode("utf-8", "surrogatepass"), "sha256")
        return digest.hex()[:32]
