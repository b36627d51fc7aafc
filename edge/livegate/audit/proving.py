"""What ``livegate events verify`` does: keys, receipts and events, from wherever they lie, into one audit."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path

from livegate.audit.audit import Audit, KeySource, Report
from livegate.audit.lines import MAX_LINE_BYTES, bounded_lines
from livegate.audit.receipts import Receipts
from livegate.audit.stored import audit_store
from livegate.errors import ConfigError, TrustError
from livegate.progress import Progress
from livegate.store.whole import whole_stream
from livegate.trust.device import public_device_key
from livegate.trust.keys import PublicKey


def verify_store(state_dir: Path, keys: list[str], receipts: Receipts | None, *, receipts_pinned: bool) -> Report:
    """Prove the store in ``state_dir``; StoreError when it cannot even be opened."""
    audit = _audit(keys, receipts, receipts_pinned=receipts_pinned)
    own = None if keys else public_device_key(state_dir)
    if own is not None:
        audit.device_keys, audit.key_source = frozenset({own}), KeySource.STORE
    with whole_stream(state_dir) as whole:
        audit_store(whole, audit)
    return audit.finish()


def verify_file(path: Path, keys: list[str], receipts: Receipts | None, *, receipts_pinned: bool) -> Report:
    """Prove the export in ``path``, one or more streams one after the other; ConfigError when unreadable."""
    audit = _audit(keys, receipts, receipts_pinned=receipts_pinned)
    try:
        with path.open("rb") as file, Progress("verified") as progress:
            for number, line in bounded_lines(file):
                if line is None:
                    audit.refuse(f"event: longer than {MAX_LINE_BYTES} bytes", number)
                else:
                    audit.take(line, number)
                progress.advance()
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be read ({exc.strerror}); name a file that `events export` wrote") from exc
    return audit.finish()


def read_receipts(path: Path, console_key: str | None) -> Receipts:
    """Return the receipts in the file ``path``; ConfigError for one that cannot be believed."""
    key = None if console_key is None else read_key(console_key, "--console-key")
    try:
        with path.open("rb") as file:
            lines = (line if line is not None else b"?" for _, line in bounded_lines(file))
            return Receipts.read(lines, key, str(path))
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be read ({exc.strerror}); name the console's file of receipts") from exc


def read_key(text: str, option: str) -> PublicKey:
    """Return the public key that ``text`` is (base64 of 32 bytes) or names (a PEM file); ConfigError for neither."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != 32:
        return PublicKey.of_pem(Path(text))
    try:
        return PublicKey.of_raw(raw)
    except TrustError as exc:
        raise ConfigError(f"{option} {text}: {exc}") from exc


def _audit(keys: list[str], receipts: Receipts | None, *, receipts_pinned: bool) -> Audit:
    given = frozenset(read_key(key, "--device-key") for key in keys)
    source = KeySource.GIVEN if given else KeySource.STREAM
    return Audit(given, source, receipts, receipts_pinned)
