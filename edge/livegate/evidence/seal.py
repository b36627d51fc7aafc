"""The sealed file (`.lge`): a short open header, and what only the centre's private key opens.

    "LGE1"  length of the header (4 bytes, big endian)  header  sealed bundle  [signature, 64 bytes]

The header is canonical JSON: `attempt_id`, `terminal`, `time`, `recipient` (key id), `signer` (key id of the device
key, or null). The bundle is sealed by HPKE (RFC 9180, base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256,
ChaCha20-Poly1305) with `info` = "livegate.evidence.v1" || 0x00 || header, so that it opens only under the header it was
made with. HPKE does not say who sealed: with a `signer` the file ends with the device's Ed25519 signature over
"livegate.evidence.v1" || 0x00 || all before it.
"""

from __future__ import annotations

import json
import re
import struct
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from livegate.errors import ConfigError, EvidenceError, LinkError, TrustError
from livegate.events.canonical import canonical
from livegate.evidence.bundle import About, unpad
from livegate.trust.keys import SIGNATURE_BYTES, PublicKey, SigningKey
from livegate.untrusted import parse_object

MAGIC = b"LGE1"
TYPE = b"livegate.evidence.v1\x00"
ATTEMPT_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
_LENGTH = struct.Struct(">I")
_MAX_HEADER_BYTES = 1_024
MAX_START_BYTES = len(MAGIC) + _LENGTH.size + _MAX_HEADER_BYTES
"""What must be read of a file to know its header."""
_MAX_PEM_BYTES = 16_384
_WRITABLE_BY_OTHERS = 0o022


@dataclass(frozen=True, slots=True, eq=False)
class Recipient:
    """The centre's X25519 public key, tried once: what is sealed for it can be sealed."""

    key: X25519PublicKey = field(repr=False)

    @classmethod
    def of_pem(cls, path: Path) -> Self:
        """Return the key in a PEM file (SubjectPublicKeyInfo); ConfigError says what is wrong with it and what to do.

        A private key is refused, and so is a file that others may write: who swaps the key reads the pictures.
        """
        try:
            with path.open("rb") as file:
                content, mode = file.read(_MAX_PEM_BYTES), path.stat().st_mode
        except OSError as exc:
            raise ConfigError(f"{_where(path)}: cannot be read ({exc.strerror}); {_REMEDY}") from exc
        if mode & _WRITABLE_BY_OTHERS:
            raise ConfigError(f"{_where(path)}: others may write it and swap the key; run chmod go-w {path}")
        if b"PRIVATE KEY" in content:
            raise ConfigError(
                f"{_where(path)}: holds a private key, which belongs at the centre and nowhere else; {_REMEDY}"
            )
        try:
            recipient = cls(_public(content))
            recipient.seal(b"", b"")
        except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
            raise ConfigError(f"{_where(path)}: holds no usable X25519 public key; {_REMEDY}") from exc
        return recipient

    @property
    def keyid(self) -> str:
        """The key's short name: the first 16 hexadecimal digits of SHA-256 of its 32 bytes."""
        return sha256(self.key.public_bytes_raw()).hexdigest()[:16]

    def seal(self, content: bytes, info: bytes) -> bytes:
        """Return ``content`` (any bytes) as only the private key opens it, bound to ``info``; 48 bytes longer."""
        return _SUITE.encrypt(content, self.key, info=info)


@dataclass(frozen=True, slots=True)
class Opened:
    """What the centre finds in a file: its header, the ZIP, and whether the device's signature was checked."""

    header: dict[str, Any]
    content: bytes = field(repr=False)
    proven: bool


def seal(about: About, padded: bytes, recipient: Recipient, signer: SigningKey | None = None) -> bytes:
    """Return the bytes of a sealed file: ``padded`` (see bundle.py) for ``recipient``, signed if there is a signer."""
    header = canonical(
        {
            "attempt_id": about.attempt_id,
            "terminal": about.terminal,
            "time": about.time,
            "recipient": recipient.keyid,
            "signer": None if signer is None else signer.public.keyid,
        }
    )
    sealed = MAGIC + _LENGTH.pack(len(header)) + header + recipient.seal(padded, TYPE + header)
    return sealed if signer is None else sealed + signer.sign(TYPE + sealed)


