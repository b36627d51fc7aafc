"""What the link needs of the store, and nothing more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from livegate.events.cloudevents import ChainHead, StoredEvent


class EventSource(Protocol):
    """A gapless stream of events with an outbox; called only from the MQTT thread once the link runs.

    Every method may raise StoreError.
    """

    @property
    def stream(self) -> str:
        """The random name of this stream."""

    def last(self) -> ChainHead:
        """Return where the stream ends."""

    def acknowledged_through(self) -> int:
        """Return the highest sequence the console has acknowledged, 0 for none."""

    def unacknowledged(self, after: int, limit: int) -> Sequence[StoredEvent]:
        """Return up to ``limit`` events after the sequence ``after``, in order."""

    def newest_gap(self) -> StoredEvent | None:
        """Return the newest gap event, which accounts for all that was dropped and not acknowledged; None for none."""

    def chainhash_at(self, sequence: int) -> str | None:
        """Return the chain hash at ``sequence``, or None when it is not kept any more or not yet there."""

    def acknowledge(self, through: int, chainhash: str, consumer: str) -> None:
        """Release every event up to ``through``; raise LinkError when ``chainhash`` is not the one there."""
