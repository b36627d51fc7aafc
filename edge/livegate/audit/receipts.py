"""The console's receipts: its signature under a place of a stream, which a terminal cannot take back.

A terminal alone cannot prove that nothing was cut off the end of its stream. The console keeps a receipt for what it
holds: JSON lines of ``stream``, ``through``, ``chainhash``, ``consumer``, ``issued``, ``keyid`` and ``sig``: Ed25519
over ``livegate.receipt.v1``, a zero byte, and the canonical JSON of the other six.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from livegate.audit.verdict import Fault, Finding
from livegate.errors import ConfigError, LinkError, TrustError
from livegate.events.canonical import canonical
from livegate.events.cloudevents import ChainHead
from livegate.events.opened import OpenedEvent, read_sequence
from livegate.trust.envelope import message
from livegate.trust.keys import PublicKey
from livegate.untrusted import parse_object

SIGNED_TYPE = "livegate.receipt.v1"
MAX_RECEIPT_BYTES = 4_096
MAX_RECEIPTS = 1_000_000
_MEMBERS = frozenset({"stream", "through", "chainhash", "consumer", "issued", "keyid", "sig"})


@dataclass(frozen=True, slots=True)
class Receipt:
    """The console held ``stream`` up to ``head``."""

    stream: str
    head: ChainHead

    @classmethod
    def of(cls, line: bytes, console_key: PublicKey | None) -> Self:
        """Return the receipt in ``line``; LinkError when it is none, TrustError when the key did not sign it."""
        members = parse_object(line, MAX_RECEIPT_BYTES, max_depth=1)
        if members.keys() != _MEMBERS or not all(isinstance(value, str) for value in members.values()):
            raise LinkError(f"expected the members {', '.join(sorted(_MEMBERS))}, each a text")
        try:
            through = read_sequence(members["through"])
            sig = base64.b64decode(members.pop("sig"), validate=True)
        except (binascii.Error, ValueError) as exc:
            raise LinkError(f"'through' is no sequence, or 'sig' no base64: {exc}") from exc
        if console_key is not None:
            console_key.verify(sig, message(SIGNED_TYPE, canonical(members)))
        return cls(members["stream"], ChainHead(through, members["chainhash"]))


@dataclass(slots=True)
class Receipts:
    """The receipts of all streams, and what became of them as the streams were read."""

    held: dict[str, dict[int, str]] = field(default_factory=dict)
    confirmed: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, lines: Iterable[bytes], console_key: PublicKey | None, place: str) -> Self:
        """Return the receipts in ``lines``; ConfigError, naming ``place`` and line, for one that cannot be believed."""
        receipts = cls()
        for number, line in enumerate(lines, 1):
            if number > MAX_RECEIPTS:
                raise ConfigError(f"{place}: more than {MAX_RECEIPTS} receipts; give the newest ones")
            if not line.strip():
                continue
            try:
                receipts.add(Receipt.of(line, console_key))
            except (LinkError, TrustError) as exc:
                raise ConfigError(f"{place}: line {number} is no receipt: {exc}") from exc
        return receipts

    def add(self, receipt: Receipt) -> None:
        """Keep ``receipt``; LinkError when another one names another hash for its place."""
        places = self.held.setdefault(receipt.stream, {})
        if places.setdefault(receipt.head.sequence, receipt.head.chainhash) != receipt.head.chainhash:
            raise LinkError(f"another receipt has another hash at {receipt.head.sequence}: one of the two is forged")

    def compare(self, event: OpenedEvent, stream: str) -> Finding | None:
        """Return what is wrong when a receipt names another hash than ``event`` of ``stream`` has."""
        expected = self.held.get(stream, {}).get(event.sequence)
        if expected is None:
            return None
        if expected != event.chainhash:
            why = "the console holds another event here: this one, or one before it, is not what the terminal sent"
            return Finding(event.sequence, Fault.RECEIPT, why)
        self.confirmed[stream] = event.sequence
        return None

    def judge_end(self, stream: str, last: int) -> Finding | None:
        """Return what is wrong when a receipt speaks of more of ``stream`` than there is."""
        most = max(self.held.get(stream, {}), default=0)
        if most <= last:
            return None
        return Finding(last + 1, Fault.RECEIPT, f"cut off: the console holds everything up to {most}")
