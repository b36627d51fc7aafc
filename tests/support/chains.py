"""Signed streams in memory: what a terminal with a device key writes, without a store."""

from __future__ import annotations

from livegate.events import kinds
from livegate.events.checkpoint import checkpoint
from livegate.events.cloudevents import ChainHead, StoredEvent, genesis, seal
from livegate.events.opened import OpenedEvent
from livegate.trust.keys import SigningKey
from livegate.types import AccessEvent
from support.stores import ENVIRONMENT, IDENTITY, WALL_S, StillClock, plain

STREAM = "0123456789abcdef"
KEY = SigningKey.generate()
NOW = StillClock().now


class Chain:
    """Appends events to a stream; ``events`` is all there ever were."""

    def __init__(self, stream: str = STREAM, key: SigningKey = KEY) -> None:
        self.stream = stream
        self.key = key
        self.head = genesis(stream)
        self.events: list[StoredEvent] = []

    def add(self, event: AccessEvent) -> StoredEvent:
        sealed = seal(event, IDENTITY, self.stream, self.head, WALL_S)
        self.events.append(sealed)
        self.head = ChainHead(sealed.sequence, sealed.chainhash)
        return sealed

    def write(self, number: int = 1) -> Chain:
        for index in range(number):
            self.add(plain(index))
        return self

    def sign(self) -> Chain:
        self.add(checkpoint(self.key, self.stream, self.head, NOW, ENVIRONMENT))
        return self

    def place(self, sequence: int) -> ChainHead:
        """Return the place after the event ``sequence``."""
        if sequence == 0:
            return genesis(self.stream)
        return ChainHead(sequence, self.events[sequence - 1].chainhash)

    def own_up(self, first: int, last: int) -> Chain:
        """Tell that events ``first`` to ``last`` were dropped."""
        self.add(kinds.gap(self.place(first - 1), self.place(last), {"access.attempt": 1}, NOW, ENVIRONMENT))
        return self

    def without(self, *holes: tuple[int, int]) -> list[StoredEvent]:
        """Return all events but those of ``holes`` (first, last)."""
        return [e for e in self.events if not any(first <= e.sequence <= last for first, last in holes)]


def signed_chain(rounds: int = 3, every: int = 5) -> Chain:
    """Return a stream of ``rounds`` times ``every`` events and a checkpoint after them."""
    chain = Chain()
    for _ in range(rounds):
        chain.write(every).sign()
    return chain


def stored(body: bytes) -> StoredEvent:
    """Return an event as it was published."""
    opened = OpenedEvent.of(body)
    return StoredEvent(opened.sequence, opened.chainhash, body)


def exported(events: list[StoredEvent]) -> bytes:
    """Return events as an export holds them."""
    return b"".join(event.body + b"\n" for event in events)
