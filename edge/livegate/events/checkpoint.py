"""Checkpoints: the terminal's own signature under a place in its chain, which nobody without its key can move.

A ``chain.checkpoint`` event signs the place right before itself. What is signed (Ed25519, RFC 8032) is
``io.livegate.chain.checkpoint.v1``, a zero byte, and the canonical JSON of ``chainhash``, ``keyid``, ``stream`` and
``through``. Since each chain hash covers all before it, one signature vouches for the stream from its beginning.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from livegate.errors import TrustError
from livegate.events.canonical import canonical
from livegate.events.cloudevents import ChainHead, sequence_text
from livegate.events.environment import Environment, event
from livegate.events.opened import read_sequence
from livegate.gate.facts import Clock
from livegate.trust.envelope import message
from livegate.trust.keys import PublicKey
from livegate.types import AccessEvent

CHECKPOINT = "chain.checkpoint"
SIGNED_TYPE = "io.livegate.chain.checkpoint.v1"


class ChainSigner(Protocol):
    """Who signs checkpoints: the device's key, which livegate.trust.keys.SigningKey is one of."""

    @property
    def public(self) -> PublicKey:
        """The public part."""

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of an Ed25519 signature of ``message``; LivegateError when that cannot be had now."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed place: all of ``stream`` up to ``head``, by the device that has ``key``."""

    stream: str
    head: ChainHead
    key: PublicKey
    sig: bytes

    def is_genuine(self) -> bool:
        """Return whether the signature is that of ``key`` over this very place."""
        try:
            self.key.verify(self.sig, signed_bytes(self.stream, self.head, self.key.keyid))
        except TrustError:
            return False
        return True


def signed_bytes(stream: str, head: ChainHead, keyid: str) -> bytes:
    """Return the bytes that a checkpoint's signature is over."""
    place = {"stream": stream, "through": sequence_text(head.sequence), "chainhash": head.chainhash, "keyid": keyid}
    return message(SIGNED_TYPE, canonical(place))


def checkpoint(signer: ChainSigner, stream: str, head: ChainHead, now: Clock, environment: Environment) -> AccessEvent:
    """Everything of ``stream`` up to ``head`` is as this terminal wrote it; raises what ``signer`` raises."""
    keyid = signer.public.keyid
    what = {
        "action": "checkpoint",
        "stream": stream,
        "through": sequence_text(head.sequence),
        "chainhash": head.chainhash,
        "keyid": keyid,
        "key": base64.b64encode(signer.public.raw).decode(),
        "sig": base64.b64encode(signer.sign(signed_bytes(stream, head, keyid))).decode(),
        "countersigned": None,
    }
    return event(CHECKPOINT, what, now, environment)


def read_checkpoint(what: Mapping[str, Any]) -> Checkpoint:
    """Return what a checkpoint event's ``data.what`` says; ValueError when it is not well formed. Judges nothing."""
    try:
        key = PublicKey.of_raw(base64.b64decode(what["key"], validate=True))
        sig = base64.b64decode(what["sig"], validate=True)
        head = ChainHead(read_sequence(what["through"]), str(what["chainhash"]))
        stream, keyid = str(what["stream"]), what["keyid"]
    except (KeyError, TypeError, ValueError, binascii.Error, TrustError) as exc:
        raise ValueError(f"checkpoint: is not well formed ({exc})") from exc
    if keyid != key.keyid:
        raise ValueError("checkpoint: 'keyid' is not that of 'key'")
    return Checkpoint(stream, head, key, sig)
