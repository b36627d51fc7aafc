"""What every part of a transaction writes with: the connection, what is known besides it, and the end of the stream."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field

from livegate.config import StoreConfig
from livegate.errors import StoreError
from livegate.events.checkpoint import ChainSigner
from livegate.events.cloudevents import ChainHead, Identity, StoredEvent, seal
from livegate.events.environment import Environment
from livegate.events.integrity import Fill
from livegate.gate.facts import Clock
from livegate.store import room
from livegate.store.gathering import CentralLists, Finding
from livegate.store.pseudonyms import Pseudonyms
from livegate.store.running import RunningTime
from livegate.store.upkeep import Upkeep
from livegate.types import AccessEvent


@dataclass(slots=True)
class Signing:
    """Who signs the chain of a store; without a signer nothing is signed, and so nothing pruned."""

    signer: ChainSigner | None = None
    failing: bool = False
    """Whether it could not be signed the last time; said once, not with each event."""
    looked_through: int = 0
    """Up to this sequence, committed and so not to change, no gap event waits for a signature."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a transaction knows besides the database."""

    identity: Identity
    limits: StoreConfig
    pseudonyms: Pseudonyms
    running: RunningTime
    environment: Environment
    """What the store's own events say of the circumstances."""
    central: CentralLists | None = None
    media_bits: int = 0
    """How many of a signature's bits two pictures of one medium may differ in."""
    upkeep: Upkeep = field(default_factory=Upkeep)
    signing: Signing = field(default_factory=Signing)


class Writing:
    """One transaction as its parts see it; Transaction is the whole."""

    def __init__(
        self, connection: sqlite3.Connection, context: Context, opened: Clock, unsaid: tuple[AccessEvent, ...] = ()
    ) -> None:
        """``unsaid`` are events of before that had no room then; they go ahead of the first one recorded here."""
        self.connection = connection
        self.context = context
        self.unsaid = unsaid
        self.opened = opened
        """The moment the transaction began; events are recorded with its wall time."""
        self.found: list[Finding] = []
        """Damaged rows met on the way, for the background check to tell of."""
        self.appended = 0
        """How many events were recorded."""
        self._head: ChainHead | None = None
        self._running_ns = 0
        self._stream: room.Stream | None = None
        self._space: tuple[int, int] | None = None

    def say_first(self, event: AccessEvent) -> None:
        """Record ``event`` ahead of the next one, in this transaction or a later one."""
        self.unsaid = (*self.unsaid, event)

    def append(self, event: AccessEvent) -> StoredEvent:
        """Record ``event`` without asking for room: for what the store itself must say."""
        head = self.head()
        try:
            stored = seal(event, self.context.identity, self.stream().stream, head, self.opened.wall_s)
        except (ValueError, TypeError) as exc:
            raise StoreError(f"event {event.kind}: its data cannot be written as JSON: {exc}") from exc
        self._running_ns = max(self._running_ns, self.context.running.at(self.opened))
        self.connection.execute(
            "INSERT INTO event (sequence, chainhash, kind, running_ns, body) VALUES (?, ?, ?, ?, ?)",
            (stored.sequence, bytes.fromhex(stored.chainhash), event.kind, self._running_ns, stored.body),
        )
        self._head = ChainHead(stored.sequence, stored.chainhash)
        self.appended += 1
        return stored

    def head(self) -> ChainHead:
        """Return the newest event of the stream, as this transaction sees it."""
        if self._head is None:
            self._head, self._running_ns = self._read_head()
        return self._head

    def stream(self) -> room.Stream:
        """Return the stream's own row, as this transaction sees it."""
        if self._stream is None:
            self._stream = room.read_stream(self.connection)
        return self._stream

    def stream_changed(self) -> None:
        """Read the stream's row and the size anew the next time: this transaction changed them."""
        self._stream = self._space = None

    def fill(self, coming: int = 0) -> Fill:
        """Return how full the store is, with so many events more than it holds."""
        held = self.head().sequence - self.stream().released_through + coming
        if self._space is None:
            self._space = room.space(self.connection)
        return room.fill_of(self.context.limits, held, self._space, disk_full=self.context.upkeep.disk_full)

    def _read_head(self) -> tuple[ChainHead, int]:
        # Read anew in every transaction: the command line may have written since the last one.
        row = self.connection.execute(
            "SELECT sequence, chainhash, running_ns FROM event ORDER BY sequence DESC LIMIT 1"
        ).fetchone()
        if row is None:
            return self.stream().anchor, 0
        return ChainHead(row[0], row[1].hex()), row[2]