def read_header(content: bytes) -> dict[str, Any]:
    """Return the open header of a sealed file, which proves nothing; EvidenceError when it has none."""
    return _split(content)[0]


def open_sealed(content: bytes, private: X25519PrivateKey, device: PublicKey | None = None) -> Opened:
    """Return what is in a sealed file; with ``device`` only if that terminal signed it. EvidenceError when it will not.

    Only the centre can call this: the terminal has no private key.
    """
    header, info, sealed = _split(content)
    if header["signer"] is not None:
        content, sig = content[:-SIGNATURE_BYTES], content[-SIGNATURE_BYTES:]
        sealed = sealed[:-SIGNATURE_BYTES]
        _check_signature(device, sig, content)
    elif device is not None:
        raise EvidenceError("evidence: is not signed, so nobody knows which terminal made it")
    try:
        padded = _SUITE.decrypt(sealed, private, info=info)
    except (InvalidTag, ValueError) as exc:
        raise EvidenceError("evidence: does not open: damaged, altered, or sealed for another key") from exc
    return Opened(header, unpad(padded), device is not None)


def load_private(path: Path) -> X25519PrivateKey:
    """Return the centre's private key (unencrypted PEM, readable by its owner only); ConfigError else."""
    try:
        content, mode = path.read_bytes()[:_MAX_PEM_BYTES], path.stat().st_mode
        key = serialization.load_pem_private_key(content, password=None)
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be read ({exc.strerror}); name the centre's private key") from exc
    except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
        raise ConfigError(f"{path}: holds no unencrypted private key (PEM); see docs/evidence.md") from exc
    if not isinstance(key, X25519PrivateKey):
        raise ConfigError(f"{path}: is no X25519 key; see docs/evidence.md")
    if mode & 0o077:
        raise ConfigError(f"{path}: others may read this private key; run chmod 600 {path}")
    return key


def _public(content: bytes) -> X25519PublicKey:
    key = serialization.load_pem_public_key(content)
    if not isinstance(key, X25519PublicKey):
        raise TypeError("another kind of key")
    return key


def _split(content: bytes) -> tuple[dict[str, Any], bytes, bytes]:
    """Return the header, the info it makes, and what follows it."""
    start = len(MAGIC) + _LENGTH.size
    if not content.startswith(MAGIC) or len(content) < start:
        raise EvidenceError("evidence: is no file of Livegate's (it begins with 'LGE1')")
    (length,) = _LENGTH.unpack_from(content, len(MAGIC))
    written = content[start : start + length]
    try:
        header = parse_object(written, _MAX_HEADER_BYTES, max_depth=1)
    except LinkError as exc:
        raise EvidenceError(f"evidence: its header is broken ({exc})") from exc
    names = ("attempt_id", "terminal", "time", "recipient")
    texts = all(isinstance(header.get(name), str) for name in names)
    signed = isinstance(header.get("signer", 0), (str, type(None)))
    if len(written) != length or not texts or not signed:
        raise EvidenceError("evidence: its header is incomplete")
    if not ATTEMPT_ID.fullmatch(header["attempt_id"]):
        raise EvidenceError(f"evidence: {json.dumps(header['attempt_id'])[:80]} is no attempt's id")
    return header, TYPE + written, content[start + length :]


def _check_signature(device: PublicKey | None, sig: bytes, signed: bytes) -> None:
    if device is None:
        return
    try:
        device.verify(sig, TYPE + signed)
    except TrustError as exc:
        raise EvidenceError(f"evidence: was not made by the terminal with key {device.keyid}") from exc


def _where(path: Path) -> str:
    return f"{path}: [evidence] recipient_key_file"


_REMEDY = "copy the centre's public key here (openssl pkey -in centre.key -pubout -out centre.pem)"
