"""Receipts: the centre's signature under what it holds, since no terminal can prove that its own tail was not cut.

One JSON object a line with ``stream``, ``through`` (12 digits), ``chainhash``, ``consumer``, ``keyid``, ``issued`` and
``sig``. What is signed (Ed25519) is ``livegate.receipt.v1``, a zero byte, and the canonical JSON of all the others.
"""

from __future__ import annotations

import base64
import os
import time
from pathlib import Path

from livegate.audit.receipts import MAX_RECEIPT_BYTES, SIGNED_TYPE
from livegate.errors import LinkError
from livegate.events.canonical import canonical
from livegate.events.cloudevents import ChainHead, sequence_text, timestamp
from livegate.trust.envelope import message
from livegate.trust.keys import SigningKey


def sign_receipt(key: SigningKey, stream: str, head: ChainHead, consumer: str, issued_s: float) -> bytes:
    """Return a receipt for everything of ``stream`` up to ``head``, without a line end."""
    members = {
        "stream": stream,
        "through": sequence_text(head.sequence),
        "chainhash": head.chainhash,
        "consumer": consumer,
        "keyid": key.public.keyid,
        "issued": timestamp(issued_s),
    }
    sig = key.sign(message(SIGNED_TYPE, canonical(members)))
    return canonical(members | {"sig": base64.b64encode(sig).decode()})


class Receipts:
    """Signs for checkpoints and appends to a file; :meth:`settle` has them on the disk before an acknowledgement."""

    def __init__(self, path: Path, key: SigningKey, consumer: str) -> None:
        """Open ``path`` to append to, 0600 when it is made; LinkError when it cannot be."""
        self._path, self._key, self._consumer = path, key, consumer
        self._unsettled: list[bytes] = []
        try:
            self._cut_torn_line()
        except OSError as exc:
            raise LinkError(f"{path}: cannot be written ({exc.strerror}); give another file for receipts") from exc

    def sign(self, stream: str, head: ChainHead) -> None:
        """Sign for everything of ``stream`` up to ``head``."""
        self._unsettled.append(sign_receipt(self._key, stream, head, self._consumer, time.time()) + b"\n")

    def settle(self) -> None:
        """Write what was signed and wait until the disk has it; LinkError when it cannot."""
        if not self._unsettled:
            return
        try:
            # A full disk may have taken the half of what was tried last.
            self._cut_torn_line()
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                with os.fdopen(os.dup(descriptor), "ab") as file:
                    file.write(b"".join(self._unsettled))
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as exc:
            raise LinkError(
                f"{self._path}: cannot be written ({exc.strerror}); nothing is acknowledged until it can"
            ) from exc
        self._unsettled.clear()

    def _cut_torn_line(self) -> None:
        """Take away a line without its end, which was never settled: its checkpoint was not acknowledged."""
        with os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b") as file:
            size = file.seek(0, os.SEEK_END)
            begin = max(0, size - MAX_RECEIPT_BYTES)
            file.seek(begin)
            tail = file.read()
            if tail and not tail.endswith(b"\n"):
                file.truncate(begin + tail.rfind(b"\n") + 1)
