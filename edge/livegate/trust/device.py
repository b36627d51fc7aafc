"""The terminal's own key: made at its first start, and what it signs its checkpoints with from then on."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable
from pathlib import Path

from livegate.errors import ConfigError, LinkError, StoreError
from livegate.events.canonical import canonical
from livegate.trust.envelope import from_base64
from livegate.trust.keyfiles import check_private, write_private
from livegate.trust.keys import PublicKey, SigningKey
from livegate.trust.tpm import Sealed, Tpm
from livegate.untrusted import parse_object

log = logging.getLogger(__name__)

PLAIN = "device.key"
SEALED = "device.tpm"
_SEALED_BYTES = 16_384
_BY_HAND = "or make {plain} by hand (openssl genpkey -algorithm ed25519 -out {plain}; chmod 600 {plain})"


def device_key(state_dir: Path, tpm: Tpm | None = None) -> SigningKey:
    """Return this terminal's key, made on first use: sealed by the TPM where there is one, else in a file (0600).

    ``state_dir`` exists and is ours. A key that was sealed once is never replaced by another because the TPM fails:
    that is a StoreError, like any file that is not what it must be.
    """
    tpm = tpm or Tpm()
    plain, sealed = state_dir / PLAIN, state_dir / SEALED
    if plain.exists() and sealed.exists():
        raise StoreError(f"{state_dir}: holds both {PLAIN} and {SEALED}; move away the one this terminal did not use")
    if not plain.exists() and not sealed.exists():
        _make(plain, sealed, tpm)
    return _unsealed(sealed, tpm) if sealed.exists() else _plain(plain)


def public_device_key(state_dir: Path) -> PublicKey | None:
    """Return the public part of this terminal's key without unsealing it; None where none is made or readable."""
    plain, sealed = state_dir / PLAIN, state_dir / SEALED
    try:
        if plain.exists():
            return _plain(plain).public
        with sealed.open("rb") as file:
            members = parse_object(file.read(_SEALED_BYTES), _SEALED_BYTES, max_depth=1)
        return PublicKey.of_raw(from_base64(members.get("key"), "key"))
    except (OSError, LinkError, StoreError):
        return None


def kind_of_key(state_dir: Path) -> str | None:
    """Return how the terminal's key is kept, as a sentence says it, None where none is made yet."""
    if (state_dir / SEALED).exists():
        return "sealed by the TPM"
    return "a file only its owner may read" if (state_dir / PLAIN).exists() else None


def _make(plain: Path, sealed: Path, tpm: Tpm) -> None:
    key = SigningKey.generate()
    missing = tpm.missing()
    if missing is None:
        _write(sealed, lambda: _sealed_text(key, tpm, plain))
    else:
        # A board without a chip is what it is; one whose chip cannot be used is for somebody to mend.
        level = logging.WARNING if tpm.device.exists() else logging.INFO
        log.log(level, "device key kept in a file, not in a TPM", extra={"reason": missing, "file": str(plain)})
        _write(plain, lambda: key.pem)


def _write(path: Path, content: Callable[[], bytes]) -> None:
    try:
        # Another process that was faster has made the terminal's key; ours is forgotten then.
        write_private(path, content())
    except OSError as exc:
        raise StoreError(f"{path}: cannot be made ({exc.strerror}); check the disk and its permissions") from exc


def _sealed_text(key: SigningKey, tpm: Tpm, plain: Path) -> bytes:
    try:
        parts = tpm.seal(key.pem)
    except StoreError as exc:
        raise StoreError(f"the TPM cannot keep the device key: {exc}; mend it, {_BY_HAND.format(plain=plain)}") from exc
    texts = {"key": key.public.raw, "public": parts.public, "private": parts.private}
    return canonical({name: base64.b64encode(raw).decode() for name, raw in texts.items()})


def _plain(path: Path) -> SigningKey:
    check_private(path)
    try:
        return SigningKey.of_pem(path)
    except ConfigError as exc:
        raise StoreError(f"{exc}; restore it from a backup, or move it away to make a new one") from exc


def _unsealed(path: Path, tpm: Tpm) -> SigningKey:
    check_private(path)
    remedy = f"mend the TPM, or move {path} away to make a new key, which the centre must be told of"
    try:
        with path.open("rb") as file:
            members = parse_object(file.read(_SEALED_BYTES), _SEALED_BYTES, max_depth=1)
        sealed = Sealed(from_base64(members.get("public"), "public"), from_base64(members.get("private"), "private"))
        public = from_base64(members.get("key"), "key")
        key = SigningKey.of_bytes(tpm.unseal(sealed), path)
    except (LinkError, ConfigError, StoreError) as exc:
        raise StoreError(f"{path}: the device key cannot be unsealed: {exc}; {remedy}") from exc
    except OSError as exc:
        raise StoreError(f"{path}: cannot be read ({exc.strerror}); check the disk and its permissions") from exc
    if key.public.raw != public:
        raise StoreError(f"{path}: the TPM gave another key than was sealed; {remedy}")
    return key
