"""The console's acknowledgement: what it holds without a gap, and what it misses."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from livegate.errors import LinkError
from livegate.events.cloudevents import sequence_text
from livegate.events.opened import read_sequence
from livegate.untrusted import parse_object

MAX_ACK_BYTES = 1024

_CHAINHASH = re.compile(r"[0-9a-f]{64}")
_STREAM = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CONSUMER = re.compile(r"[\x20-\x7e]{1,64}")


@dataclass(frozen=True, slots=True)
class Ack:
    """``consumer`` holds every event of ``stream`` up to ``through``, whose chain hash is ``chainhash``.

    ``through`` is 0 while it holds none, and the chain hash then that of the empty stream. ``want`` is the first
    sequence it asks for again, always above ``through``.
    """

    stream: str
    through: int
    chainhash: str
    consumer: str
    want: int | None = None


def format_ack(ack: Ack) -> bytes:
    """Return the message that :func:`parse_ack` reads."""
    want = None if ack.want is None else sequence_text(ack.want)
    members = {
        "stream": ack.stream,
        "through": sequence_text(ack.through),
        "chainhash": ack.chainhash,
        "want": want,
        "consumer": ack.consumer,
    }
    return json.dumps(members, separators=(",", ":")).encode()


def parse_ack(payload: bytes) -> Ack:
    """Return the acknowledgement in a message from the network; raise LinkError for anything else.

    Members the contract does not name are ignored, so that it can grow.
    """
    members = parse_object(payload, MAX_ACK_BYTES, max_depth=2)
    want = None if members.get("want") is None else parse_sequence(members["want"], "want")
    ack = Ack(
        stream=_text(members, "stream", _STREAM),
        through=parse_sequence(members.get("through"), "through"),
        chainhash=_text(members, "chainhash", _CHAINHASH),
        consumer=_text(members, "consumer", _CONSUMER),
        want=want,
    )
    if want is not None and want <= ack.through:
        raise LinkError(f"'want' {want} is not above 'through' {ack.through}")
    return ack


def parse_sequence(value: object, member: str) -> int:
    """Return the number in a twelve-digit string; raise LinkError for anything else."""
    try:
        return read_sequence(value)
    except ValueError as exc:
        raise LinkError(f"'{member}' is not a string of 12 digits") from exc


def _text(members: dict[str, Any], member: str, pattern: re.Pattern[str]) -> str:
    value = members.get(member)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise LinkError(f"'{member}' is missing or malformed, expected {pattern.pattern}")
    return value
