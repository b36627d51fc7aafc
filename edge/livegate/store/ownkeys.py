"""The keys a store hashes with: of pseudonyms and of media signatures, its own or derived from the site key."""

from __future__ import annotations

import hmac
import logging
import secrets
from pathlib import Path

from livegate.errors import StoreError
from livegate.trust.keyfiles import check_private, write_private

log = logging.getLogger(__name__)

PSEUDONYM_KEY = "pseudonym.key"
MEDIA_KEY = "media.key"
_KEY_BYTES = 32
_CHECK = b"livegate key check v1"


def pseudonym_key(
    folder: Path, *, may_make: bool = True, derived: bytes | None = None, known: bytes | None = None
) -> bytes:
    """Return the key of ``folder`` that credentials are hashed with, made (0600) on first use if ``may_make``.

    It is ``derived`` from the site key where there is one; another one that is in use is never replaced by it.
    ``known`` is the ``check_of`` the key that entries were made with, where the store remembers it: a file that is lost
    or overwritten is made anew from the site key when that gives the same. Raises StoreError.
    """
    return _key(folder / PSEUDONYM_KEY, derived, known, may_make=may_make)


def media_key(folder: Path, *, may_make: bool = True, derived: bytes | None = None) -> bytes:
    """Return the salt of ``folder`` for signatures of spoof media; see :func:`pseudonym_key`."""
    return _key(folder / MEDIA_KEY, derived, None, may_make=may_make)


def check_of(key: bytes) -> bytes:
    """Return what tells ``key`` again and does not tell the key, 32 bytes."""
    return hmac.digest(key, _CHECK, "sha256")


def _key(path: Path, derived: bytes | None, known: bytes | None, *, may_make: bool) -> bytes:
    key = _read(path)
    if key is not None and _is_good(key, derived, known, may_make=may_make):
        return key
    proven = derived is not None and known is not None and hmac.compare_digest(check_of(derived), known)
    if not (proven or may_make) or (key is not None and derived is None):
        raise StoreError(_fault(path, key, derived))
    made = derived or secrets.token_bytes(_KEY_BYTES)
    if key is not None or not may_make:
        log.warning("store: %s was lost or is another; made anew from [trust] site_key_file", path)
    if _write(path, made, over=key is not None):
        return made
    # Another process began at the same moment and was first.
    return _key(path, derived, known, may_make=may_make)


def _read(path: Path) -> bytes | None:
    if not path.exists():
        return None
    check_private(path)
    return path.read_bytes()


def _is_good(key: bytes, derived: bytes | None, known: bytes | None, *, may_make: bool) -> bool:
    if len(key) != _KEY_BYTES or (derived is not None and key != derived):
        return False
    return may_make or known is None or hmac.compare_digest(check_of(key), known)


def _fault(path: Path, key: bytes | None, derived: bytes | None) -> str:
    database = path.with_name("livegate.db")
    if key is None:
        return (
            f"{path}: is missing, and the lists were made with it; restore it from a backup, "
            f"or move {database} aside too and enter the lists again"
        )
    if len(key) != _KEY_BYTES:
        return (
            f"{path}: has {len(key)} bytes, expected {_KEY_BYTES}; restore it from a backup: "
            "without it no credential or list entry of this terminal can be recognised"
        )
    if derived is None or key == derived:
        return (
            f"{path}: is not the key that the lists were made with; restore it from a backup, "
            f"or move {database} and {path} aside and enter the lists again"
        )
    return (
        f"{path}: is not what [trust] site_key_file gives, and the lists were made with it; name the former "
        f"site key (or none), or move {database} and {path} aside and enter the lists again"
    )


def _write(path: Path, key: bytes, *, over: bool) -> bool:
    try:
        if over:
            path.unlink()
        return write_private(path, key)
    except OSError as exc:
        raise StoreError(f"{path}: cannot be made ({exc.strerror}); check the disk and its permissions") from exc
