"""An event stream in memory that behaves like the store: gapless, chained, released only by a right acknowledgement."""

from __future__ import annotations

import threading
import time

from livegate.errors import LinkError
from livegate.events.checkpoint import checkpoint
from livegate.events.cloudevents import ChainHead, Identity, StoredEvent, genesis, seal
from livegate.trust.keys import SigningKey
from livegate.types import AccessEvent
from support.stores import ENVIRONMENT, StillClock

KEY = SigningKey.generate()
IDENTITY = Identity(site="lab", terminal="t1", firmware="0", boot_id="boot", door="door")


def seal_next(
    head: ChainHead, stream: str, number: int, kind: str = "access.attempt", what: object = None
) -> StoredEvent:
    event = AccessEvent(kind, {"what": what or {"outcome": "denied", "number": number}}, time.time(), number)
    return seal(event, IDENTITY, stream, head, time.time())


class MemoryStream:
    """A livegate.report.source.EventSource."""

    def __init__(self, stream: str = "stream-a"):
        self.stream = stream
        self._events: list[StoredEvent] = []
        self._acknowledged = 0
        self._dropped = ChainHead(0, "")
        self._lock = threading.Lock()

    def commit(self, count: int = 1, kind: str = "access.attempt", what: object = None) -> None:
        for _ in range(count):
            with self._lock:
                head = self._head()
                self._events.append(seal_next(head, self.stream, head.sequence + 1, kind, what))

    def drop_through(self, sequence: int) -> None:
        """Give up the oldest unacknowledged events and own up to it, as a full store does."""
        before = ChainHead(self._acknowledged, self._hash(self._acknowledged))
        self._dropped = ChainHead(sequence, self._hash(sequence))
        what = {
            "from": f"{before.sequence + 1:012d}",
            "to": f"{sequence:012d}",
            "chainhash_before": before.chainhash,
            "chainhash_after": self._dropped.chainhash,
        }
        self.commit(kind="gap", what=what)

    def sign(self, key: SigningKey = KEY) -> None:
        """Vouch for everything so far with the device's key."""
        with self._lock:
            head = self._head()
            event = checkpoint(key, self.stream, head, StillClock().now, ENVIRONMENT)
            self._events.append(seal(event, IDENTITY, self.stream, head, time.time()))

    def last(self) -> ChainHead:
        with self._lock:
            return self._head()

    def acknowledged_through(self) -> int:
        return self._acknowledged

    def unacknowledged(self, after: int, limit: int) -> list[StoredEvent]:
        first = max(after, self._acknowledged, self._dropped.sequence)
        return self._events[first : first + limit]

    def newest_gap(self) -> StoredEvent | None:
        return next((event for event in reversed(self._events) if b'"type":"io.livegate.gap.v1"' in event.body), None)

    def chainhash_at(self, sequence: int) -> str | None:
        kept = 0 < sequence <= len(self._events) and not self._acknowledged < sequence < self._dropped.sequence
        return self._hash(sequence) if kept else None

    def acknowledge(self, through: int, chainhash: str, consumer: str) -> None:
        if through <= self._acknowledged or through < self._dropped.sequence:
            return
        if self.chainhash_at(through) != chainhash:
            raise LinkError(f"acknowledgement of {through} by {consumer}: not our chain hash")
        self._acknowledged = through

    def _head(self) -> ChainHead:
        return ChainHead(len(self._events), self._hash(len(self._events)))

    def _hash(self, sequence: int) -> str:
        return self._events[sequence - 1].chainhash if sequence else genesis(self.stream).chainhash
