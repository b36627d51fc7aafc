"""What a central list is made of: its name, manifest and state, and why one is refused."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

from livegate.events.cloudevents import timestamp

MAX_ENTRIES = 1_000_000
# All media entries are compared with the picture of an attack; more would take too long while somebody waits.
MAX_MEDIA = 100_000
MAX_CHUNKS = 8_192


class ListName(enum.StrEnum):
    """The two lists a centre keeps at its terminals."""

    BLOCK = "block"
    ALLOW = "allow"


class BlockKind(enum.StrEnum):
    """What a block entry names."""

    CREDENTIAL = "credential"
    MEDIA = "media"
    TERMINAL = "terminal"


class CredentialKind(enum.StrEnum):
    """How the credential of an allow entry is presented."""

    CARD = "card"
    QR = "qr"
    PIN = "pin"


class ListRefusal(enum.StrEnum):
    """Why a manifest, or what came after it, was not applied."""

    VERSION_BACK = "version_back"
    EXPIRED = "expired"
    WRONG_BASE = "wrong_base"
    WRONG_HASH = "wrong_hash"
    WRONG_COUNT = "wrong_count"
    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    DISK = "disk"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a list will be once ``chunks`` chunks are here: times in Unix seconds, ``base`` None for a whole list.

    ``sha256`` (64 hexadecimal digits) is over the concatenated payload bytes of the chunks in their order, ``entries``
    the number of entries in them all (for a delta: of changes).
    """

    name: ListName
    version: int
    base: int | None
    sha256: str
    chunks: int
    entries: int
    issued_s: float
    expires_s: float


@dataclass(frozen=True, slots=True)
class AppliedList:
    """A list in force; ``entries`` are all it holds now, ``sha256`` is that of the manifest last applied."""

    name: ListName
    version: int
    base: int | None
    expires_s: float
    entries: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The version that was refused last, and why; ``text`` says it to people."""

    version: int
    reason: ListRefusal
    text: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How receiving one list stands.

    ``applied`` is in force. While a version is ``receiving``, ``want`` is the chunk it waits for, or None when all are
    here and ``Receiver.work`` has to put them together. ``refused`` stands until the next version begins to arrive.
    """

    name: ListName
    applied: AppliedList | None
    receiving: int | None = None
    want: int | None = None
    refused: Refused | None = None

    @property
    def complete(self) -> bool:
        """Return whether all chunks are here and not yet in force."""
        return self.receiving is not None and self.want is None

    def state(self) -> dict[str, Any]:
        """Return the payload of the topic ``lists/<name>/state``."""
        applied, refused = self.applied, self.refused
        return {
            "version": 0 if applied is None else applied.version,
            "expires": None if applied is None else timestamp(applied.expires_s),
            "receiving": self.receiving,
            "want": self.want,
            "refused": None if refused is None else {"version": refused.version, "reason": refused.reason.value},
        }
