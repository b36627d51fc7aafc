"""The site key: 32 random bytes shared by a site's terminals, and the keys each terminal derives from them."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from pathlib import Path

from livegate.config import Trust
from livegate.errors import ConfigError

KEY_BYTES = 32
_DIGITS = re.compile(rb"[0-9a-fA-F]{64}\s*")
_PSEUDONYMS = b"livegate pseudonym v1"
_MEDIA = b"livegate media v1"


@dataclass(frozen=True, slots=True)
class SiteKeys:
    """What a site's terminals have in common: the key of pseudonyms and the salt of media signatures, 32 bytes each."""

    pseudonyms: bytes = field(repr=False)
    media: bytes = field(repr=False)


def site_keys(trust: Trust) -> SiteKeys | None:
    """Return the keys derived from [trust] site_key_file, or None where none is configured.

    Raises ConfigError unless that is a file of 64 hexadecimal digits that nobody but its owner may read.
    """
    path = trust.site_key_file
    if path is None:
        return None
    key = _read(path)
    return SiteKeys(_derived(key, _PSEUDONYMS), _derived(key, _MEDIA))


def _derived(key: bytes, purpose: bytes) -> bytes:
    return hmac.new(key, purpose, hashlib.sha256).digest()


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            text = file.read(4 * KEY_BYTES)
        mode = path.stat().st_mode
    except OSError as exc:
        raise ConfigError(
            f"{path}: [trust] site_key_file cannot be read ({exc.strerror}); name a file this user may read"
        ) from exc
    if mode & 0o077:
        raise ConfigError(f"{path}: others may read the site key; run chmod 600 {path}")
    if not _DIGITS.fullmatch(text):
        raise ConfigError(
            f"{path}: holds no site key; expected 64 hexadecimal digits (openssl rand -hex 32 makes them)"
        )
    return bytes.fromhex(text.decode().strip())
