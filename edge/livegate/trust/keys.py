"""Ed25519 keys (RFC 8032): the public ones that are trusted, and the private ones of who signs."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from livegate.errors import ConfigError, Refusal, TrustError
from livegate.trust.keyfiles import write_private

KEY_BYTES = 32
SIGNATURE_BYTES = 64
KEYID = re.compile(r"[0-9a-f]{16}")
# Far more than a PEM file of one key; what is longer is some other file.
_PEM_BYTES = 16_384

_P = 2**255 - 19
_ORDER_8_Y = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
# A key of small order "signs" any message; OpenSSL, which cryptography uses, takes it. The y of all eight such points.
_SMALL_ORDER_Y = frozenset({0, 1, _P - 1, _ORDER_8_Y, _P - _ORDER_8_Y})


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key that may be trusted; made by :meth:`of_raw` or :meth:`of_pem`, which refuse weak ones."""

    raw: bytes
    """32 bytes."""

    @classmethod
    def of_raw(cls, raw: bytes) -> Self:
        """Return the key in 32 raw bytes; TrustError (malformed) for any other length, or a point of small order."""
        if len(raw) != KEY_BYTES:
            raise TrustError(Refusal.MALFORMED, f"key of {len(raw)} bytes, expected {KEY_BYTES}")
        y = int.from_bytes(raw, "little") & (2**255 - 1)
        if y >= _P or y in _SMALL_ORDER_Y:
            raise TrustError(Refusal.MALFORMED, "key is a weak point of the curve: anybody could sign for it")
        return cls(raw)

    @classmethod
    def of_pem(cls, path: Path) -> Self:
        """Return the key in a PEM file (SubjectPublicKeyInfo); ConfigError when there is none in it."""
        pem = _read(path)
        try:
            key = serialization.load_pem_public_key(pem)
        except (ValueError, UnsupportedAlgorithm) as exc:
            raise ConfigError(_no_key(path, "public")) from exc
        if not isinstance(key, Ed25519PublicKey):
            raise ConfigError(_no_key(path, "public"))
        try:
            return cls.of_raw(key.public_bytes_raw())
        except TrustError as exc:
            raise ConfigError(f"{path}: {exc}") from exc

    @property
    def keyid(self) -> str:
        """The key's short name: the first 16 hexadecimal digits of SHA-256 of its 32 bytes."""
        return hashlib.sha256(self.raw).hexdigest()[:16]

    @property
    def pem(self) -> bytes:
        """The key as a PEM file holds it."""
        key = Ed25519PublicKey.from_public_bytes(self.raw)
        return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def verify(self, sig: bytes, message: bytes) -> None:
        """Return when ``sig`` (64 bytes) is this key's signature of ``message``; TrustError (bad_signature) else.

        What is not canonical is refused: another length, a scalar not below the group's order.
        """
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(sig, message)
        except (InvalidSignature, ValueError) as exc:
            raise TrustError(Refusal.BAD_SIGNATURE, f"signature is not key {self.keyid}'s over these bytes") from exc


@dataclass(frozen=True, slots=True, eq=False)
class SigningKey:
    """A private key; it never appears in a text of ours."""

    key: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def generate(cls) -> Self:
        """Return a new random key."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def of_bytes(cls, pem: bytes, where: object) -> Self:
        """Return the key in unencrypted PEM bytes (PKCS 8) that stand at ``where``; ConfigError when it is none."""
        try:
            key = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
            raise ConfigError(_no_key(where, "private")) from exc
        if not isinstance(key, Ed25519PrivateKey):
            raise ConfigError(_no_key(where, "private"))
        return cls(key)

    @classmethod
    def of_pem(cls, path: Path) -> Self:
        """Return the key in a PEM file that only its owner may read; ConfigError else."""
        pem = _read(path)
        if path.stat().st_mode & 0o077:
            raise ConfigError(f"{path}: others may read this private key; run chmod 600 {path}")
        return cls.of_bytes(pem, path)

    @property
    def public(self) -> PublicKey:
        """The key's public part."""
        return PublicKey(self.key.public_key().public_bytes_raw())

    @property
    def pem(self) -> bytes:
        """The key as an unencrypted PEM file holds it (PKCS 8)."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def save(self, path: Path) -> None:
        """Write the key to a new file (0600); ConfigError when there is a file already or none can be made."""
        try:
            made = write_private(path, self.pem)
        except OSError as exc:
            raise ConfigError(f"{path}: cannot be made ({exc.strerror}); name a place this user may write") from exc
        if not made:
            raise ConfigError(f"{path}: is there already, and keys are never overwritten; name another file")

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of the signature of ``message``."""
        return self.key.sign(message)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_PEM_BYTES)
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be read ({exc.strerror}); name a key file this user may read") from exc


def _no_key(where: object, part: str) -> str:
    return f"{where}: holds no Ed25519 {part} key; expected an unencrypted PEM file (see docs/trust.md)"
