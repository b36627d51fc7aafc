"""The retained status: who is online, since when, and the challenge that commands must answer."""

from __future__ import annotations

import enum
import json
import secrets
from dataclasses import dataclass
from typing import Any

from livegate.errors import LinkError
from livegate.events.cloudevents import sequence_text
from livegate.report.acks import parse_sequence
from livegate.untrusted import parse_object

MAX_STATUS_BYTES = 4096


class Presence(enum.StrEnum):
    """Whether the terminal is connected to its broker."""

    ONLINE = "online"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class Status:
    """What the terminal says of itself on every connect.

    ``challenge`` is random per connection. ``since`` is wall time, ISO 8601 in UTC; in a last will it is when the
    connection that ended began, because the broker publishes the words it was given then. ``sent_through`` is the
    highest sequence of ``stream`` handed to the broker.
    """

    state: Presence
    boot_id: str
    challenge: str
    since: str
    firmware: str
    stream: str
    sent_through: int


def new_challenge() -> str:
    """Return 128 random bits in hexadecimal."""
    return secrets.token_hex(16)


def format_status(status: Status) -> bytes:
    """Return the status as it is published."""
    members = {
        "state": str(status.state),
        "boot_id": status.boot_id,
        "challenge": status.challenge,
        "since": status.since,
        "firmware": status.firmware,
        "stream": status.stream,
        "sent_through": sequence_text(status.sent_through),
    }
    return json.dumps(members, separators=(",", ":")).encode()


def parse_status(payload: bytes) -> Status:
    """Return the status in a message from the network; raise LinkError for anything else."""
    members = parse_object(payload, MAX_STATUS_BYTES, max_depth=4)
    if members.get("state") not in list(Presence):
        raise LinkError("'state' is neither online nor offline")
    return Status(
        state=Presence(members["state"]),
        boot_id=_text(members, "boot_id"),
        challenge=_text(members, "challenge"),
        since=_text(members, "since"),
        firmware=_text(members, "firmware"),
        stream=_text(members, "stream"),
        sent_through=parse_sequence(members.get("sent_through"), "sent_through"),
    )


def _text(members: dict[str, Any], member: str) -> str:
    value = members.get(member)
    if not isinstance(value, str) or len(value) > 128 or not value.isprintable():
        raise LinkError(f"'{member}' is missing or malformed, expected a printable string of at most 128 characters")
    return value
