"""The signed envelope that everything coming down travels in, and what exactly is signed."""

from __future__ import annotations

import base64
import binascii
import enum
from dataclasses import dataclass
from typing import Any

from livegate.errors import LinkError, Refusal, TrustError
from livegate.events.canonical import canonical
from livegate.trust.keys import KEYID, SIGNATURE_BYTES, SigningKey
from livegate.untrusted import parse_object

_MEMBERS = frozenset({"payload", "type", "keyid", "sig"})


class EnvelopeType(enum.StrEnum):
    """What a signed payload means; part of what is signed, so that none can pass for another."""

    KEYSET = "livegate.keyset.v1"
    COMMAND = "livegate.command.v1"
    TWIN = "livegate.twin.v1"
    LIST_MANIFEST = "livegate.list.manifest.v1"
    LIST_CHUNK = "livegate.list.chunk.v1"
    LABEL = "livegate.label.v1"


@dataclass(frozen=True, slots=True)
class Envelope:
    """An envelope that is well formed; nothing in it is trusted yet. ``sig`` has 64 bytes."""

    payload: bytes
    type: EnvelopeType
    keyid: str
    sig: bytes


def message(type_: str, payload: bytes) -> bytes:
    """Return the bytes that are signed: ``type || 0x00 || payload``."""
    return type_.encode() + b"\x00" + payload


def seal(key: SigningKey, type_: EnvelopeType, payload: bytes) -> bytes:
    """Return ``payload`` signed by ``key``, as it is published."""
    return canonical(
        {
            "payload": base64.b64encode(payload).decode(),
            "type": type_,
            "keyid": key.public.keyid,
            "sig": base64.b64encode(key.sign(message(type_, payload))).decode(),
        }
    )


def parse_envelope(body: bytes, max_bytes: int) -> Envelope:
    """Return the envelope in ``body``, which says nothing yet of its signature.

    Raises TrustError (malformed) unless it is one flat JSON object of at most ``max_bytes`` with exactly the four
    members, a type we know, and base64 in the one form RFC 4648 calls canonical.
    """
    try:
        members = parse_object(body, max_bytes, max_depth=1)
    except LinkError as exc:
        raise TrustError(Refusal.MALFORMED, f"envelope: {exc}") from exc
    if members.keys() != _MEMBERS:
        raise _malformed(f"expected the members {', '.join(sorted(_MEMBERS))}")
    keyid, sig = members["keyid"], from_base64(members["sig"], "sig")
    if members["type"] not in list(EnvelopeType):
        raise _malformed("'type' is none this version knows")
    if not isinstance(keyid, str) or not KEYID.fullmatch(keyid):
        raise _malformed("'keyid' is not 16 lower-case hexadecimal digits")
    if len(sig) != SIGNATURE_BYTES:
        raise _malformed(f"'sig' has {len(sig)} bytes, expected {SIGNATURE_BYTES}")
    return Envelope(from_base64(members["payload"], "payload"), EnvelopeType(members["type"]), keyid, sig)


def from_base64(text: Any, what: str) -> bytes:
    """Return the bytes in standard base64; TrustError (malformed) unless padded, without spaces or spare bits."""
    if not isinstance(text, str):
        raise _malformed(f"'{what}' is not a string")
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise _malformed(f"'{what}' is not base64") from exc
    # The decoder ignores stray bits in the last digit and what follows the padding.
    if base64.b64encode(content).decode() != text:
        raise _malformed(f"'{what}' is not canonical base64")
    return content


def _malformed(text: str) -> TrustError:
    return TrustError(Refusal.MALFORMED, f"envelope: {text}")
