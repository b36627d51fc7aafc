"""Events as the world sees them: CloudEvents 1.0 in canonical JSON, each bound to the one before it by a hash.

The chain: ``chainhash_0 = SHA-256(stream)``, ``chainhash_n = SHA-256(chainhash_(n-1) || unsealed_n)``, where the stream
is its ASCII text, the previous hash its 32 raw bytes, and ``unsealed_n`` the canonical JSON (RFC 8785) of event n
without its member ``chainhash``. The stored and published body is the canonical JSON of the event with that member;
since the form is canonical, taking the member out of a body gives back exactly the bytes that were hashed.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from livegate.errors import StoreError
from livegate.events.canonical import canonical
from livegate.types import AccessEvent

MAX_SEQUENCE = 999_999_999_999
MAX_EVENT_BYTES = 20 * 1024
"""With its topic an event fits the smallest packet we ask of a broker; the largest there is takes three quarters."""
_TYPE_PREFIX, _TYPE_SUFFIX = "io.livegate.", ".v1"
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z", re.ASCII)
_SEALED = re.compile(rb'(\{"bootid":"(?:[^"\\]|\\.)*"),"chainhash":"([0-9a-f]{64})",')


@dataclass(frozen=True, slots=True)
class Identity:
    """Which terminal speaks: its site and id, firmware, this boot, and the door it stands at."""

    site: str
    terminal: str
    firmware: str
    boot_id: str
    door: str


@dataclass(frozen=True, slots=True)
class ChainHead:
    """A place in a stream: the sequence of an event and the chain hash after it, hexadecimal. 0 is before the first."""

    sequence: int
    chainhash: str


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as it is kept and published: ``body`` is the canonical JSON with its chain hash."""

    sequence: int
    chainhash: str
    body: bytes


def genesis(stream: str) -> ChainHead:
    """Return the head of ``stream`` before its first event."""
    return ChainHead(0, hashlib.sha256(stream.encode()).hexdigest())


def seal(event: AccessEvent, identity: Identity, stream: str, head: ChainHead, recorded_s: float) -> StoredEvent:
    """Return ``event`` as the next of ``stream`` after ``head``; ``recorded_s`` is wall time in Unix seconds.

    Raises ValueError or TypeError when its data cannot be written as JSON, StoreError when the stream is used up or the
    event is longer than MAX_EVENT_BYTES.
    """
    sequence = head.sequence + 1
    if sequence > MAX_SEQUENCE:
        raise StoreError(f"stream {stream}: used up after {MAX_SEQUENCE} events; move the store aside")
    unsealed = canonical(_attributes(event, identity, stream, sequence, recorded_s))
    chainhash = next_hash(head.chainhash, unsealed)
    # In canonical order the hash stands second, right after the boot id.
    first = b'{"bootid":%b,' % canonical(identity.boot_id)
    body = b'%b"chainhash":"%b",%b' % (first, chainhash.encode(), unsealed[len(first) :])
    if len(body) > MAX_EVENT_BYTES:
        raise StoreError(
            f"event {event.kind}: {len(body)} bytes, expected at most {MAX_EVENT_BYTES}; shorten what it tells of"
        )
    return StoredEvent(sequence, chainhash, body)


def unseal(body: bytes) -> tuple[bytes, str]:
    """Cut the chain hash out of ``body``; return what was hashed and the hash. Needs no parsing.

    Raises ValueError where the member does not stand in its canonical place, right after ``bootid`` at the beginning.
    """
    found = _SEALED.match(body)
    if found is None:
        raise ValueError("event: does not begin with 'bootid' and 'chainhash'")
    return b"%b,%b" % (found[1], body[found.end() :]), found[2].decode()


def next_hash(previous: str, unsealed: bytes) -> str:
    """Return the chain hash of the event whose canonical JSON without it is ``unsealed``, after ``previous``."""
    return hashlib.sha256(bytes.fromhex(previous) + unsealed).hexdigest()


def type_of(kind: str) -> str:
    """Return the CloudEvents type of a kind: "gap" is "io.livegate.gap.v1"."""
    return f"{_TYPE_PREFIX}{kind}{_TYPE_SUFFIX}"


def kind_of(event_type: object) -> str:
    """Return the kind in a CloudEvents type, the type itself as text where it is none of ours."""
    return str(event_type).removeprefix(_TYPE_PREFIX).removesuffix(_TYPE_SUFFIX)


def timestamp(wall_s: float) -> str:
    """Return Unix seconds as RFC 3339 in UTC with milliseconds; years outside 1..9999 are clamped to 1970."""
    try:
        moment = datetime.fromtimestamp(wall_s, UTC)
    except (OverflowError, OSError, ValueError):
        moment = datetime.fromtimestamp(0, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def moment_s(text: str) -> float:
    """Return the Unix seconds of a moment in RFC 3339 in UTC ("2026-11-22T08:00:00.000Z"); ValueError for any other.

    Fractions of up to six digits are known, other offsets than Z are not.
    """
    if not _MOMENT.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is not a moment like 2026-11-22T08:00:00.000Z")
    return datetime.fromisoformat(text).timestamp()


def sequence_text(sequence: int) -> str:
    """Return a sequence as events write it: 12 digits."""
    return f"{sequence:012d}"


def _attributes(
    event: AccessEvent, identity: Identity, stream: str, sequence: int, recorded_s: float
) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"{identity.terminal}/{stream}/{sequence_text(sequence)}",
        "source": f"urn:livegate:{identity.site}:{identity.terminal}",
        "type": type_of(event.kind),
        "datacontenttype": "application/json",
        "dataschema": f"urn:livegate:schema:{event.kind}:v1",
        "subject": identity.door,
        "time": timestamp(event.wall_s),
        "stream": stream,
        "sequence": sequence_text(sequence),
        "recordedtime": timestamp(recorded_s),
        "bootid": identity.boot_id,
        "severity": event.severity,
        "data": event.data,
    }
